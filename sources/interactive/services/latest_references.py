"""What a context holds, by instrument and type: the tables of the home page."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.core.cache import cache as shared
from django.db.models import Count

from interactive.models import CatalogFile, FileState, RuleLink

from . import revision


def overview(context: str) -> list[dict]:
    """Instruments of ``context`` in order: ``{name, rules, stored, types, references}``.

    ``types`` lists ``{name, description, rules, stored, references}``, the last
    of them a number.  Three queries for a new state of the catalogue, none after.
    """
    key = f"overview:{context}:{revision.state()}"
    found = shared.get(key)
    if found is None:
        found = _read(context)
        shared.set(key, found, timeout=24 * 3600)
    return found


def _read(context: str) -> list[dict]:
    instruments = _children(CatalogFile.objects.published().filter(name=context).values("pk"))
    types = _children([link["child_id"] for link in instruments])
    references = dict(
        RuleLink.objects.filter(parent__in=[link["child_id"] for link in types])
        .values_list("parent").annotate(number=Count("pk")).order_by())
    by_instrument = defaultdict(list)
    for link in types:
        by_instrument[link["parent_id"]].append({
            "name": link["key"],
            "rules": link["child__name"],
            "stored": link["child__stored"],
            "references": references.get(link["child_id"], 0),
        })
    return [_instrument(link, by_instrument[link["child_id"]]) for link in instruments]


def _children(parents) -> list[dict]:
    return list(
        RuleLink.objects.filter(parent__in=parents).exclude(child__state=FileState.UPLOADED)
        .order_by("key", "child__name")
        .values("parent_id", "child_id", "key", "child__name", "child__stored"))


def _instrument(link: dict, types: list[dict]) -> dict:
    described = descriptions().get(link["key"], {})
    for type_ in types:
        type_["description"] = described.get(type_["name"], "")
    return {
        "name": link["key"],
        "rules": link["child__name"],
        "stored": link["child__stored"],
        "types": types,
        "references": sum(type_["references"] for type_ in types),
    }


@cache
def descriptions() -> dict[str, dict[str, str]]:
    """Long names of types by instrument, from the client library's specifications."""
    package = find_spec("crds")
    if package is None:
        return {}
    path = Path(package.origin).parent / settings.CRDS_OBSERVATORY / "specs/combined_specs.json"
    try:
        specifications = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {
        instrument: {kind: _plain(spec.get("text_descr", "")) for kind, spec in kinds.items()}
        for instrument, kinds in specifications.items()
    }


def _plain(text: str) -> str:
    """Specifications write ``xxx`` where nothing is known."""
    return "" if text.strip().lower() in ("xxx", "none", "undefined") else text.strip()
