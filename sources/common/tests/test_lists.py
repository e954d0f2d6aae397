"""Lists: filters and sorting in the address, pages, downloads."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from astropy.table import Table as AstropyTable
from django.test import RequestFactory

from common.errors import BadRequest
from common.lists import (
    DayColumn,
    Filters,
    GlobFilter,
    LongTextColumn,
    MomentFilter,
    Table,
    TextColumn,
    TimeColumn,
    list_response,
    tables,
)
from interactive.models import AuditRecord

pytestmark = pytest.mark.django_db

START = datetime(2020, 1, 1, tzinfo=UTC)


class Records(Table):
    date = TimeColumn(orderable=True)
    day = DayColumn(accessor="date", verbose_name="Day")
    file = TextColumn(orderable=True)
    why = LongTextColumn(verbose_name="Reason")

    class Meta(Table.Meta):
        order_by = "-date"
        empty_text = "Nothing happened."


class RecordFilters(Filters):
    file = GlobFilter(label="File")
    start = MomentFilter(field_name="date", lookup_expr="gte", label="Start")

    class Meta:
        model = AuditRecord
        fields = ()


@pytest.fixture
def records():
    AuditRecord.objects.bulk_create(
        AuditRecord(date=START + timedelta(days=n // 2), user="u", action="act",
                    file=f"f{n:03d}.rmap", why="<b>first</b> line\nand the rest" if n % 2 else "")
        for n in range(120))


def get(query: str = "", **headers):
    request = RequestFactory().get(f"/list/?{query}", **headers)
    request.htmx = SimpleNamespace(target=headers.get("HTTP_HX_TARGET"))
    request.user = SimpleNamespace(is_authenticated=False, is_staff=False)
    return list_response(request, rows=AuditRecord.objects.all(), table=Records,
                         filters=RecordFilters, name="records")


def files(response) -> list[str]:
    import re

    return re.findall(r"<td>(f\d+\.rmap)</td>", response.content.decode())


def test_a_page_shows_its_rows_newest_first_and_their_number(records):
    response = get()
    assert len(files(response)) == 50
    assert files(response)[0] == "f119.rmap"
    assert "1 to 50 of 120" in response.content.decode()


def test_pages_never_show_a_row_twice_though_dates_repeat(records):
    seen = [name for page in (1, 2, 3) for name in files(get(f"page={page}"))]
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize("query, first", [
    ("sort=file", "f000.rmap"), ("sort=-file", "f119.rmap"), ("sort=nothing", "f119.rmap"),
    ("sort=why", "f119.rmap"), ("page=99999999999999999999", "f019.rmap"), ("page=-1", "f019.rmap"),
    ("page=x", "f119.rmap"), ("file=f01?.rmap", "f019.rmap"), ("file=*", "f119.rmap"),
    ("start=2020-01-11&sort=date", "f020.rmap"), ("per_page=0", "f119.rmap")])
def test_the_address_sorts_filters_and_pages(records, query, first):
    response = get(query)
    assert response.status_code == 200
    assert files(response)[0] == first


@pytest.mark.parametrize(
    "asked, shown", [("1", 1), ("200", 120), ("999999999999", 120), ("-5", 50)])
def test_page_lengths_stay_sensible(records, asked, shown):
    assert len(files(get(f"per_page={asked}"))) == shown


def test_a_wrong_filter_is_explained_beside_its_field(records):
    response = get("start=yesterday&file=f00*")
    assert response.status_code == 400
    page = response.content.decode()
    assert "This is not a date. Write YYYY-MM-DD" in page
    assert 'value="yesterday"' in page and not files(response)


def test_text_is_escaped_and_long_text_opens(records):
    page = get("file=f001.rmap").content.decode()
    assert "<b>first" not in page
    assert "<summary>&lt;b&gt;first&lt;/b&gt; line</summary>" in page


def test_no_rows_say_what_to_do():
    page = get("file=nothing").content.decode()
    assert "Nothing happened." in page and "Clear the filters" in page


def test_htmx_gets_the_list_alone(records):
    page = get("sort=file", HTTP_HX_TARGET="list").content.decode()
    assert page.lstrip().startswith("<div id=\"list\"") and "<html" not in page


def test_counting_stops_at_the_cap(records, monkeypatch):
    monkeypatch.setattr(tables, "COUNTED", 100)
    page = get("per_page=50&page=7").content.decode()
    assert "51 to 100 of more than 100" in page
    assert 'rel="next"' not in page


def content(response) -> str:
    return b"".join(response.streaming_content).decode()


def test_csv_has_every_row_that_the_filters_leave(records):
    response = get("format=csv&file=f01*&page=2")
    rows = list(csv.DictReader(io.StringIO(content(response))))
    assert [row["file"] for row in rows] == [f"f{n:03d}.rmap" for n in range(19, 9, -1)]
    assert rows[0]["date"] == "2020-01-10T00:00:00Z"
    assert rows[0]["why"] == "<b>first</b> line\nand the rest" and rows[1]["why"] == ""
    assert response["Content-Disposition"] == 'attachment; filename="records.csv"'


def test_json_has_values_and_nulls(records):
    rows = json.loads(content(get("format=json&file=f000.rmap")))
    assert rows == [{"date": "2020-01-01T00:00:00Z", "day": "2020-01-01T00:00:00Z",
                     "file": "f000.rmap", "why": None}]
    assert json.loads(content(get("format=json&file=nothing"))) == []


def test_downloads_hold_whatever_a_text_holds():
    AuditRecord.objects.create(date=START, user="u", action="act", file="f.rmap",
                               why="=1+1\x0b<b>&\x01 end")

    def text_of(form: str) -> str:
        return b"".join(get(f"format={form}").streaming_content).decode()

    votable = AstropyTable.read(io.BytesIO(text_of("votable").encode()), format="votable")
    assert votable["why"][0] == "=1+1 <b>&  end"
    assert next(csv.DictReader(io.StringIO(text_of("csv"))))["why"] == "'=1+1\x0b<b>&\x01 end"
    assert json.loads(text_of("json"))[0]["why"] == "=1+1\x0b<b>&\x01 end"


def test_votables_are_read_by_astropy(records):
    data = b"".join(get("format=votable").streaming_content)
    table = AstropyTable.read(io.BytesIO(data), format="votable")
    assert len(table) == 120 and table["file"][0] == "f119.rmap"
    assert table["why"].description == "Reason"


def test_unknown_formats_are_refused(records):
    with pytest.raises(BadRequest, match="one of csv, json, votable"):
        get("format=exe")
