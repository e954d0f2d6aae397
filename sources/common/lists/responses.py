"""The answer to a request for a list."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_tables2 import RequestConfig

from . import downloads
from .filters import Filters
from .tables import CappedPaginator, Table

#: Rows that a page may show; the first is what it shows unless asked.
PAGE_LENGTHS = (50, 200, 1000)


def list_response(request: HttpRequest, *, rows, table: type[Table], name: str,
                  filters: type[Filters] | None = None, template: str = "lists/page.html",
                  page_length: int = PAGE_LENGTHS[0], **context) -> HttpResponse:
    """A page with ``rows`` (a queryset, or a list) in ``table``, or a download of all of them.

    ``filters`` reads the address and narrows the rows.  Where it cannot, the page shows what
    is wrong beside the field, with status 400 and no rows.  ``name`` names the downloads.
    The template gets ``table``, ``filters``, ``list_name`` and ``context``.
    """
    chosen = filters(request.GET, queryset=rows, request=request) if filters else None
    wrong = chosen is not None and not chosen.is_valid()
    if chosen is not None:
        rows = rows.none() if wrong else chosen.qs
    shown = table(rows)
    # Sorting is the library's; it would also take any page length that the address names.
    RequestConfig(request, paginate=False).configure(shown)
    # Not by its paginate(), which would read the first page too.
    shown.paginator = CappedPaginator(shown.rows, _length(request, page_length))
    # A page number out of range or of no sense gives the nearest page there is.
    shown.page = shown.paginator.get_page(request.GET.get("page"))
    form = request.GET.get("format")
    if form and not wrong:
        return downloads.response(shown, name, form)
    part = "lists/table.html" if request.htmx.target == "list" else template
    response = render(request, part, {
        "table": shown, "filters": chosen, "list_name": name,
        "page_lengths": sorted({page_length, *PAGE_LENGTHS}), **context,
    }, status=400 if wrong else 200)
    # The same address answers htmx with a part: no cache may take one for the other.
    patch_vary_headers(response, ["HX-Target"])
    return response


def _length(request: HttpRequest, usual: int) -> int:
    """Rows of a page: what the address asks for, held to sensible numbers."""
    asked = request.GET.get("per_page", "")
    if not asked.isdecimal():
        return usual
    return min(max(int(asked[:9]), 1), PAGE_LENGTHS[-1])
