"""What a context holds: the accordion of its instruments and types, and the table of a type."""

from __future__ import annotations

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from common.errors import NotFound
from common.lists import list_response
from interactive import context_lists
from interactive.models import CatalogFile
from interactive.services import contexts, latest_references, standing, type_tables

#: Rows of a type that an opened accordion shows; the type's own page has the others.
ROWS = 200


def context_table(request, name: str):
    """``name`` is a rule file, or what stands for one: a role (``latest``) or a date."""
    rules = _resolve(name)
    if rules != name:
        return redirect("context_table", rules)
    file = CatalogFile.objects.published().mappings().filter(name=name).first()
    if file is None:
        raise NotFound(f"There is no published rule file '{name}'.")
    if file.extension == ".rmap":
        return _type_page(request, file, context=None)
    instruments = latest_references.overview(name)
    return render(request, "interactive/context_table.html", {
        "file": file,
        "context_name": name if file.is_context else "",
        "instruments": instruments,
        "numbers": latest_references.count(instruments),
        "opened": instruments[0]["name"] if len(instruments) == 1 else "",
        "standing": standing.of(file),
    })


def context_type(request, name: str, instrument: str, filekind: str):
    """The table of one type of the context ``name``."""
    context = _resolve(name)
    if not context.endswith(".pmap"):
        raise NotFound(f"'{name}' is no context: give a .pmap, such as that of 'latest'.")
    if (context, instrument, filekind) != (name, instrument.lower(), filekind.lower()):
        return redirect("context_type", context, instrument.lower(), filekind.lower())
    try:
        rmap = type_tables.rmap_of(context, instrument, filekind)
    except NotFound:
        return _without_rules(request, context, instrument, filekind)
    return _type_page(request, rmap, context)


def context_instrument(request, name: str, instrument: str):
    """An address between the two others: the context's table, where the instrument is."""
    return redirect(f"{reverse('context_table', args=[_resolve(name)])}#{instrument.lower()}")


def _resolve(name: str) -> str:
    """The rule file that ``name`` stands for; roles may leave the observatory out."""
    if name in contexts.ROLES:
        name = f"{settings.CRDS_OBSERVATORY}-{name}"
    found = contexts.resolve(name)
    if found == "N/A":
        raise NotFound(f"'{name}' does not apply: there are no rules for it.")
    return found


def _type_page(request, rmap: CatalogFile, context: str | None):
    table, lines = type_tables.lines(rmap)
    rows = context_lists.records(table, lines)
    address = (reverse("context_type", args=[context, rmap.instrument, rmap.filekind]) if context
               else reverse("context_table", args=[rmap.name]))
    described = latest_references.descriptions().get(rmap.instrument, {})
    common = {
        "rmap": rmap, "context": context, "rules": table, "address": address,
        "description": described.get(rmap.filekind, ""),
        "substitutions": [
            (table.columns[each.column].title, each) for each in table.substitutions],
    }
    if request.htmx and request.htmx.target != "list":
        shown = context_lists.type_table(table)(rows[:ROWS])
        response = render(request, "interactive/includes/type_rows.html", {
            **common, "table": shown, "total": len(rows)})
    else:
        response = list_response(
            request, rows=rows, table=context_lists.type_table(table),
            filters=context_lists.row_filters(table), page_length=ROWS,
            template="interactive/context_type.html", name=rmap.name.removesuffix(".rmap"),
            standing=standing.of(rmap), **common)
    # One address, two answers: what htmx asks for must not come from the browser's cache of
    # the page, nor the other way round.
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _without_rules(request, context: str, instrument: str, filekind: str):
    """A page for a type that the context declares N/A or omits; else an error that helps."""
    for row in latest_references.overview(context):
        if row["name"] != instrument:
            continue
        if row["special"]:
            special = row["special"]
        else:
            special = next((t["special"] for t in row["types"] if t["name"] == filekind), "")
        if special:
            return render(request, "interactive/context_special.html", {
                "context": context, "instrument": instrument, "filekind": filekind,
                "special": special})
        known = ", ".join(t["name"] for t in row["types"]) or "none"
        raise NotFound(
            f"{context} has no type '{filekind}' of instrument '{instrument}'."
            f" It has: {known}.")
    known = ", ".join(row["name"] for row in latest_references.overview(context)) or "none"
    raise NotFound(f"{context} has no instrument '{instrument}'. It has: {known}.")
