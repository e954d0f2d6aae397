"""The envelope: what goes in, what comes out, whatever is sent."""

from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsonapi import protocol
from jsonapi.errors import InvalidRequest


def parse(**message) -> protocol.Call:
    return protocol.parse(json.dumps(message).encode())


def test_a_call_of_the_client():
    call = parse(jsonrpc="1.0", method="get_server_info", params=[], id="list-14.0.3-x-00000001")
    assert call == protocol.Call("get_server_info", [], "list-14.0.3-x-00000001", "1.0")


def test_what_may_be_left_out():
    assert parse(method="m") == protocol.Call("m", [], None, "1.0")
    assert parse(method="m", params=None).params == []
    assert parse(method="m", params={"a": 1}, jsonrpc="2.0").version == "2.0"


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"method": 1}', b"{}",
    b'{"method": "m", "params": 5}', b'{"method": "m", "params": "x"}',
    b'{"method": "m", "jsonrpc": "3.0"}', b'{"method": "m", "jsonrpc": null}',
    b'{"method": "m", "params": [NaN]}', b'{"method": "m", "id": Infinity}',
    b'{"method": "m", "id": 1e999}', b'{"method": "m", "params": [-1e999]}',
    b'[{"method": "m"}]', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"method": "m", "params": [' + b"9" * 5000 + b"]}",
])
def test_everything_else_is_refused_with_a_reason(body):
    with pytest.raises(InvalidRequest) as caught:
        protocol.parse(body)
    assert len(caught.value.message) > 10


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_else_than_parse_or_be_refused(body):
    try:
        call = protocol.parse(body)
    except InvalidRequest:
        return
    assert isinstance(call.method, str)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(result=json_values, id=json_values)
def test_success_keeps_result_and_id_and_has_both_keys(result, id):
    envelope = json.loads(protocol.success(result, id=id, version="2.0"))
    assert list(envelope) == ["error", "jsonrpc", "id", "result"]
    assert envelope == {"error": None, "jsonrpc": "2.0", "id": id, "result": result}


def test_raw_json_is_taken_over():
    envelope = json.loads(protocol.success(protocol.RawJson(b'{"a": [1]}'), id=7))
    assert envelope["result"] == {"a": [1]}


@given(message=st.text())
def test_failure_is_escaped_once(message):
    envelope = json.loads(protocol.failure("OtherError", message, id=1))
    error = envelope["error"]
    assert html.unescape(error["message"]) == f"OtherError: {message}" or "&" in message
    assert "<" not in error["message"]
    assert error["code"] == 500 and error["name"] == "OtherError" and error["data"] is None
    assert envelope["result"] is None
