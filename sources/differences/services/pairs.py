"""Which two files are to be compared: names and roles checked, the older one first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from common.errors import BadRequest, NotFound
from interactive.models import CatalogFile, FileType
from interactive.services import contexts
from rules.names import split_serial

#: How people call the kinds of rule files.
KINDS = {
    ".pmap": "a context (.pmap)",
    ".imap": "the rules of an instrument (.imap)",
    ".rmap": "the rules of a type (.rmap)",
}

#: Endings of names that are read alike.
FORMATS = {".yml": ".yaml", ".txt": ".text", ".fit": ".fits"}

COLUMNS = ("name", "type", "extension", "instrument", "filekind", "sha1sum", "size", "stored",
           "delivery_date", "description", "rejected", "blacklisted")


class WrongPair(BadRequest):
    """Two files that cannot be compared with each other."""


@dataclass(frozen=True)
class Pair:
    """Two published and stored files of one kind."""

    old: CatalogFile
    new: CatalogFile

    @property
    def are_rules(self) -> bool:
        return self.old.type == FileType.MAPPING

    @property
    def are_contexts(self) -> bool:
        return self.old.extension == ".pmap"

    @property
    def key(self) -> str:
        """Names the result: of names and checksums, which never change."""
        text = " ".join((self.old.name, self.old.sha1sum, self.new.name, self.new.sha1sum))
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def find(old: str, new: str) -> Pair:
    """The pair of the files called ``old`` and ``new``.

    Raises NotFound for a file that is not published or not stored here, WrongPair for two
    that cannot be compared.
    """
    rows = {row.name: row for row in CatalogFile.objects.published()
            .filter(name__in=[old, new]).only(*COLUMNS)}
    for name in (old, new):
        if name not in rows:
            raise NotFound(
                f"There is no published file '{name[:130]}'. Names are case-sensitive and end in"
                " an extension such as .pmap or .fits.")
    pair = Pair(rows[old], rows[new])
    _check_kinds(pair)
    for row in (pair.old, pair.new):
        if not row.stored:
            raise NotFound(
                f"'{row.name}' is in the catalogue but not stored here, so its content cannot be"
                " compared. Ask the server that this catalogue was copied from.")
    return pair


def _check_kinds(pair: Pair) -> None:
    old, new = pair.old, pair.new
    if old.name == new.name:
        raise WrongPair(f"'{old.name}' was named twice. Choose two different files.")
    if pair.are_rules or new.type == FileType.MAPPING:
        if old.extension != new.extension:
            raise WrongPair(
                f"'{old.name}' is {_kind(old)} and '{new.name}' is {_kind(new)}. Only files of"
                " the same kind can be compared: two contexts, two .imap, two .rmap or two"
                " references.")
    elif (old.instrument, old.filekind) != (new.instrument, new.filekind):
        raise WrongPair(
            f"'{old.name}' is {_kind(old)} and '{new.name}' is {_kind(new)}. Only references of"
            " the same instrument and type can be compared.")
    elif _format(old) != _format(new):
        raise WrongPair(
            f"'{old.name}' and '{new.name}' are files of different formats ({old.extension} and"
            f" {new.extension}), which cannot be compared.")


def _kind(row: CatalogFile) -> str:
    if row.extension in KINDS:
        return KINDS[row.extension]
    what = f"{row.instrument.upper()} {row.filekind}".strip()
    return f"a reference ({what})" if what else "a reference"


def _format(row: CatalogFile) -> str:
    return FORMATS.get(row.extension, row.extension)


def resolve(text: str) -> str:
    """The file name that ``text`` stands for: itself, or what a role or date leads to."""
    name = text.strip()
    if not name:
        raise BadRequest("Name two files: the older one and the newer one.")
    if "." in name or "/" in name:
        return name
    found = contexts.resolve(name)
    if found == "N/A":
        raise NotFound(f"'{name}' does not apply: there are no rules for it.")
    return found


def in_order(one: str, other: str) -> tuple[str, str]:
    """Two file names, the older one first where serial numbers or delivery dates tell."""
    first, second = split_serial(one), split_serial(other)
    if first[0] == second[0] and None not in (first[1], second[1]):
        return (one, other) if first[1] <= second[1] else (other, one)
    dates = dict(CatalogFile.objects.published().filter(name__in=[one, other])
                 .values_list("name", "delivery_date"))
    before, after = dates.get(one), dates.get(other)
    return (other, one) if before and after and before > after else (one, other)
