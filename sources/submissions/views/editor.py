"""Pages of the rule editor: the list of rmaps, the table with its forms, preview, text."""

from __future__ import annotations

from itertools import groupby
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import submitter
from common.errors import ServiceError, Unavailable
from interactive.models import ChangeLevel
from interactive.services import contexts
from rules.editing import steps
from rules.tables import readable

from ..forms import AnyCaseChoice, DescriptionField
from ..services import editor as service
from ..services.editor import Editor
from ..services.fields import FieldErrors
from .submit import _channel

#: Rows of a page of the table.
ROWS = 50

#: Rows of the preview that are shown; the text difference has all.
SHOWN = 40


class SubmitForm(forms.Form):
    """Why the edited rules are submitted."""

    description = DescriptionField(
        label="Description", help_text="What changed and what it will do. Letters, digits, blanks"
        " and . _ / , = - + only.")
    change_level = AnyCaseChoice(
        choices=[(level.upper(), level.upper()) for level in ChangeLevel.values],
        initial="SEVERE", label="Change level")

    label_suffix = ""


@submitter
@require_safe
def choose(request):
    """The rmaps of the edit context, and the edits that wait."""
    text = request.GET.get("q", "")[:200]
    found = service.choices(request.user, text)
    return render(request, "submissions/editor/choose.html", {
        "q": text, "context": contexts.pointer("edit"), "waiting": service.waiting(request.user),
        "page": Paginator(found, 100).get_page(request.GET.get("page")), "total": len(found)})


@submitter
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, name: str):
    """The table of an rmap with the edits of the user; forms post edits back to it."""
    editor = service.open_editor(request.user, name)
    error, form = "", SubmitForm(prefix="submit")
    if request.method == "POST":
        try:
            act = request.POST.get("act", "")
            if act == "submit":
                form = SubmitForm(request.POST, prefix="submit")
                if form.is_valid():
                    return redirect("display_result", str(_submit(request, editor, form).pk))
                error = " ".join(text for texts in form.errors.values() for text in texts)
            else:
                return redirect(_act(request, editor, act))
        except FieldErrors as exc:
            error = exc.message
        except ServiceError as exc:
            error = exc.message
            editor = service.open_editor(request.user, name)
    # Status 200 also with an error: what was typed stays, and clients read errors from it.
    return render(request, "submissions/editor/edit.html", {
        **_table(request, editor), "editor": editor, "error": error, "submit_form": form,
        "renew": _preview_address(editor), **_made(_preview(editor))})


def _submit(request, editor: Editor, form: SubmitForm):
    return service.submit(
        editor, form.cleaned_data, channel=_channel(request),
        base_url=request.build_absolute_uri(reverse("home")))


def _act(request, editor: Editor, act: str) -> str:
    """Do what a button says; returns where to go then."""
    posted = request.POST
    count = _number(posted.get("count", ""))
    if act == "undo":
        service.undo(editor, count)
    elif act == "redo":
        service.redo(editor, count)
    elif act == "clear":
        service.clear(editor)
    elif act == "carry-over":
        return reverse("edit_rmap", args=[service.carry_over(editor)])
    elif act.startswith("remove-"):
        service.remove(editor, _number(act.removeprefix("remove-")), count)
    else:
        service.add(editor, _step(posted, act))
    return f"{request.path}?{_filters(request)}#table"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else -1


def _step(posted, act: str) -> dict:
    """The edit that a form describes; the service checks every part of it."""
    step = {"do": act, "reference": posted.get("reference", ""), "by": posted.get("by", "")}
    for field in ("values", "to", "case"):
        step[field] = [value.strip() if field == "to" else value
                       for value in posted.getlist(field)]
    if act == "add":
        step["values"] = [value.strip() for value in step["values"]]
    return step


def _filters(request) -> str:
    """The filter of the table, as it is in the address."""
    kept = {key: request.GET[key] for key in ("q", "page", "show") if request.GET.get(key)}
    return urlencode(kept)


