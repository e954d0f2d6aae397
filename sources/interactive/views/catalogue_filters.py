"""Filters that several lists of files share."""

from __future__ import annotations

from django.http import QueryDict

from common.lists import Choice, Filters
from interactive.services import columns, file_lists, latest_references

#: Other names that addresses and forms use for the filters.
ALIASES = {
    "file": "filename", "name": "filename", "file_name": "filename",
    "state": "status",
    "reference_type": "filekind", "reftype": "filekind", "type": "filekind",
    "start": "start_date", "since": "start_date", "after": "start_date",
    "stop": "stop_date", "end_date": "stop_date", "end": "stop_date", "before": "stop_date",
    "uploaded": "uploaded_as",
}
LOWER = ("instrument", "filekind", "extension", "status", "stored", "bad")

#: The extension that is meant when the address sets no filter at all.
DEFAULT_EXTENSION = ".pmap"


class CatalogueFilters(Filters):
    """Reads other spellings, and shows contexts alone until some filter is set."""

    def __init__(self, data=None, *args, **kwargs):
        # Looked up once; choices and parts of the page use it without asking again.
        columns.current()
        data = self._normal(data)
        if not any(name in data for name in self.base_filters):
            data["extension"] = DEFAULT_EXTENSION
        super().__init__(data, *args, **kwargs)

    def _normal(self, data) -> QueryDict:
        normal = QueryDict(mutable=True)
        for name, values in (data.lists() if data else ()):
            name = ALIASES.get(name, name)
            if name in self.base_filters and name in LOWER:
                values = [value.strip().lower() for value in values]
            if name == "extension":
                values = [f".{value}" if value and value[0] not in ".*" else value
                          for value in values]
            normal.setlist(name, values)
        return normal

    def until(self):
        """The moment before which, by the field ``stop_date``; a day is meant as a whole."""
        return file_lists.end_of(
            self.data.get("stop_date", ""), self.form.cleaned_data.get("stop_date"))


def instruments() -> list[tuple[str, str]]:
    return [(value, value.upper()) for value in file_lists.values("instrument")]


def filekinds() -> list[tuple[str, str]]:
    """Types with their description, which instruments may give differently."""
    known: dict[str, str] = {}
    for described in latest_references.descriptions().values():
        for name, text in described.items():
            known.setdefault(name, text)
    return [(value, f"{value}: {known[value]}" if known.get(value) else value)
            for value in file_lists.values("filekind")]


def extensions() -> list[tuple[str, str]]:
    """Rules first."""
    rules = [".pmap", ".imap", ".rmap"]
    found = file_lists.values("extension")
    return [(value, value) for value in [*rules, *(v for v in found if v not in rules)]]


class Catalogued(Choice):
    """One of the values that the catalogue has; they are looked up when the form is made."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"field_name": "pk", **kwargs})
