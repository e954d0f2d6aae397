"""What programs take from a difference: rows, pictures, reports, affected datasets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from common.errors import NotFound, Unavailable
from common.spreadsheets import cell
from differences.services import pairs, reference_files, results, rule_files
from jobs import kept

COLUMNS = ("instrument", "type", "old_rules", "new_rules", "action", "case", "useafter", "old",
           "new", "difference")

#: Seconds for which caches may keep what is made from files that never change; not for
#: ever, since a newer version of this software may show them differently.
KEEP = 24 * 3600

immutable = cache_control(public=True, max_age=KEEP)


def _result(old: str, new: str, rules: bool) -> tuple[pairs.Pair, kept.Kept]:
    """The finished difference of two rules or of two references."""
    pair = pairs.find(old, new)
    if pair.are_rules != rules:
        raise NotFound("This difference has no such part. Open the difference itself.")
    found = results.obtain(pair)
    if found.failed:
        raise Unavailable(f"The difference could not be computed: {found.error}")
    if not found.ready:
        raise Unavailable(
            "The difference is being computed. Load this again in a moment; its page shows how"
            " far it is.")
    return pair, found


class _Line:
    """A file for the csv module that gives back what is written."""

    @staticmethod
    def write(text: str) -> str:
        return text


@require_safe
@immutable
def rows(request: HttpRequest, old: str, new: str, form: str) -> HttpResponse:
    """Every row and header change of a difference of rules, as CSV or JSON."""
    if form not in ("csv", "json"):
        raise NotFound(f"Rows can be had as rows.csv and rows.json, not as '{form[:20]}'.")
    _, found = _result(old, new, rules=True)
    content = (_csv if form == "csv" else _json)(rule_files.rows(found))
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    answer = StreamingHttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{old}-{new}.{form}"'
    return answer


def _csv(records: Iterator[dict]) -> Iterator[str]:
    writer = csv.writer(_Line)
    yield writer.writerow(COLUMNS)
    for record in records:
        record["case"] = "; ".join(f"{name}={value}" for name, value in record["case"].items())
        yield writer.writerow([cell(record[name]) for name in COLUMNS])


def _json(records: Iterator[dict]) -> Iterator[str]:
    before = "[\n"
    for record in records:
        yield before + json.dumps(record, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


@require_safe
def affected(request: HttpRequest, old: str, new: str) -> HttpResponse:
    """Ids of the datasets that the change of context affects, one a line."""
    found = results.affected(pairs.find(old, new))
    if found is None:
        raise NotFound(
            f"Which datasets the change from {old} to {new} affects was not computed.")
    return HttpResponse("".join(f"{name}\n" for name in found.affected_ids),
                        content_type="text/plain; charset=utf-8")


@require_safe
@immutable
def report(request: HttpRequest, old: str, new: str) -> HttpResponse:
    """What the command fitsdiff prints for two references."""
    _, found = _result(old, new, rules=False)
    return HttpResponse(found.path(reference_files.REPORT).read_text(encoding="utf-8"),
                        content_type="text/plain; charset=utf-8")


@require_safe
@immutable
def picture(request: HttpRequest, old: str, new: str, name: str) -> HttpResponse:
    """A picture of a difference of references."""
    if not name.endswith(".png"):
        raise NotFound(f"There is no picture '{name[:100]}'.")
    _, found = _result(old, new, rules=False)
    return FileResponse(open(found.path(name), "rb"), content_type="image/png")
