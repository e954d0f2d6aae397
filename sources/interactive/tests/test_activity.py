"""Recent activity: the log, and what is known of the time before it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from interactive.models import AuditRecord, ContextHistory, ContextPointer
from interactive.services import activity, audit, revision
from interactive.services.activity import ActivityFilter
from interactive.views.activity import detail_texts

from . import catalogue

pytestmark = pytest.mark.django_db

OLD = datetime(2014, 5, 17, 10, 0, tzinfo=UTC)


@pytest.fixture
def log(instance):
    """Two contexts of an import, one of them latest; a submission and other acts of today."""
    first = catalogue.file("hst_0001.pmap", delivery_date=OLD, activation_date=OLD,
                           description="First context")
    catalogue.file("hst_0002.pmap", delivery_date=OLD + timedelta(days=1), state="archived",
                   description="Newer")
    catalogue.file("hst_acs_biasfile_0001.rmap", instrument="acs", filekind="biasfile",
                   delivery_date=None)
    catalogue.file("q1_bia.fits", instrument="acs", filekind="biasfile")
    ContextPointer.objects.create(kind="latest", context=first)
    ContextHistory.objects.create(start_date=OLD + timedelta(hours=1), context="hst_0001.pmap",
                                  description="Go")
    audit.record("import", user="import", why="cache", files=4, links=2)
    audit.record("submit file", user="u", file="q1_bia.fits", why="Better <bias>",
                 files=["q1_bia.fits", "hst_acs_biasfile_0001.rmap", "gone.fits"],
                 delivery="hst_000001.cat", forced=True, nothing=[])
    audit.record("cancel", user="u", file="never_published.fits")
    revision.bump()


def names(response) -> list[str]:
    """Names in the column of files; acts without a file are left out."""
    return re.findall(r'<td><a class="file" href="[^"]*">([^<]*)</a>', response.content.decode())


def acts(**wanted) -> list[tuple[str, str]]:
    return [(act.file, act.action) for act in activity.rows(ActivityFilter(**wanted))[:99]]


def test_every_act_is_there_newest_first(log):
    assert acts() == [
        ("never_published.fits", "cancel"), ("q1_bia.fits", "submit file"), ("", "import"),
        ("hst_0002.pmap", "submit file"), ("hst_0001.pmap", "set default context"),
        ("hst_0001.pmap", "submit file")]


@pytest.mark.parametrize("wanted, expected", [
    ({"action": "cancel"}, ["never_published.fits"]),
    ({"action": "nothing"}, []),
    ({"extension": ".pmap"}, ["hst_0002.pmap", "hst_0001.pmap", "hst_0001.pmap"]),
    ({"extension": ".fits"}, ["never_published.fits", "q1_bia.fits"]),
    ({"instrument": "acs"}, ["q1_bia.fits"]),
    ({"filekind": "biasfile", "name": "q*"}, ["q1_bia.fits"]),
    ({"name": "never*"}, ["never_published.fits"]),
    ({"name": "hst_0001.pmap", "action": "submit file"}, ["hst_0001.pmap"]),
    ({"until": OLD + timedelta(hours=1)}, ["hst_0001.pmap"]),
    ({"since": OLD + timedelta(hours=2), "extension": ".pmap"}, ["hst_0002.pmap"]),
])
def test_filters_narrow(log, wanted, expected):
    assert [name for name, _ in acts(**wanted)] == expected


def test_a_recorded_submission_is_not_told_twice(log):
    assert acts(name="q1_bia.fits") == [("q1_bia.fits", "submit file")]
    audit.record("submit file", user="u", file="hst_0001.pmap")
    assert acts(name="hst_0001.pmap", action="submit file") == [("hst_0001.pmap", "submit file")]


def test_a_recorded_turn_is_not_told_twice(log):
    now = timezone.now()
    ContextHistory.objects.create(start_date=now, context="hst_0002.pmap")
    AuditRecord.objects.create(date=now + timedelta(seconds=2), user="o", file="hst_0002.pmap",
                               action="set default context")
    revision.bump()
    assert len(acts(action="set default context", name="hst_0002.pmap")) == 1


def test_turns_of_the_history_say_what_was_replaced(log):
    ContextHistory.objects.create(start_date=timezone.now(), context="hst_0002.pmap")
    revision.bump()
    newest = activity.rows(ActivityFilter(action="set default context"))[0]
    assert newest.details == {"context": "latest", "from": "hst_0001.pmap", "to": "hst_0002.pmap"}


def test_acts_are_seen_without_a_change_of_the_catalogue(log):
    before = len(acts())
    audit.record("push remote context", user="hst-ops-pipeline", file="hst_0001.pmap")
    assert len(acts()) == before + 1


def test_an_empty_log_is_a_page(instance, client):
    response = client.get("/recent_activity/")
    assert response.status_code == 200 and "Nothing is recorded" in response.content.decode()


def test_the_page_shows_contexts_and_those_not_yet_latest(log, client):
    page = client.get("/recent_activity/")
    text = page.content.decode()
    assert "Submitted, not yet latest" in text
    before, _, after = text.partition("All activity on .pmap files")
    assert "hst_0002.pmap" in before and "hst_0001.pmap" not in before
    assert "q1_bia.fits" not in after and "hst_0001.pmap" in after
    assert "Submitted, not yet latest" not in client.get(
        "/recent_activity/?extension=.pmap").content.decode()


def test_details_are_readable_text_with_links(log, client):
    page = client.get("/recent_activity/?filename=q1*").content.decode()
    cell = re.search(r'<td class="details-cell">(.*?)</td>', page, re.S)[1]
    plain = re.sub(r"<[^>]+>", " ", cell.replace("</li>", ";"))
    assert "files: " in plain and "[" not in plain and "forced: yes" in plain
    assert '<a class="file" href="/browse/hst_acs_biasfile_0001.rmap">' in cell
    assert "gone.fits" in cell and "/browse/gone.fits" not in cell
    assert "nothing" not in cell and "Better &lt;bias&gt;" in page


def test_details_in_downloads_are_text(log, client):
    response = client.get("/recent_activity/?filename=q1*&format=csv")
    text = b"".join(response.streaming_content).decode()
    assert "files: q1_bia.fits, hst_acs_biasfile_0001.rmap, gone.fits; delivery: hst_" in text


@pytest.mark.parametrize("details", [
    None, {}, [], "text", 5, {"a": {"b": [1, {"c": None}]}}, [1, [2]], {"x": "<b>"}, {"": ""}])
def test_any_details_make_text(details):
    for name, values in detail_texts(details):
        assert isinstance(name, str) and all(isinstance(value, str) for value in values)


@pytest.mark.parametrize("query", [
    "action=nothing", "start_date=x", "stop_date=9999-12-31", "filename=%00", "page=99999999",
    "filename=" + "*" * 200, "sort=file", "instrument=%F0%9F%98%80", "format=exe"])
def test_hostile_addresses_are_answered(log, client, query):
    assert client.get(f"/recent_activity/?{query}").status_code in (200, 400)


def test_queries_do_not_grow(log, queries):
    addresses = ("/recent_activity/", "/recent_activity/?extension=*", "/api/v1/activity")
    for address in addresses:
        queries(address)
    few = [queries(address) for address in addresses]
    assert max(few) <= 12
    for number in range(80):
        audit.record("submit file", user="u", file=f"x{number}.pmap", files=[f"x{number}.pmap"])
    queries("/recent_activity/")
    # Acts of the log alone take less than those of three sources.
    assert all(queries(address) <= known for address, known in zip(addresses, few, strict=True))


def test_rest_activity(log, client):
    answer = client.get("/api/v1/activity", {"extension": "pmap", "limit": 2})
    body = answer.json()
    assert (body["total"], len(body["items"])) == (3, 2)
    assert body["items"][0]["file"] == "hst_0002.pmap"
    again = client.get("/api/v1/activity", {"extension": "pmap", "limit": 2},
                       HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304
    audit.record("cancel", user="u", file="hst_0001.pmap")
    again = client.get("/api/v1/activity", {"extension": "pmap", "limit": 2},
                       HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 200
