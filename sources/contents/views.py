"""Pages on what is inside a file: parts, rows of tables, pictures."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from common.errors import NotFound
from common.ranges import ServedFile, file_response
from interactive.views.files import FOR_EVER

from . import services


@require_safe
@vary_on_headers("HX-Request")
def panel(request, name: str):
    """One part of a file, ``?part=``, and an overview of all; for htmx without the page around.

    While the description is made, its progress.
    """
    file = services.published(name)
    embedded = bool(request.htmx and not request.htmx.boosted)
    context = {"file": file, "embedded": embedded}
    template = "contents/description.html" if embedded else "contents/page.html"
    try:
        found = services.obtain(file)
    except NotFound as exc:
        return render(request, template, {**context, "problem": exc.message})
    if not found.ready:
        return render(request, template, {**context, "kept": found,
                                          "renew": request.get_full_path()})
    return render(request, template, {**context, **_description(request, file, found)})


def _description(request, file, found) -> dict:
    description = found.json()
    wanted = _whole(request.GET.get("part"), services.default_part(description))
    if wanted >= len(description["parts"]):
        wanted = services.default_part(description)
    part = services.part(found, wanted) if description["parts"] else {}
    context = {
        "description": description, "part": part, "version": services.VERSION,
        "address": reverse("contents_panel", args=[file.name]),
        "wrong": [each for each in description["faults"] if each],
    }
    if part.get("table"):
        context["page"] = services.page_of_rows(file, part, 1)
    if part.get("image"):
        context["plane"] = _plane(request, part["image"])
    return context


def _plane(request, image: dict) -> dict | None:
    """The plane that is asked for, else the first of those that have a picture."""
    wanted = _whole(request.GET.get("plane"), 0)
    planes = image["planes"]
    return next((plane for plane in planes if plane["number"] == wanted),
                planes[0] if planes else None)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


@require_safe
@vary_on_headers("HX-Request")
def rows(request, name: str, part: int):
    """A page of the rows of a table, ``?page=``."""
    file = services.published(name)
    found = services.obtain(file)
    embedded = bool(request.htmx and not request.htmx.boosted)
    if not found.ready:
        raise NotFound(f"The contents of {file.name} are being looked at. Open their page first:"
                       " it shows how far that is.")
    described = services.part(found, part)
    page = services.page_of_rows(file, described, _whole(request.GET.get("page"), 1))
    return render(request, "contents/rows.html" if embedded else "contents/rows_page.html", {
        "file": file, "part": described, "page": page, "version": services.VERSION})


@require_safe
@cache_control(public=True, max_age=FOR_EVER, immutable=True)
def picture(request, name: str, picture: str):
    """A picture; the same address always gives the same one, so caches may keep it."""
    file = services.published(name)
    path = services.picture(file, picture)
    state = os.stat(path)
    return file_response(request, ServedFile(
        path=path, size=state.st_size, etag=f'"{services.key(file)}-{services.VERSION}-{picture}"',
        modified=datetime.fromtimestamp(state.st_mtime, UTC), content_type="image/png"))
