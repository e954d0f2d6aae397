"""Best references of many datasets, headers and files at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from bestrefs.forms import ManyForm
from bestrefs.services import answers, batch, questions, reading, script, uploads
from bestrefs.services.answers import Answer, Subject
from bestrefs.services.questions import Question
from common.errors import BadRequest, ServiceError
from interactive import context_chooser
from interactive.views.files import base_url
from interactive.views.help import EXAMPLES
from rules import dataset_headers

from . import common

#: Most characters of an address that lasts; servers cut longer ones.
MAX_ADDRESS = 6000
SCRIPT_NAME = "fetch_references.sh"


@csrf_exempt  # checked by the inner view, once the upload handler is set
@require_http_methods(["GET", "HEAD", "POST"])
def many(request):
    """The form; answers at an address where the list of ids is short, else of what was posted."""
    if request.method == "POST":
        if common.content_length(request) > uploads.MAX_UPLOAD:
            raise BadRequest(
                f"These files have more than {uploads.MAX_UPLOAD // 2**20} MB together, too much"
                " to be sent whole. Allow scripts for this site: your browser then reads the"
                " headers itself and sends nothing else.")
        request.upload_handlers = [uploads.HeaderUploadHandler(request)]
        try:
            return _posted(request)
        except SuspiciousOperation as exc:
            raise BadRequest(
                f"That is more than one request may hold: {exc} Send at most"
                f" {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files at once, or allow scripts for"
                " this site: your browser then sends their headers alone.") from exc
    if not request.GET.get("ids"):
        return _form(request)
    form = ManyForm(request.GET, auto_id="many-%s", offer=context_chooser.offer())
    return _answered(request, form)


def _form(request, form: ManyForm | None = None, status: int = 200):
    offer = form.fields["context"].widget.offer if form else context_chooser.offer()
    return render(request, "bestrefs/many.html", {
        "form": form or ManyForm(auto_id="many-%s", offer=offer),
        "recent": offer.recent,
        "most": settings.MAX_IDS_PER_RPC,
        "example": EXAMPLES[settings.CRDS_OBSERVATORY],
    }, status=status)


@csrf_protect
def _posted(request):
    form = ManyForm(request.POST, request.FILES, auto_id="many-%s", offer=context_chooser.offer())
    return _answered(request, form)


def _answered(request, form: ManyForm):
    if not form.is_valid():
        return _form(request, form, status=400)
    data = form.cleaned_data
    try:
        ids = batch.split_ids(data["ids"] + "\n" + _listed(data["list"]))
        subjects = _subjects(ids, data)
    except ServiceError as exc:
        form.add_error(None, exc.message)
        return _form(request, form, status=400)
    only_ids = not (data["headers"] or data["files"])
    lasting = _lasting_address(ids, data) if only_ids else ""
    plain = not (request.POST.get("format") or request.POST.get("again"))
    if request.method == "POST" and lasting and plain:
        return redirect(lasting)
    found = answers.answer(subjects, data["context"], data["context2"])
    if form_ := (request.POST or request.GET).get("format"):
        return _as_file(request, found, data, form_)
    return _page(request, found, ids, data, lasting)


def _lasting_address(ids: list[str], data: dict) -> str:
    query = QueryDict(mutable=True)
    query.update({"ids": ",".join(ids), "context": data["context"]})
    if data["context2"]:
        query["context2"] = data["context2"]
    address = f"{reverse('bestrefs_many')}?{query.urlencode(safe=',:')}"
    return address if len(address) <= MAX_ADDRESS else ""


# ---- what is asked about -----------------------------------------------------


def _listed(file) -> str:
    """The text of an uploaded list of ids."""
    if not file:
        return ""
    text = file.read().decode("utf-8", "replace")
    if file.problem or "\0" in text:
        raise BadRequest("The list of ids is not a text file.")
    return text


def _subjects(ids: list[str], data: dict) -> list[Subject]:
    texts = list(_texts(data))
    batch.check_number(len(ids) + len(texts), "datasets and files")
    subjects = list(answers.of_ids(ids))
    used = {subject.label for subject in subjects}
    for name, text, parameters in texts:
        for subject in _of_header(name, text, parameters, data["extension"]):
            subjects.append(_named_apart(subject, used))
    if not subjects:
        raise BadRequest("Give ids of datasets, or choose files.")
    batch.check_number(len(subjects))
    return subjects


def _texts(data: dict) -> Iterator[tuple[str, str, dict | None]]:
    """(name, text of the header, parameters if they are known already) of files and headers."""
    for file in data["files"]:
        name = common.name_of_file(file.name)
        yield name, f"\0{file.problem}" if file.problem else file.read().decode(), None
    if not data["headers"].strip():
        return
    try:
        items = json.loads(data["headers"])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ValueError
    except (ValueError, RecursionError) as exc:
        raise BadRequest("The headers that the page sent cannot be read.") from exc
    for item in items:
        parameters = item.get("parameters")
        yield (common.name_of_file(str(item.get("name", ""))), str(item.get("text", "")),
               parameters if isinstance(parameters, dict) else None)


def _of_header(name: str, text: str, parameters: dict | None, extension: str) -> list[Subject]:
    """Subjects of one file; a file that cannot be read gives one that says why."""
    name = name or "header"
    if parameters is not None:
        return [Subject(name, questions.header({k: str(v) for k, v in parameters.items()}))]
    if text.startswith("\0"):
        return [Subject(name, error=text[1:])]
    try:
        headers = reading.several(text) or {name: reading.read(text)}
        return [
            Subject(label[:128], dataset_headers.union(
                one.chosen(extension), settings.CRDS_OBSERVATORY), notes=one.notes)
            for label, one in headers.items()]
    except ServiceError as exc:
        return [Subject(name, error=exc.message)]


def _named_apart(subject: Subject, used: set[str]) -> Subject:
    """Two files may have one name; their answers must not."""
    label, number = subject.label, 2
    while label in used:
        label = f"{subject.label} ({number})"
        number += 1
    used.add(label)
    return Subject(label, subject.header, subject.error, subject.is_dataset, subject.near,
                   subject.notes)


# ---- answers -------------------------------------------------------------------


def _page(request, found: list[Answer], ids: list[str], data: dict, lasting: str):
    given = request.POST or request.GET
    only = bool(given.get("differences") and data["context2"])
    tables = batch.tables(found, only_differences=only)
    _sort(tables, given.get("sort", ""))
    return render(request, "bestrefs/many_result.html", {
        "question": Question(context=data["context"], context2=data["context2"]),
        "contexts": list(filter(None, (data["context"], data["context2"]))),
        "tables": tables,
        "failed": [answer for answer in found if not answer.ok],
        "total": len(found),
        "answered": sum(answer.ok for answer in found),
        "differing": sum(bool(answer.differing) for answer in found),
        "only": only,
        "uses": batch.uses(found),
        "again": {"ids": " ".join(ids), "headers": _kept(found)},
        "lasting": lasting,
        "sort": given.get("sort", ""),
        "script_name": SCRIPT_NAME,
    })


def _kept(found: list[Answer]) -> str:
    """What headers came to, for the next request: the parameters that the rules need."""
    items = [
        {"name": answer.subject.label, "parameters": {
            key: value for key, value in answer.parameters.items()
            if value != dataset_headers.UNDEFINED}}
        for answer in found if not answer.subject.is_dataset and answer.parameters]
    return json.dumps(items) if items else ""


def _sort(tables: list[batch.InstrumentTable], key: str) -> None:
    """Order lines by one column: ``acs:biasfile``, ``acs:`` for datasets, ``-`` before for down."""
    down = key.startswith("-")
    instrument, _, kind = key.removeprefix("-").partition(":")
    for table in tables:
        if table.instrument != instrument:
            continue
        names = [column.type for column in table.columns]
        at = names.index(kind) if kind in names else None
        table.lines.sort(reverse=down, key=lambda line, at=at: (
            line[0].subject.label if at is None or line[1][at] is None
            else line[1][at].choice.text))


def _as_file(request, found: list[Answer], data: dict, form: str):
    contexts = data["context"], data["context2"]
    if form == "json":
        response = JsonResponse(batch.as_json(found, *contexts), json_dumps_params={"indent": 1})
        return _named(response, "best_references.json")
    if form == "csv":
        text = batch.as_csv(found, *contexts)
        return _named(HttpResponse(text, content_type="text/csv; charset=utf-8"),
                      "best_references.csv")
    if form == "script":
        text = script.download_script(found, data["context"], base_url(request), SCRIPT_NAME)
        return _named(HttpResponse(text, content_type="text/x-shellscript; charset=utf-8"),
                      SCRIPT_NAME)
    raise BadRequest(f"There is no format '{form[:40]}'. It is csv, json or script.")


def _named(response, name: str):
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
