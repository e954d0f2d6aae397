"""What else a query may mean: a context, all files of an instrument, or of a type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from .. import columns as catalogue_columns
from . import words
from .query import Query

#: Most shortcuts that are offered.
LIMIT = 6

ROLES = ("latest", "edit", "versions")


@dataclass(frozen=True)
class Shortcut:
    """A context, or files of the catalogue by ``filters`` of the list of all files."""

    text: str
    context: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


def of(query: Query, pointers: Mapping) -> list[Shortcut]:
    """Shortcuts for ``query``; ``pointers`` are the contexts in use by role.  No queries."""
    columns = catalogue_columns.current_or_last()
    text = words.fold(query.text)
    found = [_context(text, columns)] if text else []
    for role in ROLES:
        if re.search(rf"\b{role}\b", text) and role in pointers:
            name = pointers[role].context.name
            found.append(Shortcut(f"The {role} context, {name}", context=name))
    typed = set(words.words(text))
    instruments = sorted({group.instrument for group in columns.groups} & typed - {""})
    kinds = sorted({group.filekind for group in columns.groups} & typed - {""})
    pairs = {(group.instrument, group.filekind) for group in columns.groups}
    for instrument in instruments:
        for kind in kinds:
            if (instrument, kind) in pairs:
                found.append(Shortcut(
                    f"All {kind} files of {instrument.upper()}",
                    filters={"instrument": instrument, "filekind": kind}))
    found += [Shortcut(f"All files of {name.upper()}", filters={"instrument": name})
              for name in instruments]
    found += [Shortcut(f"All {name} files", filters={"filekind": name}) for name in kinds]
    return [shortcut for shortcut in found if shortcut][:LIMIT]


def _context(text: str, columns) -> Shortcut | None:
    """The context that is named, or whose number is given."""
    number = re.fullmatch(r"(?:context\s*)?(\d{1,4})", text)
    name = f"{settings.CRDS_OBSERVATORY}_{int(number[1]):04d}.pmap" if number else text
    if not re.fullmatch(r"[a-z0-9_]+\.pmap", name):
        return None
    if not len(columns.named(name)):
        return None
    return Shortcut(f"Context {name}", context=name)
