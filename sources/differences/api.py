"""REST API of differences: the summary and, of rules, every row."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from ninja import Field, Path, Router, Schema, Status

from common.errors import Unavailable
from differences.services import pairs, reference_files, results, rule_files
from interactive.api import Limit, Offset
from interactive.services import server_status

router = Router()

Name = Annotated[str, Field(
    max_length=128, examples=[f"{settings.CRDS_OBSERVATORY}_0001.pmap"],
    description="A file, or a role or date of a context, such as"
                f" {settings.CRDS_OBSERVATORY}-latest.")]


class Making(Schema):
    old: str
    new: str
    state: Literal["making"]
    progress: float | None = Field(description="Share that is done, null while it waits.")
    text: str


class Part(Schema):
    id: str = Field(description="Part of addresses.")
    level: str = Field(description="pmap, imap or rmap")
    old: str = Field(description="Empty where the rule file was added.")
    new: str = Field(description="Empty where the rule file was deleted.")
    instrument: str
    filekind: str
    status: str = Field(description="changed, added or deleted")
    files: dict[str, int] = Field(description="References added, replaced and deleted.")
    entries: dict[str, int] = Field(description="Entries of the rules by what happened to them.")
    cases: int = Field(description="Match cases in which something differs.")
    headers: int = Field(description="Header fields that differ, routine ones left out.")


class Difference(Schema):
    instrument: str
    type: str
    old_rules: str
    new_rules: str
    action: str = Field(description="added, deleted, replaced, restructured, or header …")
    case: dict[str, str] = Field(description="Matching parameters by name; or the header field.")
    useafter: str
    old: str
    new: str
    difference: str = Field(description="In the words of crds diff.")


class Found(Schema):
    old: str
    new: str
    state: Literal["ready"]
    kind: Literal["rules", "references"]
    totals: dict = Field(description="Numbers of the summary.")
    parts: list[Part] | None = Field(None, description="Rule files that differ, in tree order.")
    total: int | None = Field(None, description="Rows on all pages.")
    limit: int | None = None
    offset: int | None = None
    items: list[Difference] | None = None
    content: dict | None = Field(
        None, description="Of references: headers, tables, images, trees, lines that differ.")


@router.get("/differences/{a}/{b}", response={200: Found, 202: Making}, exclude_none=True,
            summary="Difference of two files", tags=["differences"])
def difference(request, response: HttpResponse, a: Path[Name], b: Path[Name],
               limit: Limit = 100, offset: Offset = 0):
    """Two contexts, two rules of a kind, or two references of a type.

    It is computed once.  Until it is ready the answer has status 202; ask again then.
    """
    pair = pairs.find(pairs.resolve(a), pairs.resolve(b))
    names = {"old": pair.old.name, "new": pair.new.name}
    found = results.obtain(pair)
    if found.failed:
        raise Unavailable(f"The difference could not be computed: {found.error}")
    if not found.ready:
        progress = found.progress
        return Status(202, {**names, "state": "making", "progress": progress["progress"],
                            "text": progress["progress_text"] or progress["note"]})
    # What is ready never changes, unless newer software makes it differently.
    tag = f'"{pair.key}-{server_status.server_version()}-{limit}-{offset}"'
    unchanged = get_conditional_response(request, etag=tag)
    if unchanged is not None:
        return unchanged
    response["ETag"] = tag
    return {**names, "state": "ready",
            **(_rules(found, limit, offset) if pair.are_rules else _references(found))}


def _rules(found, limit: int, offset: int) -> dict:
    summary = found.json(rule_files.SUMMARY)
    return {
        "kind": "rules", "totals": summary["totals"], "parts": summary["sections"],
        "total": summary["totals"]["records"], "limit": limit, "offset": offset,
        "items": list(islice(rule_files.rows(found), offset, offset + limit)),
    }


def _references(found) -> dict:
    content = found.json(reference_files.RESULT)
    return {"kind": "references", "totals": content.pop("totals"), "content": content}
