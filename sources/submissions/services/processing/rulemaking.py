"""Rules made from references: trial of the insertion, new rmaps, deletion, addition."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from common.faultpoints import reach
from interactive.models import CatalogFile, FileType, RuleLink
from rules.names import series

from ...models import Kind, Level, Origin, RuleChange, SubmittedFile
from . import checking
from .work import Work, link_or_copy


def rmap_in(context: str, instrument: str, filekind: str) -> str:
    """Name of the rmap that ``context`` has for a type, empty without one; two queries."""
    imap = RuleLink.objects.filter(parent__name=context, key=instrument).values("child_id")
    return (RuleLink.objects.filter(parent__in=imap, key=filekind)
            .values_list("child__name", flat=True).first() or "")


def groups(files: list[SubmittedFile]) -> dict[tuple[str, str], list[SubmittedFile]]:
    """References by instrument and type; of a GEIS pair the header alone stands in rules."""
    from rules.certifying import geis

    found = defaultdict(list)
    for file in files:
        if not (geis.is_half(file.uploaded_as) and file.uploaded_as[-1] in "dD"):
            found[file.instrument, file.filekind].append(file)
    return dict(sorted(found.items()))


def old_rmap(work: Work, instrument: str, filekind: str,
             files: list[SubmittedFile]) -> str | None:
    """The rmap to derive from; a finding says when the context has none."""
    context = work.submission.base_context
    name = rmap_in(context, instrument, filekind)
    if name:
        work.say(f"Resolved old rmap as '{name}' based on context '{context}'")
        return name
    for file in files:
        work.find(Level.ERROR, "no-rules", f"The context {context} has no rules for"
                  f" {instrument} {filekind}.", "Submit rules for this type first, with \"Submit"
                  " Mappings\", or choose another context.", stage="insertion", file=file)
    return None


def trial(work: Work) -> None:
    """Insert the files on trial."""
    from rules.editing import insertion

    for (instrument, filekind), files in groups(work.uploaded(FileType.REFERENCE)).items():
        old = old_rmap(work, instrument, filekind, files)
        if old is None:
            continue
        work.say(f"Doing trial insertion of {len(files)} references into '{old}'")
        change = insertion.trial(
            work.stored(old), [work.upload(file) for file in files], old_name=old,
            names=[file.uploaded_as for file in files])
        # Notes come again with the insertion itself, under official names.
        work.find_all([found for found in change.findings if found.level != Level.NOTE],
                      stage="insertion", by_name={file.uploaded_as: file for file in files})


def insert(work: Work) -> None:
    """Make the new rules."""
    from rules.editing import insertion

    for (instrument, filekind), files in groups(work.uploaded(FileType.REFERENCE)).items():
        old = rmap_in(work.submission.base_context, instrument, filekind)
        row = work.generated(old, series(old), instrument=instrument, filekind=filekind)
        work.say(f"Generating new rmap '{row.name}' from '{old}'.")
        change = insertion.insert(
            work.stored(old), work.path(row), row.name, [work.path(file) for file in files],
            old_name=old)
        work.find_all([found for found in change.findings if found.level == Level.NOTE
                       or not change.ok], stage="insertion",
                      by_name={file.name: file for file in files})
        keep(work, row, change)


def keep(work: Work, row: SubmittedFile, change) -> None:
    """Note a rule file that was made, and what it changes."""
    if not change.ok:
        return
    work.say(f"Adding file '{row.name}' to database.")
    work.measure(row)
    record(work, change, row)
    reach("process.rule-made")


def record(work: Work, change, row: SubmittedFile) -> RuleChange:
    """The :class:`RuleChange` of a change of ``rules.editing``."""
    with work.transaction():
        return RuleChange.objects.update_or_create(
            submission=work.submission, new=row.name, defaults={
                "old": change.old, "instrument": row.instrument, "filekind": row.filekind,
                "rows": change.section})[0]


def certify(work: Work) -> None:
    """Certify the new rules."""
    rows = [row for row in work.submission.files.filter(
        origin=Origin.GENERATED, type=FileType.MAPPING) if work.path(row).is_file()]
    if rows:
        # New rules name references that are published only together with them.
        checking.certify_files(work, rows, {row.name: work.path(row) for row in rows},
                               coming=[file.name for file in work.uploaded()])


# ---- references of the catalogue ------------------------------------------------------


def catalogued(work: Work) -> None:
    """Look the files up in the catalogue."""
    submission = work.submission
    known = {row.name: row for row in CatalogFile.objects.published().references().filter(
        name__in=submission.names)}
    for place, name in enumerate(submission.names):
        row = known.get(name)
        with work.transaction():
            SubmittedFile.objects.update_or_create(
                submission=submission, uploaded_as=name, defaults={
                    "name": name, "origin": Origin.CATALOGUE, "position": place,
                    "type": FileType.REFERENCE, "instrument": row.instrument if row else "",
                    "filekind": row.filekind if row else "",
                    "sha1sum": row.sha1sum if row else "", "size": row.size if row else None})
        if row is None:
            work.find(Level.ERROR, "unknown-file", f"{name} is not in the catalogue.",
                      "Check the name.", stage="collect")
    files = list(submission.files.filter(origin=Origin.CATALOGUE))
    checking._one_instrument(work, files)


def delete(work: Work) -> None:
    """Make rules without the files."""
    from rules.editing import deletion

    holders = holders_of(work)
    for (old, instrument, filekind), files in holders.items():
        row = work.generated(old, series(old), instrument=instrument, filekind=filekind)
        work.say(f"Generating new rmap '{row.name}' from '{old}'.")
        change = deletion.delete(work.stored(old), work.path(row), row.name,
                                 [file.name for file in files], old_name=old)
        work.find_all(change.findings, stage="deletion",
                      by_name={file.name: file for file in files})
        keep(work, row, change)


def holders_of(work: Work) -> dict[tuple[str, str, str], list[SubmittedFile]]:
    """Rmaps of the context (name, instrument, type) that name files of the submission."""
    context = work.submission.base_context
    imaps = RuleLink.objects.filter(parent__name=context).values("child_id")
    rmaps = RuleLink.objects.filter(parent__in=imaps).values("child_id")
    found = defaultdict(list)
    for file in work.submission.files.filter(origin=Origin.CATALOGUE):
        places = RuleLink.objects.filter(
            parent__in=rmaps, child__name=file.name).values_list(
            "parent__name", "parent__instrument", "parent__filekind")
        if not places:
            work.find(Level.ERROR, "not-in-rules", f"The rules of {context} do not name it.",
                      "Take it out of the list, or choose the context that selects it.",
                      stage="deletion", file=file)
        for place in places:
            found[place].append(file)
    return dict(sorted(found.items()))


def add(work: Work) -> None:
    """Make rules with the files."""
    from rules.editing import insertion

    files = list(work.submission.files.filter(origin=Origin.CATALOGUE))
    for (instrument, filekind), group in groups(files).items():
        old = old_rmap(work, instrument, filekind, group)
        if old is None:
            continue
        paths = _named_copies(work, group)
        row = work.generated(old, series(old), instrument=instrument, filekind=filekind)
        work.say(f"Doing trial insertion of {len(group)} references into '{old}'")
        work.say(f"Generating new rmap '{row.name}' from '{old}'.")
        change = insertion.insert(work.stored(old), work.path(row), row.name, paths, old_name=old)
        work.find_all(change.findings, stage="insertion",
                      by_name={file.name: file for file in group})
        keep(work, row, change)


def _named_copies(work: Work, files: list[SubmittedFile]) -> list[Path]:
    """Files of the store under their official names; a link may lead to another name."""
    paths = []
    for file in files:
        path = work.stored(file.name)
        if path.name != file.name:
            link_or_copy(path, work.scratch / file.name)
            path = work.scratch / file.name
        paths.append(path)
    return paths


def sources(work: Work) -> dict[str, Path]:
    """Paths of the references that rules were made with, by official name."""
    if work.submission.kind in (Kind.ADD_REFERENCES, Kind.DELETE_REFERENCES):
        files = list(work.submission.files.filter(origin=Origin.CATALOGUE))
        return {path.name: path for path in _named_copies(work, files)}
    return {file.name: work.path(file) for file in work.uploaded(FileType.REFERENCE)}

