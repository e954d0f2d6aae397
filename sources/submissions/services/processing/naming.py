"""Official names for references, and the files under them."""

from __future__ import annotations

from django.conf import settings

from common.faultpoints import reach
from interactive.models import FileType
from interactive.services import names

from ...models import SubmittedFile
from .work import Work


def rename(work: Work) -> None:
    """Give the files their official names."""
    from rules import renaming
    from rules.certifying import geis

    files = work.uploaded(FileType.REFERENCE)
    by_name = {file.uploaded_as: file for file in files}
    placings = []
    for place, file in enumerate(files, 1):
        header = _header_of(file, by_name, geis)
        if header is not None:
            continue  # named with its header
        work.say(f"Processing '{file.uploaded_as}' [{place} / {len(files)} files]"
                 f" [ {work.submission.description.splitlines()[0][:60]} ]")
        if not _named(work, file, renaming):
            continue
        work.say(f"Renaming '{file.uploaded_as}' --> '{file.name}'")
        other = _data_half(work, file, by_name, geis)
        placings.append((file, renaming.Placing(
            work.upload(file), file.uploaded_as, file.name, work.files,
            work.upload(other) if other else None)))
        reach("process.renaming")
    work.stop_on_errors()
    problems = renaming.place([placing for _, placing in placings], work.workshop())
    for (file, _), problem in zip(placings, problems, strict=True):
        if problem is not None:
            work.find_all([problem], stage="rename", file=file)
    work.stop_on_errors()
    for file in files:
        work.say(f"Linking {file.uploaded_as} --> {file.name}")
        work.say(f"Adding file '{file.name}' to database.")
        work.measure(file)


def _header_of(file: SubmittedFile, by_name: dict, geis) -> SubmittedFile | None:
    """The header of a GEIS pair of which ``file`` is the data."""
    if not geis.is_half(file.uploaded_as) or file.uploaded_as[-1] not in "dD":
        return None
    return by_name.get(geis.conjugate(file.uploaded_as))


def _data_half(work: Work, file: SubmittedFile, by_name: dict, geis) -> SubmittedFile | None:
    """The data of the GEIS header ``file``, named like it."""
    if not geis.is_half(file.uploaded_as):
        return None
    other = by_name.get(geis.conjugate(file.uploaded_as))
    if other is not None:
        work.reserve(other, geis.conjugate(file.name))
    return other


def _named(work: Work, file: SubmittedFile, renaming) -> bool:
    """Give ``file`` its name, unless an earlier run has; False with a finding if it cannot be."""
    if file.name:
        return True

    def allocate(series: str) -> str:
        return work.allocate(file, series)

    def reserve(name: str) -> bool:
        try:
            work.reserve(file, name)
        except names.NameTaken:
            return False
        return True

    try:
        name = renaming.official_name(
            settings.CRDS_OBSERVATORY, file.uploaded_as, file.instrument, file.filekind,
            allocate=allocate, reserve=reserve, auto_rename=work.submission.auto_rename)
    except renaming.NameRefused as exc:
        work.find_all([exc.found], stage="rename", file=file)
        return False
    if file.name != name:  # put together from an allocated number
        work.reserve(file, name)
    return True

