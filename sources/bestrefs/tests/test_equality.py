"""Pages, files and the REST API answer what the library selects, on headers of every instrument."""

from __future__ import annotations

import csv
import io
import json

import pytest

from bestrefs.services.questions import Question
from rules import dataset_headers, loading, selection

from .conftest import DEMO, REAL
from .pages import results, shown

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

CASES = [(name, False) for name in DEMO] + [(name, True) for name in REAL]
#: Headers of each instrument: through the REST API and the table, and through pages.
MANY, FEW = 5, 1


@pytest.mark.parametrize(("observatory", "real"), CASES)
def test_no_answer_differs(content, client, observatory, real):
    made = content(observatory, real)
    compared = 0
    for context in made.contexts:
        rule = loading.load(context)
        expected = {
            f"x{n}": (header, selection.select(rule, header))
            for n, (_, header) in enumerate(made.headers(MANY, context))}
        headers = {name: header for name, (header, _) in expected.items()}
        answers = post_json(client, context, headers)
        table = post_table(client, context, headers)
        for number, (name, (header, references)) in enumerate(expected.items()):
            assert {row["type"]: api_text(row) for row in answers[name]["references"]} == {
                kind: shown(text) for kind, text in references.items()}
            assert table[name] == references
            if number % MANY < FEW:
                page = client.get(f"/bestrefs/?{Question(header=header, context=context).query()}")
                (rows,) = results(page)
                assert {kind: cells[0].removesuffix(" not in the catalogue")
                        for kind, cells in rows.items()} == {
                    kind: shown(text) for kind, text in references.items()}
            compared += len(references)
    assert compared >= MANY


def post_json(client, context, headers) -> dict:
    response = client.post("/api/v1/bestrefs", json.dumps({"context": context, "headers": headers}),
                           content_type="application/json")
    assert response.status_code == 200, response.content[:300]
    return {result["id"]: result for result in response.json()["results"]}


def api_text(row: dict) -> str:
    return "n/a" if row["not_applicable"] else shown(row["reference"] or row["reason"])


def post_table(client, context, headers) -> dict:
    items = [{"name": name, "parameters": header} for name, header in headers.items()]
    response = client.post("/bestrefs/many/", {
        "headers": json.dumps(items), "context": context, "format": "csv"})
    assert response.status_code == 200
    found: dict = {name: {} for name in headers}
    for row in csv.DictReader(io.StringIO(response.content.decode())):
        found[row["dataset"]][row["type"]] = row[context].removeprefix("'")
    return found


@pytest.mark.parametrize(("observatory", "real"), CASES)
def test_what_an_address_keeps_is_enough(content, observatory, real):
    """Selection sees no difference between a header and the part that goes into addresses."""
    made = content(observatory, real)
    for context in made.contexts:
        rule = loading.load(context)
        for instrument, header in made.headers(10, context, seed=5):
            header |= {"COMMENT": "much", "REFTYPE": "FLAT", "lower": "case"}
            kept = {key: value
                    for key, value in dataset_headers.required(context, header).items()
                    if value != dataset_headers.UNDEFINED}
            assert len(kept) < len(header) and "COMMENT" not in kept
            assert selection.select(rule, kept) == selection.select(rule, header), instrument
