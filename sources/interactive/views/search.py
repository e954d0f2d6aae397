"""One search box over everything."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from common.lists import downloads
from interactive.services import contexts
from interactive.services.search import MAX_LENGTH, find, search, shortcuts

from .browse_db import FileTable

PAGE_LENGTH = 25

#: Pages that can be turned; the rest is reached by a narrower query.
MAX_PAGE = 400

FACET_LABELS = {"type": "Kind of file", "instrument": "Instrument",
                "filekind": "Reference type", "state": "Status"}

#: Queries of each observatory that show what can be asked.
_VALUES = {
    "hst": ("F606W", "filter1:F606W acs", "type:biasfile is:latest", "*_bia.fits -is:latest"),
    "jwst": ("F200W", "filter:F200W nircam", "type:flat is:latest", "*_dark_*.fits -is:latest"),
    "roman": ("F158", "optical_element:F158 wfi", "type:flat is:latest",
              "*_dark_*.asdf -is:latest"),
    "tobs": ("flat", "instrument:tinstr", "is:latest", "*.fits -is:latest"),
}
_MEANINGS = ("a value that rules match", "the value of one parameter, and an instrument",
             "columns of the catalogue", "a pattern for names, and what to leave out")
EXAMPLES = {observatory: (*zip(queries, _MEANINGS, strict=True),
                          ('"flat field"', "words one after the other"),
                          ("da39a3ee5e", "the beginning of a sha1"))
            for observatory, queries in _VALUES.items()}


@require_safe
def search_page(request):
    """Files that match ``q``; a whole name or checksum leads straight to its file."""
    text = request.GET.get("q", "")
    only = {name: request.GET[name][:64] for name in find.FACETS if request.GET.get(name)}
    if form := request.GET.get("format"):
        return downloads.response(FileTable(find.rows(text, only=only)), "search", form)
    page = _page_number(request.GET.get("page", ""))
    answer = search(text, only=only, start=(page - 1) * PAGE_LENGTH, length=PAGE_LENGTH)
    if answer.jump and not only and page == 1:
        try:
            return HttpResponseRedirect(reverse("browse", args=[answer.jump]))
        except NoReverseMatch:
            pass
    pages = min(-(-answer.total // PAGE_LENGTH), MAX_PAGE)
    if page > max(pages, 1):
        page = max(pages, 1)
        answer = search(text, only=only, start=(page - 1) * PAGE_LENGTH, length=PAGE_LENGTH)
    return render(request, "interactive/search.html", {
        # The query as it was read, and the box on top as it was typed.
        "query": text[:MAX_LENGTH], "answer": answer,
        "facets": _facets(answer, text, only), "chosen": _chosen(text, only),
        "shortcuts": _shortcuts(answer), "examples": _examples(),
        "first": (page - 1) * PAGE_LENGTH + 1,
        "last": (page - 1) * PAGE_LENGTH + len(answer.hits),
        "page": page, "pages": pages,
        "downloads": [(label, _address(text, only, format=form))
                      for form, label in downloads.LABELS.items()],
        "previous": _address(text, only, page=page - 1) if page > 1 else "",
        "next": _address(text, only, page=page + 1) if page < pages else "",
    })


def _page_number(text: str) -> int:
    return min(max(int(text[:6]), 1), MAX_PAGE) if text.isascii() and text.isdecimal() else 1


def _address(text: str, only: dict[str, str], **more) -> str:
    return "?" + urlencode({"q": text[:MAX_LENGTH], **only, **more})


def _facets(answer, text: str, only: dict[str, str]) -> list[dict]:
    """Groups of links that narrow the search; one of a single value narrows nothing."""
    groups = []
    for name, values in answer.facets.items():
        if name in only or len(values) < 2:
            continue
        groups.append({"label": FACET_LABELS[name], "values": [
            {"value": value, "count": count, "address": _address(text, {**only, name: value})}
            for value, count in values]})
    return groups


def _chosen(text: str, only: dict[str, str]) -> list[dict]:
    """What narrows the search now, each with the address without it."""
    return [{"label": FACET_LABELS[name], "value": value, "address": _address(
        text, {other: kept for other, kept in only.items() if other != name})}
        for name, value in only.items()]


def _shortcuts(answer) -> list[dict]:
    """Contexts, instruments and types that the query may mean, with their addresses."""
    found = []
    for shortcut in shortcuts.of(answer.query, contexts.pointers()):
        if shortcut.context:
            try:
                address = reverse("context_table", args=[shortcut.context])
            except NoReverseMatch:
                continue
        else:
            address = f"{reverse('browse_db')}?{urlencode(shortcut.filters)}"
        found.append({"text": shortcut.text, "address": address})
    return found


def _examples() -> list[dict]:
    return [{"query": query, "meaning": meaning, "address": _address(query, {})}
            for query, meaning in EXAMPLES[settings.CRDS_OBSERVATORY]]
