"""Why a reference was selected, or none: for a dataset or header, under one context or two."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from bestrefs.services import explain as service
from bestrefs.services import explain_form, questions, stories
from bestrefs.services.questions import Question
from common.errors import NotFound, ServiceError


@require_safe
@vary_on_headers("HX-Request")
def explain(request: HttpRequest) -> HttpResponse:
    """All types of the question in the address, one of them, or the form that makes one."""
    question = Question()
    try:
        question = questions.from_query(request.GET)
        kind = service.type_name(request.GET.get("type", ""))
        if not question.asked or "edit" in request.GET:
            return _form(request, question)
        names = service.contexts_of(question)
        comparison = service.compare(service.subject_of(question), names,
                                     [kind] if kind else [])
    except ServiceError as exc:
        if request.htmx:
            raise
        return _form(request, question, exc)
    if kind:
        return _one_type(request, question, comparison, kind)
    return render(request, "bestrefs/explain/overview.html", {
        **_common(question, comparison),
        "groups": comparison.groups(),
        "counts": comparison.counts(),
    })


def _one_type(request: HttpRequest, question: Question, comparison: service.Comparison,
              kind: str) -> HttpResponse:
    row = comparison.rows[0] if comparison.rows else None
    told = [(side.context, side.error, stories.tell(one) if one else None)
            for side, one in zip(comparison.sides, _types(row, comparison), strict=True)]
    template = "type_body.html" if request.htmx else "type.html"
    return render(request, f"bestrefs/explain/{template}", {
        **_common(question, comparison), "row": row, "kind": kind, "told": told,
    })


def _types(row: service.Row | None, comparison: service.Comparison) -> list:
    return row.sides if row else [None] * len(comparison.sides)


def _common(question: Question, comparison: service.Comparison) -> dict:
    query = question.query()
    return {
        "question": question,
        "asked": query,
        "comparison": comparison,
        "subject": comparison.subject,
        "contexts": [side.context for side in comparison.sides],
        "json_address": f"{reverse('api-1:explain_get')}?{query}",
        "keep": [(key, value) for key, value in (("id", question.id), ("name", question.name),
                                                 *question.header.items()) if value],
        "sibling_queries": [(sibling, Question(id=sibling, context=question.context,
                                               context2=question.context2).query())
                            for sibling in comparison.subject.siblings],
    }


def _form(request: HttpRequest, question: Question,
          problem: ServiceError | None = None) -> HttpResponse:
    """The form; after a problem with what was asked, which stays filled in."""
    return render(request, "bestrefs/explain/form.html", {
        "form": explain_form.build(request.GET, question),
        "problem": problem.message if problem else "",
        "near": [(name, replace(question, id=name).query()) for name in service.near(question)]
        if isinstance(problem, NotFound) else [],
    }, status=problem.status if problem else 200)
