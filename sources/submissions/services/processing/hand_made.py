"""Rules that people bring: order, names, parents, and whether they are right."""

from __future__ import annotations

from interactive.models import CatalogFile, FileType
from interactive.services import names as naming
from rules.names import extension

from ...models import Level, SubmittedFile
from . import checking, rulemaking
from .work import Work


def resolve(work: Work) -> None:
    """Bring the rules into order and give them their names."""
    from rules.editing import mapping_sets

    rows = work.uploaded(FileType.MAPPING)
    by_name = {row.uploaded_as: row for row in rows}
    by_place = {_place(row): row for row in rows}
    submission = work.submission

    def allocate(series: str) -> str:
        return work.allocate(by_place[series], series)

    resolved = mapping_sets.resolve(
        [work.upload(row) for row in rows], allocate, work.files,
        base_pmap=work.stored(submission.base_context), locate=work.stored, known=_known,
        auto_rename=submission.auto_rename, put_in=submission.generate_contexts,
        names=list(by_name))
    work.find_all(resolved.findings, stage="rules", by_name=by_name)
    work.stop_on_errors()
    for file in resolved.files:
        row = by_name[file.uploaded]
        row.instrument = file.instrument if file.kind != ".pmap" else ""
        row.filekind = file.filekind if file.kind == ".rmap" else ""
        row.derived_from = (file.parent or row.derived_from)[:256]
        work.save(row, "instrument", "filekind", "derived_from")
        if _named(work, row, file.name):
            work.say(f"Renaming '{row.uploaded_as}' --> '{row.name}'")
            work.say(f"Adding file '{row.name}' to database.")
            work.measure(row)
            if file.change is not None:
                rulemaking.record(work, file.change, row)


def _place(row: SubmittedFile) -> str:
    """The series that a rule belongs to, by what it is."""
    from django.conf import settings

    parts = [settings.CRDS_OBSERVATORY, row.instrument, row.filekind]
    return "_".join(filter(None, parts)) + extension(row.uploaded_as)


def _known(name: str) -> bool:
    return CatalogFile.objects.published().filter(name=name).exists()


def _named(work: Work, row: SubmittedFile, name: str) -> bool:
    try:
        work.reserve(row, name)
    except naming.NameTaken as exc:
        work.find(Level.ERROR, "name-taken", exc.message, "Tick Auto-Rename, or give the file a"
                  " new name and upload it again.", stage="rules", file=row)
        return False
    return True


def certify(work: Work) -> None:
    """Certify the rules."""
    rows = work.uploaded(FileType.MAPPING)
    checking.certify_files(
        work, rows, {row.uploaded_as: work.path(row) for row in rows},
        names={row.uploaded_as: row.name for row in rows}, coming=[row.name for row in rows])