# ---- the table ---------------------------------------------------------------


def _table(request, editor: Editor) -> dict:
    text = request.GET.get("q", "")[:200]
    only = request.GET.get("show", "")
    words = text.lower().split()
    rows = [{"number": number, "row": row,
             "date": row.values[-1] if editor.dated else "",
             "shown": [readable(value) for value in row.values],
             "was": [readable(value) for value in row.was[0]] if row.mark == "moved" else []}
            for number, row in enumerate(editor.edited.rows)
            if (only != "changed" or row.mark) and _has(row, words)]
    rows.sort(key=lambda entry: _order(entry["row"]))
    chosen = _chosen(request, editor)
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    return {
        "q": text, "show": only, "filters": _filters(request), "total": len(rows),
        "page": page, "cases": _by_case(page, editor),
        "changes": len(editor.edited.changed), "chosen": chosen,
        "inputs": _inputs(editor, chosen), "case_inputs": _inputs(editor, chosen, case=True)}


def _by_case(page, editor: Editor) -> list[dict]:
    """The rows of a page by their match cases: ``values`` (title, value) and ``rows``."""
    count = editor.width - editor.dated
    titles = editor.titles[:count]
    found = []
    for case, rows in groupby(page, key=lambda entry: entry["row"].values[:count]):
        found.append({
            "values": list(zip(titles, map(readable, case), strict=True)), "rows": list(rows)})
    return found


def _has(row: steps.Row, words: list[str]) -> bool:
    text = " ".join([*row.values, row.result, *(row.was[1:] if row.was else ())]).lower()
    return all(word in text for word in words)


def _order(row: steps.Row) -> tuple:
    from rules.tables import rank

    return ([rank(value) for value in row.values], row.result)


def _chosen(request, editor: Editor) -> steps.Row | None:
    number = _number(request.GET.get("row", ""))
    rows = editor.edited.rows
    return rows[number] if 0 <= number < len(rows) and not rows[number].gone else None


def _inputs(editor: Editor, chosen: steps.Row | None, case: bool = False) -> list[dict]:
    """Input fields for the values of a row, or of its match case."""
    count = editor.width - editor.dated
    choices = editor.value_choices()
    return [{"title": column.title, "parameter": column.parameter, "number": number,
             "value": chosen.values[number] if chosen else "",
             "choices": choices[number] if number < count else [],
             "dated": number >= count}
            for number, column in enumerate(editor.table.columns)
            if not (case and number >= count)]


# ---- preview -----------------------------------------------------------------


def _preview_address(editor: Editor) -> str:
    return reverse("edit_rmap_preview", args=[editor.name])


@submitter
@require_safe
def preview(request, name: str):
    """What the edits would change, or how far the making of that is."""
    editor = service.open_editor(request.user, name)
    return render(request, "submissions/editor/preview.html", {
        "editor": editor, "renew": _preview_address(editor), **_made(_preview(editor))})


def _preview(editor: Editor):
    """The preview as it stands; None without edits, or when the server is too busy to make it."""
    if not (editor.editable and editor.edit.steps):
        return None
    try:
        return service.preview(editor)
    except Unavailable:
        return None


def _made(made) -> dict:
    if made is None or not made.ready:
        return {"kept": made, "found": None}
    found = made.json()
    cases = found["impact"].get("cases", [])
    return {"kept": made, "found": found, "effects": cases[:SHOWN],
            "more_effects": max(0, len(cases) - SHOWN)}


@submitter
@require_safe
def text(request, name: str):
    """The edited rule file, to look at or to download."""
    editor = service.open_editor(request.user, name)
    made = service.preview(editor) if editor.editable else None
    if made is None or not made.ready:
        return redirect("edit_rmap", name)
    answer = HttpResponse(made.path("text.rmap").read_bytes(),
                          content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'inline; filename="{editor.name}"'
    return answer
