"""The questions of extended submissions: one description for form, clients and validation."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from django.conf import settings

from interactive.models import CatalogFile, ContextPointer, RuleLink

FILE = Path(__file__).resolve().parent.parent / "questionnaire.yml"


@functools.cache
def _described() -> tuple[dict, ...]:
    return tuple(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def fields() -> list[dict]:
    """Fields in the order of the form; each with ``key``, ``type``, ``label``, ``required``.

    Choices of ``instrument`` are those of the edit context, one query.
    """
    found = []
    for described in _described():
        field = {key: value for key, value in described.items() if key != "by_observatory"}
        field.update(described.get("by_observatory", {}).get(settings.CRDS_OBSERVATORY, {}))
        if field["key"] == "instrument":
            field["choices"] = instruments()
            if field["choices"]:
                field["initial"] = field["choices"][0]
        found.append(field)
    return found


def instruments() -> list[str]:
    """Instruments of the edit context, lower case and sorted; of the catalogue without one."""
    edit = ContextPointer.objects.filter(kind=ContextPointer.Kind.EDIT).values("context_id")
    known = RuleLink.objects.filter(parent__in=edit).exclude(key="").values_list("key", flat=True)
    return sorted(set(known)) or sorted(
        set(CatalogFile.objects.published().mappings().exclude(instrument="")
            .order_by().values_list("instrument", flat=True).distinct()))


def as_yaml() -> str:
    """The description as clients read it."""
    return yaml.safe_dump(fields(), sort_keys=False, allow_unicode=True, width=100)
