"""What a context holds, by instrument and type: the accordions of home and context table."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.core.cache import cache as shared
from django.db.models import Count

from common.software import FINGERPRINT
from interactive.models import CatalogFile, FileState, RuleLink

from . import revision, rule_tables


def overview(context: str) -> list[dict]:
    """Instruments of the pmap ``context``, or the one of an imap, in order of their names.

    Each ``{name, rules, stored, special, types, applicable, references}``; ``types`` lists
    ``{name, description, rules, stored, special, references}``, the last of them a number.
    What the rules declare N/A or OMIT has that as ``special`` and no ``rules``; ``applicable``
    counts the other types.  Four queries for a new state of the catalogue, none after.
    """
    key = f"overview-{FINGERPRINT}:{context}:{revision.state()}"
    found = shared.get(key)
    if found is None:
        found = _read(context)
        shared.set(key, found, timeout=24 * 3600)
    return found


def count(instruments: list[dict]) -> dict[str, int]:
    """Numbers of instruments and types with rules, and of references, in an overview."""
    with_rules = [instrument for instrument in instruments if not instrument["special"]]
    return {
        "instruments": len(with_rules),
        "types": sum(instrument["applicable"] for instrument in with_rules),
        "references": sum(instrument["references"] for instrument in instruments),
    }


def _read(context: str) -> list[dict]:
    root = CatalogFile.objects.published().filter(name=context).values(
        "pk", "name", "stored", "instrument").first()
    if root is None:
        return []
    if context.endswith(".imap"):
        links = [{"child_id": root["pk"], "key": root["instrument"], "child__name": context,
                  "child__stored": root["stored"]}]
        instruments = []
    else:
        links = _children([root["pk"]])
        instruments = _specials(context, root["stored"], links)
    types = _children([link["child_id"] for link in links])
    references = dict(
        RuleLink.objects.filter(parent__in=[link["child_id"] for link in types])
        .values_list("parent").annotate(number=Count("pk")).order_by())
    by_instrument = defaultdict(list)
    for link in types:
        by_instrument[link["parent_id"]].append(link)
    instruments += [
        _instrument(link, by_instrument[link["child_id"]], references) for link in links]
    return sorted(instruments, key=lambda instrument: instrument["name"])


def _children(parents) -> list[dict]:
    return list(
        RuleLink.objects.filter(parent__in=parents).exclude(child__state=FileState.UPLOADED)
        .order_by("key", "child__name")
        .values("parent_id", "child_id", "key", "child__name", "child__stored"))


def _instrument(link: dict, types: list[dict], references: dict[int, int]) -> dict:
    described = descriptions().get(link["key"], {})
    rows = [{
        "name": each["key"],
        "rules": each["child__name"],
        "stored": each["child__stored"],
        "special": "",
        "references": references.get(each["child_id"], 0),
    } for each in types]
    rows += _specials(link["child__name"], link["child__stored"], types)
    for row in rows:
        row["description"] = described.get(row["name"], "")
    return {
        "name": link["key"],
        "rules": link["child__name"],
        "stored": link["child__stored"],
        "special": "",
        "types": sorted(rows, key=lambda row: row["name"]),
        "applicable": len(types),
        "references": sum(row["references"] for row in rows),
    }


def _specials(rules: str, stored: bool, links: list[dict]) -> list[dict]:
    """Rows for what the pmap or imap ``rules`` declares without rules."""
    known = {link["key"] for link in links}
    return [
        {"name": key, "rules": "", "stored": False, "special": special, "types": [],
         "applicable": 0, "references": 0}
        for key, special in rule_tables.specials(rules, stored).items() if key not in known]


def descriptions() -> dict[str, dict[str, str]]:
    """Long names of types by instrument, from the client library's specifications."""
    return _descriptions(settings.CRDS_OBSERVATORY)


@cache
def _descriptions(observatory: str) -> dict[str, dict[str, str]]:
    package = find_spec("crds")
    if package is None:
        return {}
    path = Path(package.origin).parent / observatory / "specs/combined_specs.json"
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
