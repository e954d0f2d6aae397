"""What the views of best references share."""

from __future__ import annotations

from django.http import QueryDict

from bestrefs.services import questions
from bestrefs.services.questions import Question
from common.errors import BadRequest
from interactive.services import contexts


def resolved(question: Question) -> Question:
    """``question`` with its contexts as names of published rule files."""
    return question.under(
        contexts.resolve(question.context),
        contexts.resolve(question.context2) if question.context2 else "")


def context_of(query: QueryDict) -> Question:
    """The contexts that an address names, resolved, and nothing else of it."""
    only = QueryDict(mutable=True)
    for key in ("context", "context2"):
        only[key] = query.get(key, "")
    return resolved(questions.from_query(only))


def name_of_file(name: str) -> str:
    """A file's name as it goes into addresses: without folders, short, printable."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:120]


def content_length(request) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as exc:
        raise BadRequest("The request does not say how long it is.") from exc
