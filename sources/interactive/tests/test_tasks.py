"""Jobs of the catalogue, run as a worker's child does, without the process around it."""

from __future__ import annotations

import pytest

from interactive import tasks
from interactive.models import CatalogFile, FileState, FileType
from jobs import services

pytestmark = pytest.mark.django_db


def test_the_check_of_the_catalogue_reports_what_is_wrong():
    job = services.submit("check_invariants", {"sha1": True})
    assert tasks.check_invariants(None, **job.parameters)["faults"] == 0
    CatalogFile.objects.create(
        name="lost.fits", type=FileType.REFERENCE, extension=".fits", observatory="hst",
        state=FileState.ARCHIVED, stored=True, size=1, sha1sum="0" * 40)
    result = tasks.check_invariants(None)
    assert result["faults"] >= 1
    assert [finding["check"] for finding in result["findings"]
            if finding["name"] == "lost.fits" and finding["severity"] == "fault"] == ["stored"]
