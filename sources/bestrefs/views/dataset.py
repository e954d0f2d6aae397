"""Best references of one dataset or header: the form, and answers at addresses that last."""

from __future__ import annotations

import json
from dataclasses import replace

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from archive import services as archive
from bestrefs.forms import DatasetForm, HeaderForm
from bestrefs.services import answers, questions, reading, uploads
from bestrefs.services.answers import Subject
from bestrefs.services.questions import Question
from common.errors import BadRequest, ServiceError
from interactive import context_chooser
from interactive.views.help import EXAMPLES
from rules import dataset_headers

from . import common

#: Exposures of a product that one page shows.
MAX_EXPOSURES = 30


@csrf_exempt  # checked by the inner view, once the upload handler is set
@require_http_methods(["GET", "HEAD", "POST"])
def bestrefs(request):
    """By GET a dataset's or header's answer, or the form; by POST a header becomes an address."""
    if request.method == "POST":
        return _post(request)
    if "pmap_mode" in request.GET or "pmap_text" in request.GET:
        return _chosen(request)
    question = questions.from_query(request.GET)
    return _result(request, question) if question.asked else _forms(request)


def _chosen(request):
    """The form's own parameters turn into the address that lasts."""
    form = DatasetForm(request.GET, auto_id="dataset-%s", offer=context_chooser.offer())
    if not form.is_valid():
        return _forms(request, dataset=form, status=400)
    return _to(Question(id=form.cleaned_data["id"].strip(), context=form.cleaned_data["context"],
                        context2=form.cleaned_data["context2"]))


def _to(question: Question):
    return redirect(f"{reverse('bestrefs')}?{question.query()}")


def _forms(request, dataset=None, header=None, status: int = 200):
    offer = (dataset or header).fields["context"].widget.offer if dataset or header else (
        context_chooser.offer())
    return render(request, "bestrefs/form.html", {
        "dataset_form": dataset or DatasetForm(auto_id="dataset-%s", offer=offer),
        "header_form": header or HeaderForm(auto_id="header-%s", offer=offer),
        "recent": offer.recent,
        "example": EXAMPLES[settings.CRDS_OBSERVATORY],
        "limit": uploads.MAX_UPLOAD,
    }, status=status)


# ---- headers -----------------------------------------------------------------


def _post(request):
    length = common.content_length(request)
    if length > uploads.MAX_UPLOAD:
        raise BadRequest(
            f"The file is larger than {uploads.MAX_UPLOAD // 2**20} MB, too large to be sent"
            " whole. Allow scripts for this site: your browser then reads the header itself and"
            " sends nothing else. Or paste the header.")
    request.upload_handlers = [uploads.HeaderUploadHandler(request)]
    return _posted(request)


@csrf_protect
def _posted(request):
    form = HeaderForm(request.POST, request.FILES, auto_id="header-%s",
                      offer=context_chooser.offer())
    if not form.is_valid():
        return _forms(request, header=form, status=400)
    try:
        question = _question(form.cleaned_data)
    except ServiceError as exc:
        form.add_error("file" if form.cleaned_data["file"] else "header", exc.message)
        return _forms(request, header=form, status=400)
    return _to(question)


def _question(data: dict) -> Question:
    """The question that a header asks: only what the rules need of it."""
    text, name = data["header"], data["name"]
    if data["file"]:
        if data["file"].problem:
            raise BadRequest(data["file"].problem)
        text, name = data["file"].read().decode(), data["file"].name
    header = dataset_headers.union(
        reading.read(text).chosen(data["extension"]), settings.CRDS_OBSERVATORY)
    needed: dict[str, str] = {}
    for context in filter(None, (data["context2"], data["context"])):
        needed.update(dataset_headers.required(context, header))
    defined = {key: value for key, value in dataset_headers.ordered(needed).items()
               if value != dataset_headers.UNDEFINED and value.isprintable()}
    if not defined:
        raise BadRequest("None of the keywords that the rules ask for is in this header.")
    return Question(header=defined, context=data["context"], context2=data["context2"],
                    name=common.name_of_file(name))


# ---- answers -----------------------------------------------------------------


def _result(request, asked: Question):
    question = common.resolved(asked)
    subjects = _subjects(question)
    if len(subjects) == 1 and subjects[0].error:
        return _unknown(request, question, subjects[0])
    shown = answers.answer(subjects[:MAX_EXPOSURES], question.context, question.context2)
    if len(shown) == 1 and not shown[0].rows:
        raise BadRequest(shown[0].error)
    return render(request, "bestrefs/result.html", {
        "question": question,
        "answers": [(one, _question_of(one.subject, question)) for one in shown],
        "contexts": list(filter(None, (question.context, question.context2))),
        "all_exposures": len(subjects),
        "differing": sum(len(one.differing) for one in shown),
        "headers": json.dumps([{"name": question.name, "parameters": question.header}]),
    })


def _subjects(question: Question) -> list[Subject]:
    if question.id:
        return answers.of_ids([question.id])
    return [Subject(question.name or "given parameters", question.header)]


def _question_of(subject: Subject, question: Question) -> Question:
    """The question about one exposure of what was asked about."""
    return replace(question, id=subject.label) if question.id else question


def _unknown(request, question: Question, subject: Subject):
    try:
        near = archive.near(question.id)
    except ServiceError:
        near = []
    return render(request, "bestrefs/unknown.html", {
        "question": question,
        "error": subject.error,
        "near": [(name, replace(question, id=name)) for name in near],
        "counts": archive.counts(),
        "example": EXAMPLES[settings.CRDS_OBSERVATORY],
    }, status=404)
