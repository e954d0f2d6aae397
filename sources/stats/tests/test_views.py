"""The operators' page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from stats import charts, rotation
from stats.load import SPANS, Load, floor
from stats.models import RequestRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    user = User.objects.create_user("operator")
    user.user_permissions.add(Permission.objects.get(codename="view_requestrecord"))
    client.force_login(user)
    return client


def records(number: int, *, days: float = 8, labels: int = 3) -> None:
    now = timezone.now()
    RequestRecord.objects.bulk_create(
        RequestRecord(
            at=now - timedelta(days=days) * n / number, method="GET", label=f"page {n % labels}",
            path="/", status=200 if n % 5 else 404, failed=n % 7 == 0, duration=n, size=10,
            request_id=f"{n}", rpc_parameters="<b>", error="<i>")
        for n in range(number))


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_strangers_log_in_first(client):
    assert client.get("/stats/").url == "/login/?next=/stats/"


def test_users_without_permission_learn_whom_to_ask(client):
    client.force_login(User.objects.create_user("plain"))
    response = client.get("/stats/")
    assert response.status_code == 403
    assert "Ask an administrator for the permission" in text(response)
    assert "/stats/" not in client.get("/").content.decode()


@pytest.mark.parametrize("span", [*SPANS, "", "nonsense"])
def test_every_span_opens_empty_and_filled(operator, span):
    assert "No requests were recorded" in text(operator.get("/stats/", {"span": span}))
    records(200)
    rotation.tidy()
    page = text(operator.get("/stats/", {"span": span}))
    assert "page 1" in page


@pytest.mark.parametrize("span", SPANS)
def test_queries_do_not_grow(operator, span, django_assert_max_num_queries):
    records(500, labels=40)
    rotation.tidy()
    # Session, user, permission of user and groups; last hour summed; 2 steps, 2 labels, 2 lists.
    with django_assert_max_num_queries(12):
        operator.get("/stats/", {"span": span})


def test_content_is_escaped(operator):
    records(10, days=0.5)
    page = operator.get("/stats/").content.decode()
    assert "&lt;b&gt;" in page and "<b>" not in page.partition("<main")[2]


@pytest.mark.parametrize("span", SPANS.values(), ids=lambda span: span.key)
@pytest.mark.parametrize("summed", [False, True])
def test_every_request_of_the_time_is_counted_once(span, summed):
    records(300, days=100)
    if summed:
        rotation.sum_up(timezone.now())
    now = timezone.now()
    load = Load(span, now)
    start = rotation.whole_hour(load.start) if span.from_hours else load.start
    expected = RequestRecord.objects.filter(at__gte=start, at__lte=now)
    steps = load.steps()
    assert sum(step["requests"] for step in steps) == expected.count()
    assert sum(row["requests"] for row in load.busiest()) == expected.count()
    assert max(step["slowest"] for step in steps) == load.slowest()[0]["took"]
    assert len(steps) in (span.length // span.step, span.length // span.step + 1)


def test_steps_begin_at_round_times():
    moment = timezone.now().replace(hour=14, minute=47, second=3)
    assert floor(moment, timedelta(minutes=30)).strftime("%H:%M:%S") == "14:30:00"
    assert floor(moment, timedelta(hours=3)).strftime("%H:%M:%S") == "12:00:00"
    assert floor(moment, timedelta(days=1)).strftime("%H:%M:%S") == "00:00:00"


# ---- chart ---------------------------------------------------------------


def step(requests: int, refused: int = 0, failed: int = 0) -> dict:
    return {"at": timezone.now(), "requests": requests, "refused": refused, "failed": failed}


@pytest.mark.parametrize("largest", [0, 1, 3, 10, 99, 1_000_000])
def test_bars_stay_inside_the_picture(largest):
    chart = charts.bars([step(largest, largest // 3, largest // 4), step(0)], timedelta(hours=1))
    for bar in chart.bars:
        assert charts.TOP - 3 <= bar["y"] <= chart.base
        assert bar["y"] + bar["height"] <= chart.base + 0.1
        assert chart.left <= bar["x"] <= bar["x"] + bar["width"] <= chart.right
    assert len({level["text"] for level in chart.levels}) == 5


def test_heights_are_in_proportion():
    small, large = charts.bars([step(10), step(40)], timedelta(hours=1)).bars
    assert large["height"] == pytest.approx(4 * small["height"], rel=0.01)


def test_no_requests_make_an_empty_chart():
    assert charts.bars([], timedelta(hours=1)).bars == []
