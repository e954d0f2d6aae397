"""The table of one type: rows of its rules with what the catalogue knows of each reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from common.errors import NotFound
from interactive.models import CatalogFile
from rules.tables import Row, RuleTable

from . import revision, rule_tables

#: Types of which a process holds that; the largest real one takes 3 MB.
HELD = 16

#: What the catalogue tells about the reference of a row.
FIELDS = ("name", "activation_date", "delivery_date", "state", "stored", "rejected", "blacklisted")


@dataclass(frozen=True)
class Line:
    """A row of the rules and its references as the catalogue has them, by name."""

    row: Row
    files: list[dict]

    @property
    def activation_date(self):
        """When all of its references had been in a latest context; None if one never was."""
        dates = [file["activation_date"] for file in self.files]
        return max(dates) if dates and all(dates) else None


def rmap_of(context: str, instrument: str, filekind: str) -> CatalogFile:
    """The rmap of a type in the published pmap ``context``; one query."""
    found = CatalogFile.objects.published().filter(
        links_up__key=filekind.lower(), links_up__parent__links_up__key=instrument.lower(),
        links_up__parent__links_up__parent__name=context).first()
    if found is None:
        raise NotFound(
            f"{context} has no rules for type '{filekind}' of instrument '{instrument}'."
            f" Open the context table of {context} to see what it has.")
    return found


def lines(rmap: CatalogFile) -> tuple[RuleTable, list[Line]]:
    """The table of a published ``rmap`` and its lines in order.

    Two queries, and one for the next who asks while nothing changes.
    """
    table = rule_tables.table_of(rmap)
    files = _files(rmap.pk, revision.state())
    return table, [
        Line(row, [files.get(name) or _unknown(name) for name in row.references])
        for row in table.rows]


@lru_cache(maxsize=HELD)
def _files(rmap: int, state: str) -> dict[str, dict]:
    """References of an rmap by name, as the catalogue had them in ``state``."""
    return {row["name"]: row for row in CatalogFile.objects.published().filter(
        links_up__parent=rmap).values(*FIELDS)}


def _unknown(name: str) -> dict:
    """A reference that the rules name and the catalogue lacks, as damaged copies have them."""
    return {**dict.fromkeys(FIELDS), "name": name, "state": "", "stored": False}


def alternatives(value: str) -> list[str]:
    """The values that one cell of the rules accepts: the parts between or-bars."""
    text = value.strip()
    if "|" not in text or text[:1] in "{(#":
        return [text]
    return [part for part in map(str.strip, text.split("|")) if part]
