"""Everything about one file: the page, and its parts as pages of their own."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from common.errors import NotFound, ServiceError
from interactive.models import CatalogFile, FileType
from interactive.services.file_page import (
    actions,
    constraints,
    facts,
    history,
    lineage,
    patterns,
    picture,
    rule_text,
    used_by,
)

#: Longest name that the catalogue can hold.
LONGEST = 128


@dataclass(frozen=True)
class Part:
    """A part of the page: its address and heading, what it tells, and for which files it is.

    One that is not ``listed`` belongs to another part.
    """

    name: str
    title: str
    about: str
    references: bool = True
    rules: bool = True
    listed: bool = True

    def fits(self, file: CatalogFile) -> bool:
        return self.references if file.type == FileType.REFERENCE else self.rules

    @property
    def template(self) -> str:
        return f"interactive/browse/{self.name}.html"


PARTS = (
    Part("contents", "Contents", "the rules themselves", references=False),
    Part("lineage", "Lineage", "what came before and after, and when each was latest"),
    Part("used_by", "Used By Files", "rules and contexts that contain it"),
    Part("patterns", "Lookup Patterns", "parameters that lead to it", rules=False),
    # Within the one before; alone while it is being computed.
    Part("all_patterns", "Lookup Patterns in All Rules", "", rules=False, listed=False),
    Part("constraints", "Reference Constraints (.tpn)", "what certification requires"),
    Part("actions", "Past Actions", "submissions, deliveries, contexts"),
)
BY_NAME = {part.name: part for part in PARTS}


def _parts(file: CatalogFile) -> list[Part]:
    wanted = [part for part in PARTS if part.fits(file)]
    if not file.filekind:
        wanted = [part for part in wanted if part.name != "constraints"]
    return wanted


@require_safe
def browse(request, name: str):
    """The page of a file; the first table is that of the database."""
    file = _published(name)
    if file is None:
        return _unknown(request, name)
    delivered = facts.deliveries(file)
    known = facts.names_in_record(file)
    return render(request, "interactive/browse/page.html", {
        "file": file,
        "headline": facts.headline(file),
        "since": facts.latest_since(file),
        "roles": facts.roles(file),
        "bad": getattr(file, "bad_mark", None),
        "rows": facts.record(file, delivered, known),
        "parts": [each for each in _parts(file) if each.listed],
        "predecessors": facts.predecessors(file),
        "type_name": facts.type_name(file.instrument, file.filekind),
        "contents_address": _contents_address(file),
        "admin": request.user.has_perm("interactive.view_catalogfile") and request.user.is_staff,
    })


def _contents_address(file: CatalogFile) -> str:
    """Where the contents of a reference are shown; empty where nothing shows them."""
    if file.type != FileType.REFERENCE:
        return ""
    try:
        return reverse("contents_panel", args=[file.name])
    except NoReverseMatch:
        return ""


@require_safe
@vary_on_headers("HX-Request")
def part(request, name: str, part: str):
    """One part: alone for htmx, else on a page of its own."""
    file = _published(name)
    if file is None:
        return _unknown(request, name)
    found = BY_NAME.get(part)
    if found is None or found not in _parts(file):
        names = ", ".join(each.name for each in _parts(file) if each.listed)
        raise NotFound(f"The page of {file.name} has no part '{part[:64]}'. It has {names}.")
    context = {"file": file, "part": found, **CONTENT[found.name](request, file)}
    alone = request.htmx and not request.htmx.boosted
    return render(request, found.template if alone else "interactive/browse/part.html", context)


def _published(name: str) -> CatalogFile | None:
    return facts.published(name) if len(name) <= LONGEST and name.isprintable() else None


def _unknown(request, name: str):
    """Says that there is no such file, and which there are with names like it."""
    shown = name if len(name) <= LONGEST else name[:LONGEST] + "…"
    error = NotFound(f"There is no published file '{shown}'. Names are case-sensitive.")
    return render(request, "interactive/browse/unknown.html", {
        "error": error, "name": shown, "near": facts.near_names(name)}, status=404)


# ---- what each part tells ----------------------------------------------------


def _contents(request, file: CatalogFile) -> dict:
    try:
        page = rule_text.page(file, _number(request.GET.get("page")), _address)
    except NotFound as exc:
        return {"problem": exc.message}
    return {"page": page, "header": rule_text.header(file) if page.number == 1 else None}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 1


def _address(name: str) -> str:
    return reverse("browse", args=[name])


def _lineage(request, file: CatalogFile) -> dict:
    if file.type == FileType.MAPPING:
        found = lineage.of_rule(file)
        return {"lineage": found, "picture": picture.draw(found)}
    followed = _all_patterns(request, file)
    if "kept" in followed:
        return followed
    series = followed["series"]
    found = lineage.of_reference(file, series)
    return {"lineage": found, "series": series, "picture": picture.draw(found)}


def _used_by(request, file: CatalogFile) -> dict:
    return {"used": used_by.used_by(file)}


def _patterns(request, file: CatalogFile) -> dict:
    rules, context = (request.GET.get(name, "").strip()[:LONGEST] for name in ("rules", "context"))
    given = {"chosen_rules": rules, "chosen_context": context}
    try:
        found = patterns.patterns(file, rules, context)
    except ServiceError as exc:
        if not request.htmx:
            raise
        # Only the form was wrong: it stays, with the reason.
        given["problem"] = exc.message
        found = patterns.patterns(file)
    given["found"] = found
    return {**given, **_all_patterns(request, file)} if found.choices else given


def _all_patterns(request, file: CatalogFile) -> dict:
    """``series``, or ``kept`` while they are being computed."""
    result = history.obtain(file)
    return {"series": history.read(result)} if result.ready else {"kept": result}


def _constraints(request, file: CatalogFile) -> dict:
    return {"constraints": constraints.of_file(file),
            "type_name": facts.type_name(file.instrument, file.filekind),
            "observatory_name": settings.CRDS_OBSERVATORY}


def _actions(request, file: CatalogFile) -> dict:
    return {"actions": actions.actions(file)}


CONTENT = {
    "contents": _contents,
    "lineage": _lineage,
    "used_by": _used_by,
    "patterns": _patterns,
    "all_patterns": _all_patterns,
    "constraints": _constraints,
    "actions": _actions,
}

