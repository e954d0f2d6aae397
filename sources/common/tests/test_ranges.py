"""Ranges and conditions of downloads, on files of known bytes."""

from __future__ import annotations

import email
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.signals import request_finished
from django.test import RequestFactory
from django.utils.http import http_date
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Unavailable
from common.ranges import MAX_PARTS, ServedFile, file_response

CONTENT = bytes(range(256)) * 8
MODIFIED = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> ServedFile:
    path = tmp_path_factory.mktemp("ranges") / "file.bin"
    path.write_bytes(CONTENT)
    return ServedFile(path, len(CONTENT), '"abc"', MODIFIED, "application/octet-stream")


def ask(served, method="get", **headers):
    return file_response(getattr(RequestFactory(), method)("/f", headers=headers), served)


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_whole_file(served):
    response = ask(served)
    assert response.status_code == 200
    assert body(response) == CONTENT
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["ETag"] == '"abc"'
    assert response["Last-Modified"] == "Thu, 02 Jan 2020 03:04:05 GMT"
    assert response["Accept-Ranges"] == "bytes"


def test_head_has_the_length_and_no_body(served):
    response = ask(served, "head", Range="bytes=0-1")
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(CONTENT))
    assert body(response) == b""


@pytest.mark.parametrize(("header", "start", "stop"), [
    ("bytes=0-0", 0, 1),
    ("bytes=10-19", 10, 20),
    ("bytes=2000-", 2000, 2048),
    ("bytes=-5", 2043, 2048),
    ("bytes=-99999", 0, 2048),
    ("bytes=2047-99999", 2047, 2048),
    ("BYTES= 3-4", 3, 5),
])
def test_one_range(served, header, start, stop):
    response = ask(served, Range=header)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/2048"
    assert response["Content-Length"] == str(stop - start)
    assert body(response) == CONTENT[start:stop]


@pytest.mark.parametrize("header", ["bytes=2048-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_beyond_the_end_are_416(served, header):
    response = ask(served, Range=header)
    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */2048"


@pytest.mark.parametrize("header", [
    "bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1", "", "bytes=1-2-3",
    "bytes=" + "9" * 5000 + "-", "bytes=" + ",".join(["0-1"] * (MAX_PARTS + 1)),
])
def test_nonsense_gives_the_whole_file(served, header):
    response = ask(served, Range=header)
    assert response.status_code == 200
    assert body(response) == CONTENT


def test_several_ranges_come_as_parts(served):
    response = ask(served, Range="bytes=0-9, 100-109,-3, 9000-")
    content = body(response)
    assert response.status_code == 206
    assert response["Content-Length"] == str(len(content))
    message = email.message_from_bytes(
        b"Content-Type: " + response["Content-Type"].encode() + b"\r\n" + content)
    parts = [(p["Content-Range"], p.get_payload(decode=True)) for p in message.get_payload()]
    assert [p[0] for p in parts] == [
        "bytes 0-9/2048", "bytes 100-109/2048", "bytes 2045-2047/2048"]
    for (content_range, _), expected in zip(
            parts, [CONTENT[:10], CONTENT[100:110], CONTENT[-3:]], strict=True):
        assert expected in content, content_range


@pytest.mark.parametrize(("condition", "status"), [
    ('"abc"', 206),
    ('"other"', 200),
    ('W/"abc"', 200),
    (http_date(MODIFIED.timestamp()), 206),
    (http_date((MODIFIED + timedelta(days=1)).timestamp()), 200),
    ("rubbish", 200),
])
def test_if_range(served, condition, status):
    assert ask(served, **{"Range": "bytes=0-1", "If-Range": condition}).status_code == status


@pytest.mark.parametrize(("headers", "status"), [
    ({"If-None-Match": '"abc"'}, 304),
    ({"If-None-Match": '"x", W/"abc"'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"x"'}, 200),
    ({"If-Modified-Since": http_date(MODIFIED.timestamp())}, 304),
    ({"If-Modified-Since": http_date(MODIFIED.timestamp() - 1)}, 200),
    ({"If-Modified-Since": "rubbish"}, 200),
    ({"If-None-Match": '"x"', "If-Modified-Since": http_date(MODIFIED.timestamp())}, 200),
])
def test_conditions(served, headers, status):
    response = ask(served, **headers)
    assert response.status_code == status
    assert response["ETag"] == '"abc"'
    if status == 304:
        assert body(response) == b""


@given(first=st.integers(0, 3000), length=st.integers(1, 3000))
def test_any_range_gives_those_bytes(served, first, length):
    response = ask(served, Range=f"bytes={first}-{first + length - 1}")
    if first >= len(CONTENT):
        assert response.status_code == 416
    else:
        assert response.status_code == 206
        assert body(response) == CONTENT[first:first + length]


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    served = ServedFile(path, 0, '"e"', MODIFIED, "text/plain")
    assert body(ask(served)) == b""
    assert ask(served, Range="bytes=0-").status_code == 416


# ---- what servers need to let the kernel send --------------------------------


@pytest.mark.parametrize(("header", "start", "stop"), [
    (None, 0, 2048), ("bytes=10-19", 10, 20), ("bytes=-5", 2043, 2048)])
def test_servers_get_a_file_at_its_first_byte(served, header, start, stop, monkeypatch):
    # Closing a response ends the request, which would close database connections.
    monkeypatch.setattr(request_finished, "send", lambda **_: [])
    response = ask(served, **({"Range": header} if header else {}))
    section = response.file_to_stream
    with open(section.fileno(), "rb", closefd=False) as file:
        assert file.tell() == section.tell() == start
    # Servers that cannot use the descriptor read; nothing beyond the range may come.
    assert section.read(3) + section.read() + section.read(100) == CONTENT[start:stop]
    response.close()
    with pytest.raises(ValueError, match="closed"):
        section.fileno()


def test_a_file_that_cannot_be_opened_is_an_error_before_the_answer_begins(served, tmp_path):
    gone = ServedFile(tmp_path / "gone", 5, '"abc"', MODIFIED, "application/octet-stream")
    with pytest.raises(Unavailable, match="gone"):
        ask(gone)


# ---- hostile headers -----------------------------------------------------


@pytest.mark.parametrize("date", [
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    "Mon, 01 Jan 2020 00:00:00 +99999999999999",
])
def test_dates_of_many_digits_are_no_dates(served, date):
    assert ask(served, **{"If-Modified-Since": date}).status_code == 200
    assert ask(served, **{"If-Range": date, "Range": "bytes=0-1"}).status_code == 200


def test_a_list_of_blanks_is_refused_at_once(served):
    start = time.process_time()
    for count in (11, 2000):
        assert ask(served, Range="bytes=0-1" + ",   " * count + "x").status_code == 200
        assert time.process_time() - start < 0.2
