"""Help pages that clients print the address of."""

from __future__ import annotations

from django.conf import settings
from django.shortcuts import render

from interactive.services import contexts

from .files import base_url

#: Package to install, and file and dataset names that users of the observatory recognise.
EXAMPLES = {
    "hst": {
        "package": "crds",
        "note": "Rules and FITS files of HST need nothing else.",
        "files": "j8bt06o6q_raw.fits",
        "id": "J8BT05020:J8BT06O6Q",
    },
    "jwst": {
        "package": "crds[jwst]",
        "note": "The part in brackets adds the data models of JWST; inside the calibration"
                " pipeline's own environment the client is installed already.",
        "files": "jw94015004002_02109_00001_mirimage_uncal.fits",
        "id": "JW94015004002_02109_00001.MIRIMAGE:JW94015004002_02109_00001.MIRIMAGE",
    },
    "roman": {
        "package": "crds[roman]",
        "note": "The part in brackets adds the data models of Roman; inside the calibration"
                " pipeline's own environment the client is installed already.",
        "files": "r0000101001001001001_0001_wfi01_uncal.asdf",
        "id": "R0000101001001001001_0001_WFI01:R0000101001001001001_0001_WFI01",
    },
    "tobs": {"package": "crds", "note": "", "files": "dataset.fits", "id": "DATASET:DATASET"},
}


def cmdline_bestrefs(request):
    """How to find best references from a command line; errors of the client name this page."""
    return render(request, "interactive/cmdline_bestrefs.html", {
        "server_url": base_url(request),
        "latest": contexts.pointer("latest") or f"{settings.CRDS_OBSERVATORY}_NNNN.pmap",
        "limit": settings.MAX_IDS_PER_RPC,
        "example": EXAMPLES[settings.CRDS_OBSERVATORY],
    })
