"""What is recorded of a request."""

from __future__ import annotations

import io
import json

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from stats.middleware import PARAMETERS, StatsMiddleware, cut
from stats.models import RequestRecord

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings):
    settings.STATS_FLUSH_SECONDS = 0


def only() -> RequestRecord:
    return RequestRecord.objects.get()


def call(client, method: str, *params):
    body = json.dumps({"jsonrpc": "1.0", "method": method, "params": params, "id": 1})
    return client.post("/json/", body, content_type="application/json")


def test_a_page(client):
    response = client.get("/login/?next=/secret", REMOTE_ADDR="192.0.2.17",
                          headers={"X-Request-ID": "abc"})
    record = only()
    assert (record.method, record.label, record.path) == ("GET", "login", "/login/")
    assert (record.status, record.failed, record.size) == (200, False, len(response.content))
    assert (record.user, record.network, record.request_id) == ("", "192.0.2.0/24", "abc")
    assert 0 < record.duration < 60_000


def test_a_user_by_name_and_not_by_address(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("someone"))
    client.get("/")
    assert (only().user, only().network) == ("someone", "")


def test_an_unknown_address(client):
    client.get("/wp-login.php")
    assert (only().label, only().status) == ("(no such page)", 404)


def test_a_call_with_its_parameters(client):
    call(client, "get_default_context", "hst", "latest")
    record = only()
    assert record.label == "json: get_default_context"
    assert json.loads(record.rpc_parameters) == ["hst", "latest"]


def test_a_call_that_fails_is_a_failure_though_its_status_is_200(client):
    call(client, "get_file_info", "hst", "none.fits")
    assert (only().status, only().failed) == (200, True)
    assert "none.fits" in only().error


def test_invented_methods_make_no_labels(client):
    call(client, "x" * 300)
    assert only().label == "json: unknown method"


def test_passwords_are_not_recorded(client):
    client.post("/login/", {"username": "someone", "password": "hunter2"})
    assert "hunter2" not in str(RequestRecord.objects.values().get())


def test_lone_surrogates_do_not_keep_records_from_being_written(client):
    call(client, "\ud800", "\udfff")
    record = only()
    assert record.label == "json: unknown method"
    assert json.loads(record.rpc_parameters) == ["?"]


@pytest.mark.parametrize("parameters", [
    ["x" * 100_000], list(range(100_000)), {"a": {"b": ["é" * 1000]}}])
def test_parameters_are_cut(parameters):
    assert len(cut(parameters)) == PARAMETERS


def test_deeply_nested_parameters_do_no_harm():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert cut(nested).startswith("[[[")


# ---- streams -------------------------------------------------------------


@pytest.fixture(autouse=True)
def connections_stay_open():
    """The end of a response closes connections; that of the test is needed afterwards."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


def through(rf, response) -> HttpResponse:
    request = rf.get("/file")
    request.resolver_match = None
    return StatsMiddleware(lambda request: response)(request)


def test_a_stream_is_recorded_when_it_ends_with_the_bytes_that_were_sent(rf):
    taken = []

    def content():
        for number in range(1000):
            taken.append(number)
            yield b"x" * 10

    response = through(rf, StreamingHttpResponse(content()))
    assert not taken and not RequestRecord.objects.exists()
    chunks = iter(response)
    for _ in range(3):
        next(chunks)
    response.close()
    assert only().size == 30
    assert len(taken) == 3


def test_a_file_keeps_the_way_by_which_servers_send_files(rf):
    response = through(rf, FileResponse(io.BytesIO(b"x" * 5000), filename="a.fits"))
    assert response.file_to_stream is not None
    response.close()
    assert only().size == 5000


def test_switched_off(rf, settings):
    settings.STATS_FLUSH_SECONDS = None
    through(rf, HttpResponse("x"))
    assert not RequestRecord.objects.exists()
