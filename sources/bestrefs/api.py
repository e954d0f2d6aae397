"""REST API of best references."""

from __future__ import annotations

import re
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.errors import ValidationError
from pydantic import ValidationError as Invalid
from pydantic import field_validator

from bestrefs.services import answers, batch
from bestrefs.services.answers import Answer, Kind, Subject
from common.errors import BadRequest
from interactive.services import contexts
from jsonapi import checks

router = Router(tags=["best references"])

KindName = re.compile(r"[A-Za-z0-9_\-]{1,64}")
ContextName = Annotated[str, Field(
    max_length=128, examples=[f"{settings.CRDS_OBSERVATORY}-latest"],
    description="A rule file (.pmap, .imap, .rmap), a role or a date; the latest if not given.")]
Types = Annotated[list[str], Field(
    max_length=200, examples=[["biasfile", "darkfile"]],
    description="Types of reference to answer for; all of the instrument if not given.")]


class BestReferencesAsked(Schema):
    context: ContextName = ""
    context2: ContextName = Field("", description="A second context to compare with.")
    ids: list[Annotated[str, Field(max_length=300)]] = Field(
        [], examples=[["JBANJOF3Q:JBANJOF3Q"]], description="Datasets of the archive.")
    headers: dict[Annotated[str, Field(max_length=256)],
                  dict[str, str | int | float | bool | None]] = Field(
        {}, examples=[{"mine": {"INSTRUME": "ACS", "DETECTOR": "WFC",
                                "DATE-OBS": "2012-01-01", "TIME-OBS": "00:00:00"}}],
        description="Headers by a name of your choice: keywords and values.")
    types: Types = []

    @field_validator("types")
    @classmethod
    def known_form(cls, value: list[str]) -> list[str]:
        for kind in value:
            if not KindName.fullmatch(kind):
                raise ValueError(f"{kind[:40]!r} is not a type of reference")
        return value


class BestReference(Schema):
    type: str
    reference: str | None = Field(description="Name of the file, null where there is none.")
    not_applicable: bool = Field(description="The type does not apply to this dataset.")
    reason: str | None = Field(description="Why there is no reference, if the lookup failed.")
    stored: bool | None = Field(description="The bytes can be downloaded here.")
    rejected: bool | None = Field(description="Marked scientifically invalid.")
    differs: bool | None = Field(description="Null without a second context.")
    reference2: str | None = Field(description="The same under the second context.")


class DatasetReferences(Schema):
    id: str = Field(description="PRODUCT:EXPOSURE, or the name of the header.")
    ok: bool
    error: str | None = Field(description="Why nothing, or not everything, is answered.")
    instrument: str | None
    parameters: dict[str, str] = Field(description="What the rules looked at.")
    references: list[BestReference]


class BestReferences(Schema):
    context: str = Field(description="Name of the context used.")
    context2: str | None
    results: list[DatasetReferences] = Field(
        description="One for each dataset: a product answers with each of its exposures.")


@router.get("/bestrefs", response=BestReferences, summary="Best references of datasets")
def of_ids(request: HttpRequest, ids: Annotated[str, Field(
        max_length=8000, examples=["JBANJOF3Q,LCE31SW6Q"],
        description="Dataset ids, separated by commas.")],
        context: ContextName = "", context2: ContextName = "",
        types: Annotated[str, Field(max_length=4000, examples=["biasfile,darkfile"],
                                    description="Types, separated by commas.")] = ""):
    """What an id that is not known comes to is in its result; the others are answered."""
    try:
        asked = BestReferencesAsked(
            context=context, context2=context2, ids=batch.split_ids(ids),
            types=batch.split_ids(types))
    except Invalid as exc:
        # Each id and type is checked only now that the texts are split.
        raise ValidationError(exc.errors()) from exc
    return _answer(asked)


@router.post("/bestrefs", response=BestReferences,
             summary="Best references of datasets and headers")
def of_headers(request: HttpRequest, asked: BestReferencesAsked):
    """Reads only: a POST because headers do not fit into an address."""
    return _answer(asked)


def _answer(asked: BestReferencesAsked) -> dict:
    if not (asked.ids or asked.headers):
        raise BadRequest("Give ids of datasets, or headers: {name: {keyword: value}}.")
    context = contexts.resolve(asked.context)
    context2 = contexts.resolve(asked.context2) if asked.context2 else ""
    batch.check_number(len(asked.ids) + len(asked.headers), "datasets and headers")
    subjects = answers.of_ids(asked.ids)
    subjects += [Subject(name, checks.header(header, f"header of {name!r}"))
                 for name, header in asked.headers.items()]
    batch.check_number(len(subjects))
    found = answers.answer(subjects, context, context2, asked.types)
    return {"context": context, "context2": context2 or None,
            "results": [_result(answer) for answer in found]}


def _result(answer: Answer) -> dict:
    return {
        "id": answer.subject.label,
        "ok": answer.ok,
        "error": answer.error or None,
        "instrument": answer.instrument or None,
        "parameters": answer.parameters,
        "references": [_reference(row) for row in answer.rows],
    }


def _reference(row: answers.Row) -> dict:
    choice, second = row.choice, row.second
    return {
        "type": row.type,
        "reference": choice.text if choice.kind is Kind.FILE else None,
        "not_applicable": choice.kind is Kind.NOT_APPLICABLE,
        "reason": choice.reason if choice.kind is Kind.FAILED else None,
        "stored": choice.file.stored if choice.file else None,
        "rejected": choice.file.rejected if choice.file else None,
        "differs": row.differs if second is not None else None,
        "reference2": second.text if second is not None and second.kind is Kind.FILE else None,
    }
