"""Pages of differences: the form, the difference of a pair, its parts."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from common.errors import BadRequest, NotFound, ServiceError
from differences.services import pairs, reference_files, results, rule_files
from jobs import kept

#: Rows of one part on a page, and lines of a text difference.
PAGE, LINES = 100, 500

#: A difference with no more rows than this, in no more types, is shown whole at once; so is
#: that of a single rule file.
SHOWN_AT_ONCE, TYPES_AT_ONCE = 60, 5


@require_safe
def form(request: HttpRequest) -> HttpResponse:
    """Takes two names and leads to their difference; the form where there are none yet."""
    ticked = [name for name in request.GET.getlist("files") if name.strip()]
    old, new = request.GET.get("a", "").strip(), request.GET.get("b", "").strip()
    if not (ticked or old or new):
        return render(request, "differences/form.html", {"old": "", "new": ""})
    try:
        if ticked:
            old, new = _ticked(ticked)
        return redirect(_address("diff", pairs.resolve(old), pairs.resolve(new)))
    except ServiceError as exc:
        return _refused(request, exc, old, new)


def _ticked(names: list[str]) -> tuple[str, str]:
    if len(names) != 2:
        raise BadRequest(
            f"{len(names)} files were ticked. Go back and tick two files to compare.")
    return pairs.in_order(*names)


def _address(name: str, *arguments: str) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        raise NotFound(
            f"'{' and '.join(arguments)[:200]}' cannot be names of files. Names have letters,"
            " digits, dots, hyphens and underscores only.") from None


def _refused(request: HttpRequest, exc: ServiceError, old: str, new: str) -> HttpResponse:
    """The form again with what is wrong; pages of two files that cannot be compared use it too."""
    return render(request, "differences/form.html", {
        "message": exc.message, "old": old[:200], "new": new[:200]}, status=exc.status)


def _with_pair(view):
    """``view`` of a pair of files; roles lead to the address of the files they stand for."""

    @require_safe
    def answer(request: HttpRequest, old: str, new: str, **keywords) -> HttpResponse:
        try:
            names = pairs.resolve(old), pairs.resolve(new)
            if names != (old, new):
                name = request.resolver_match.url_name
                address = reverse(name, kwargs={"old": names[0], "new": names[1], **keywords})
                return redirect(f"{address}?{request.GET.urlencode()}".rstrip("?"))
            pair = pairs.find(old, new)
        except ServiceError as exc:
            return _refused(request, exc, old, new)
        return view(request, pair, **keywords)

    return answer


@_with_pair
def difference(request: HttpRequest, pair: pairs.Pair) -> HttpResponse:
    """The difference of a pair: its summary, its parts, or how far the job is."""
    found = results.obtain(pair)
    context = {"pair": pair, "kept": found, "renew": request.get_full_path()}
    if found.ready:
        context |= _rules(pair, found) if pair.are_rules else _references(request, found)
    elif request.htmx:
        return render(request, "kept/waiting.html", context)
    template = "rules" if pair.are_rules else "reference"
    context["body"] = f"differences/{template}_result.html"
    page = context["body"] if request.htmx and found.ready else "differences/difference.html"
    return render(request, page, context)


def _rules(pair: pairs.Pair, found: kept.Kept) -> dict:
    summary = found.json(rule_files.SUMMARY)
    totals = summary["totals"]
    alone = len(summary["sections"]) == 1
    few = totals["rows"] <= SHOWN_AT_ONCE and totals["types"] <= TYPES_AT_ONCE
    parts = [{**entry, **_filled(found, entry)}
             if alone or (few and entry["level"] == "rmap") else entry
             for entry in summary["sections"]]
    deliveries, complete = results.deliveries(pair)
    return {
        "totals": totals, "sections": parts, "instruments": _by_instrument(parts),
        "deliveries": deliveries, "all_deliveries": complete, "affected": results.affected(pair)}


def _filled(found: kept.Kept, entry: dict) -> dict:
    """What the template of a section needs beside the entry of the summary."""
    section = rule_files.section(found, entry["id"])
    return {**section, "page": Paginator(section["entries_list"], PAGE).get_page(1)}


def _by_instrument(sections: list[dict]) -> list[dict]:
    """The sections of each instrument, the imap apart from its types."""
    groups: dict[str, dict] = {}
    for entry in sections:
        if entry["level"] == "pmap":
            continue
        group = groups.setdefault(entry["instrument"], {
            "name": entry["instrument"], "rules": None, "types": []})
        if entry["level"] == "imap":
            group["rules"] = entry
        else:
            group["types"].append(entry)
    return list(groups.values())


def _references(request: HttpRequest, found: kept.Kept) -> dict:
    content = found.json(reference_files.RESULT)
    lines = _lines(request, content["text"]) if "text" in content else None
    return {"found": content, "totals": content["totals"], "lines": lines,
            "same": reference_files.says_same(content)}


def _lines(request: HttpRequest, difference: dict):
    """The page of a text difference that is asked for, with a row of kind gap between blocks."""
    rows: list[list] = []
    for block in difference["blocks"]:
        rows += [["gap", None, None, None, None], *block] if rows else block
    return Paginator(rows, LINES).get_page(request.GET.get("page"))


@_with_pair
def section(request: HttpRequest, pair: pairs.Pair, part: str) -> HttpResponse:
    """The rows and header changes of one rule file, as a part of the page or as its own."""
    found, waiting = _ready(request, pair)
    if waiting:
        return waiting
    content = rule_files.section(found, part)
    page = Paginator(content["entries_list"], PAGE).get_page(request.GET.get("page"))
    template = "section" if request.htmx else "section_page"
    return render(request, f"differences/{template}.html", {
        "pair": pair, "section": {**content, "page": page}})


@_with_pair
def text(request: HttpRequest, pair: pairs.Pair, part: str) -> HttpResponse:
    """The text difference of one rule file."""
    found, waiting = _ready(request, pair)
    if waiting:
        return waiting
    content = rule_files.text(found, part)
    template = "text" if request.htmx else "text_page"
    return render(request, f"differences/{template}.html", {
        "pair": pair, "section": content, "difference": content["difference"],
        "lines": _lines(request, content["difference"]),
        "address": reverse("diff_text", args=[pair.old.name, pair.new.name, part])})


def _ready(request: HttpRequest, pair: pairs.Pair):
    """The result, or the answer that sends people to where it is made."""
    if not pair.are_rules:
        raise NotFound("Differences of references have no such parts. Open the difference itself.")
    found = results.obtain(pair)
    if found.ready:
        return found, None
    if request.htmx:
        return found, render(request, "kept/waiting.html", {
            "kept": found, "renew": request.get_full_path()})
    return found, redirect("diff", pair.old.name, pair.new.name)
