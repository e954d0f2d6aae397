"""Official names of submitted references, and files under their official names.

Names come first and are kept by the caller, who knows which were ever given out; then
:func:`place` makes the file under its name, as often as needed with the same outcome.  The
submitted file itself is never touched.  Call :func:`rules.environment.prepare` before
:func:`official_name`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import names
from .certifying import geis
from .certifying.outcome import ERROR, Candidate, Found
from .reading import is_catalog_name

#: Instrument and types of HST whose files keep the names that they come with.
SYNPHOT, NEVER_RENAMED = "synphot", {"thruput": "syn", "thermal": "th"}

#: Names that say when an HST reference was named go on in steps of this.
STEP = timedelta(seconds=2)

#: Names that are tried for one file: a day of them.
ATTEMPTS = 43200

#: ``roman_wfi_prism_sflat_0001.asdf``, ``roman_wfi_prism_optmodel_ctx0001.yaml``
FIVE_PARTS = re.compile(r"(?P<stem>roman_[a-z]{1,16}_[a-z]{1,32}_(?P<filekind>[a-z]{1,32}))"
                        r"(_(?P<ctx>ctx)?\d{4})?\.(?P<last>asdf|yaml|fits)")

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class NameRefused(Exception):
    """A file cannot have the name that it would keep; ``found`` says why and what to do."""

    def __init__(self, text: str, advice: str):
        super().__init__(text)
        self.found = Found(ERROR, "name", text, advice, stage="rename")


# ---- names -------------------------------------------------------------------


def official_name(observatory: str, uploaded_as: str, instrument: str, filekind: str, *,
                  allocate: Callable[[str], str], reserve: Callable[[str], bool],
                  auto_rename: bool = True, now: datetime | None = None) -> str:
    """Give the reference ``uploaded_as`` its official name; never the same one twice.

    ``allocate`` gives the next name of a series (``jwst_miri_dark.fits``); ``reserve`` gives out
    exactly the name it is called with, and answers whether it could.  The header names a GEIS
    pair; :func:`rules.certifying.geis.conjugate` is the name of its data.

    Raises :class:`NameRefused` for a file that would keep a name that is taken or not valid.
    """
    known = names.identify(observatory, uploaded_as)
    fits = (known.instrument, known.filekind) == (instrument, filekind)
    if observatory == "hst" and instrument == SYNPHOT and filekind in NEVER_RENAMED:
        return _kept_component(uploaded_as, filekind, fits, reserve)
    if not auto_rename:
        return _kept(observatory, uploaded_as, fits, reserve)
    extension = names.extension(uploaded_as)
    if observatory == "hst":
        return _timed_name(instrument, filekind, extension, reserve, now or datetime.now(UTC))
    parts = FIVE_PARTS.fullmatch(uploaded_as) if observatory == "roman" else None
    if parts and fits:
        return _five_parts(parts, allocate, reserve)
    return allocate(f"{observatory}_{instrument}_{filekind}{extension}")


def _kept(observatory: str, name: str, fits: bool, reserve) -> str:
    if not is_catalog_name(name) or not fits or name != name.lower():
        example = {"hst": "s7g1700gl_dead.fits", "jwst": "jwst_miri_dark_0001.fits"}.get(
            observatory, f"{observatory}_wfi_dark_0001.asdf")
        raise NameRefused(
            f"{name} is not an official name for a file of this instrument and type.",
            f"Turn Auto Rename on, or give the file a name such as {example} that tells its"
            " instrument and type, and upload it again.")
    if not reserve(name):
        raise NameRefused(
            f"The name {name} was given out before; names are never used twice.",
            "Turn Auto Rename on, or give the file another name and upload it again.")
    return name


def _kept_component(name: str, filekind: str, fits: bool, reserve) -> str:
    suffix = NEVER_RENAMED[filekind]
    if not (fits and is_catalog_name(name) and re.fullmatch(rf".+_\d{{3}}_{suffix}\.fits", name)):
        raise NameRefused(
            f"{name} cannot be the name of a {filekind} file, and those keep their names.",
            f"Call it <component>_<three digits>_{suffix}.fits and upload it again.")
    if not reserve(name):
        raise NameRefused(
            f"The name {name} was given out before, and files of this type keep their names.",
            "Give it a higher version number and upload it again.")
    return name


def _timed_name(instrument: str, filekind: str, extension: str, reserve, now: datetime) -> str:
    from crds.hst import locate

    moment = now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    for _ in range(ATTEMPTS):
        name = locate.generate_unique_name_core(instrument, filekind, extension, moment)
        if reserve(name):
            return name
        moment += STEP
    raise NameRefused(f"No name is left for a {instrument} {filekind} today.",
                      "Submit again tomorrow.")


def _five_parts(parts: re.Match, allocate, reserve) -> str:
    stem, last = parts["stem"], parts["last"]
    if not parts["ctx"]:
        return allocate(f"{stem}.{last}")
    for _ in range(ATTEMPTS):
        _, serial = names.split_serial(allocate(f"{stem}_ctx.{last}"))
        name = f"{stem}_ctx{serial:04d}.{last}"
        if reserve(name):
            return name
    raise NameRefused(f"No name is left in the series {stem}_ctx.", "Tell the CRDS team.")


# ---- files -------------------------------------------------------------------


@dataclass(frozen=True)
class Placing:
    """A file to be made in ``folder`` under its official ``name``.

    ``companion`` is the data half of a GEIS pair, which lies beside it in the end.
    """

    path: Path
    uploaded_as: str
    name: str
    folder: Path
    companion: Path | None = None

    @property
    def target(self) -> Path:
        return self.folder / self.name

    @property
    def rewritten(self) -> bool:
        """Whether the file is to say its new name: FITS files of HST under names of their time."""
        return (self.name != self.uploaded_as and self.name.endswith(".fits")
                and names.TIMED_NAME.fullmatch(self.name) is not None)


def place(placings: list[Placing], workshop, now: datetime | None = None) -> list[Found | None]:
    """Make each file under its official name; what went wrong with it, or None.

    FITS files of HST get FILENAME, ROOTNAME and a line of HISTORY, as the client's ``uniqname``
    writes them, with checksums if they had some; that happens in ``workshop`` (a
    :class:`rules.certifying.Workshop`).  GEIS headers get the same here.  Other files keep their
    bytes.  A file that is there already is replaced.
    """
    problems: dict[Path, Found | None] = {}
    rewriting = {}
    for placing in placings:
        placing.folder.mkdir(parents=True, exist_ok=True)
        if placing.rewritten:
            rewriting[placing.target] = placing
        else:
            problems[placing.target] = _reported(_place_here, placing, now or datetime.now(UTC))
    for placing, problem in zip(
            rewriting.values(), _rewrite(list(rewriting.values()), workshop), strict=True):
        problems[placing.target] = problem
    return [problems[placing.target] for placing in placings]


def _reported(work: Callable, *arguments) -> Found | None:
    try:
        work(*arguments)
    except OSError as exc:
        return Found(ERROR, "rename", f"The file could not be written: {exc.strerror or exc}.",
                     "Submit again; if it happens once more, tell the operators.", stage="rename")
    return None


def _place_here(placing: Placing, now: datetime) -> None:
    if geis.is_half(placing.name) and placing.name[-1] in "hH":
        if placing.companion:
            _link(placing.companion, placing.folder / geis.conjugate(placing.name))
        if placing.name != placing.uploaded_as:
            text = renamed_geis_header(placing.path.read_bytes(), placing.uploaded_as,
                                       placing.name, now)
            _write(placing.target, text)
            return
    _link(placing.path, placing.target)


def _link(path: Path, target: Path) -> None:
    """The bytes of ``path`` as ``target``: the same inode where the file system can, else a copy.

    Files of a submission never change, so sharing them is safe.
    """
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(path.resolve(), partial)
    except OSError:
        shutil.copyfile(path, partial)
    _finish(partial, target)


def _write(target: Path, data: bytes) -> None:
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    partial.write_bytes(data)
    _finish(partial, target)


def _finish(partial: Path, target: Path) -> None:
    """Bring ``partial`` to the disk and then under the name ``target``."""
    _sync(partial)
    os.replace(partial, target)
    # Replacing a file by another link to the same inode leaves the first name there.
    partial.unlink(missing_ok=True)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rewrite(placings: list[Placing], workshop) -> list[Found | None]:
    """Have ``workshop`` write each file anew beside its place, then put it there."""
    if not placings:
        return []
    folders = [placing.folder / f".renaming-{placing.name}" for placing in placings]
    try:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        problems = workshop.rewrite(
            [(Candidate(placing.path, placing.uploaded_as), folder / placing.name)
             for placing, folder in zip(placings, folders, strict=True)])
        return [problem or _reported(_finish, folder / placing.name, placing.target)
                for placing, folder, problem in zip(placings, folders, problems, strict=True)]
    finally:
        for folder in folders:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


# ---- GEIS headers ------------------------------------------------------------


def renamed_geis_header(data: bytes, uploaded_as: str, name: str, now: datetime) -> bytes:
    """The GEIS header ``data`` with FILENAME, ROOTNAME and a line of HISTORY for its new name.

    Cards are lines of 80 characters, with or without line ends, as they were.
    """
    text = data.decode("latin-1")
    end = next((end for end in ("\r\n", "\n") if end in text), "")
    cards = text.split(end) if end else [text[at:at + 80] for at in range(0, len(text), 80)]
    root = name.partition(".")[0].upper()
    history = f"{uploaded_as} renamed to {name} on {MONTHS[now.month - 1]} {now.day} {now.year}"
    new = {"FILENAME": _card("FILENAME", name), "ROOTNAME": _card("ROOTNAME", root)}
    made: list[str] = []
    last = None
    for card in cards:
        key = card[:8].strip()
        if key == "END" and last is None:
            last = len(made)
        made.append(new.pop(key, card))
    if last is None:
        last = len(made)
    made[last:last] = [*new.values(),
                       *(f"HISTORY {history[at:at + 72]}".ljust(80)
                         for at in range(0, len(history), 72))]
    return end.join(made).encode("latin-1")


def _card(key: str, value: str) -> str:
    return f"{key:<8}= '{value:<8}'".ljust(31).ljust(80)


__all__ = ["NameRefused", "Placing", "official_name", "place", "renamed_geis_header"]
