"""A small catalogue made of rows only, that tests can let grow."""

from __future__ import annotations

from django.utils import timezone

from interactive.models import (
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
    FileType,
    ImportFinding,
    RuleLink,
)
from interactive.services import revision

INSTRUMENTS = ("acs", "cos", "stis", "wfc3", "wfpc2")
KINDS = ("biasfile", "darkfile", "idctab", "pfltfile")


def file(name: str, *, stored: bool = True, state: str = FileState.LATEST, **fields) -> CatalogFile:
    """A published file called ``name``; its type follows from the extension."""
    extension = "." + name.rpartition(".")[2]
    is_rule = extension in (".pmap", ".imap", ".rmap")
    known = {"size": 1000, "sha1sum": "0" * 40, "delivery_date": timezone.now(), **fields}
    return CatalogFile.objects.create(
        name=name, observatory="hst", extension=extension, state=state, stored=stored,
        type=FileType.MAPPING if is_rule else FileType.REFERENCE, **known)


def link(parent: CatalogFile, child: CatalogFile, key: str = "") -> None:
    RuleLink.objects.create(parent=parent, child=child, key=key)


def make(serial: int = 1, instruments: int = 2, kinds: int = 2, references: int = 2) -> CatalogFile:
    """A context with that many instruments, types of each, and references of each; it is latest."""
    pmap = file(f"hst_{serial:04d}.pmap")
    for instrument in INSTRUMENTS[:instruments]:
        imap = file(f"hst_{instrument}_{serial:04d}.imap", instrument=instrument)
        link(pmap, imap, instrument)
        for kind in KINDS[:kinds]:
            rmap = file(f"hst_{instrument}_{kind}_{serial:04d}.rmap",
                        instrument=instrument, filekind=kind)
            link(imap, rmap, kind)
            for number in range(references):
                reference = file(
                    f"r{serial:04d}{number:03d}{instrument[0]}_{instrument}_{kind}.fits",
                    instrument=instrument, filekind=kind, stored=number % 2 == 0)
                link(rmap, reference)
    ContextHistory.objects.create(
        start_date=timezone.now(), context=pmap.name, description=f"Delivery {serial}")
    for kind in ("latest", "edit"):
        ContextPointer.objects.update_or_create(kind=kind, defaults={"context": pmap})
    revision.bump()
    return pmap


def findings(number: int) -> None:
    ImportFinding.objects.bulk_create(
        ImportFinding(code="closure", name=f"hst_{n:04d}.pmap", reason="It contains <nothing>.",
                      published=False)
        for n in range(number))
