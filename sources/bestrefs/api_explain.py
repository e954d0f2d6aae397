"""REST API of explanations: why each type has the reference that it has."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.views.decorators.http import condition
from ninja import Field, Query, Router, Schema
from ninja.decorators import decorate_view

from bestrefs.services import explain as service
from bestrefs.services import questions
from bestrefs.services.questions import Question
from interactive.api import ContextName, etag_of
from interactive.services import revision
from rules.explaining import Explanation, Extent

router = Router(tags=["best references"])

#: Nearest misses that an answer may have.
MAX_MISSES = 100
#: Dates told on each side of the chosen one where all types of an instrument are asked for.
ENTRIES = 10

Dataset = Annotated[str, Field(
    "", max_length=256, description="A dataset: an exposure, a product, or product:exposure.")]
Context2 = Annotated[str, Field(
    "", max_length=128, description="A second context to explain beside the first.")]
Type = Annotated[str, Field(
    "", max_length=service.MAX_TYPE, examples=["biasfile"],
    description="One type of reference; all types of the instrument if empty.")]
Misses = Annotated[int, Field(
    ge=0, le=MAX_MISSES, description="How many of the nearest cases that fail are told.")]


class Asked(Schema):
    """A question in an address; keywords of a header stand beside these, in upper case."""

    id: Dataset = ""
    context: ContextName = ""
    context2: Context2 = ""
    type: Type = ""
    misses: Misses = 5


class HeaderAsked(Schema):
    """A header, or a dataset, to explain."""

    header: dict[str, str] = Field(
        default_factory=dict, max_length=questions.MAX_KEYWORDS, description="Keywords and values.")
    id: Dataset = ""
    context: ContextName = ""
    context2: Context2 = ""
    types: list[Annotated[str, Field(max_length=service.MAX_TYPE)]] = Field(
        default_factory=list, max_length=200, description="All types if empty.")
    misses: Misses = 5


class Under(Schema):
    """The explanation under one context."""

    context: str
    error: str = Field(description="Why there is no explanation, else empty.")
    explanation: Explanation | None


class Difference(Schema):
    type: str
    change: str = Field(description="What changed from the first context to the second.")


class Explained(Schema):
    subject: str = Field(description="The dataset, or where the header came from.")
    agrees: bool = Field(description="Every answer is what the library selects.")
    contexts: list[Under] = Field(description="One for each context asked about.")
    differences: list[Difference] = Field(
        description="Types with different answers under two contexts.")


def _etag(request: HttpRequest, *args, **kwargs) -> str | None:
    """Rules change with the catalogue; datasets of the archive change without a word."""
    return None if request.GET.get("id") else etag_of(request, revision.state())


@router.get("/explain", response=Explained, summary="Why these references",
            url_name="explain_get")
@decorate_view(condition(etag_func=_etag))
def explain_get(request: HttpRequest, asked: Query[Asked]):
    """Why each type of a dataset, or of the header in the address, has its best reference.

    Keywords of a header are further parameters of the address, with names in upper case:
    ``?INSTRUME=ACS&DETECTOR=WFC``.  Beside an ``id`` they replace values of its header.
    Lines of dates are whole where a ``type`` is given, else cut around the chosen date.
    """
    header = questions.header(request.GET)
    return _answer(Question(asked.id.strip(), header, asked.context, asked.context2),
                   [asked.type], asked.misses)


@router.post("/explain", response=Explained, summary="Why these references, for a header",
             url_name="explain_post")
def explain_post(request: HttpRequest, asked: HeaderAsked):
    """As GET, with the header in the body: no limit on the length of an address."""
    header = {key: questions.text(value, key, questions.MAX_VALUE)
              for key, value in asked.header.items()}
    return _answer(Question(asked.id.strip(), header, asked.context, asked.context2),
                   asked.types, asked.misses)


def _answer(question: Question, types: list[str], misses: int) -> dict:
    kinds = [kind for kind in map(service.type_name, types) if kind]
    extent = Extent(misses, entries=None if kinds else ENTRIES)
    comparison = service.compare(
        service.subject_of(question), service.contexts_of(question), kinds, extent)
    return {
        "subject": comparison.subject.label,
        "agrees": comparison.agrees,
        "contexts": comparison.sides,
        "differences": [{"type": row.filekind, "change": row.change}
                        for row in comparison.differing],
    }
