"""What writers and readers of a status channel may rely on."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from common.errors import BadRequest
from jpoll import services
from jpoll.handlers import ChannelHandler
from jpoll.models import Channel, Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return services.open_channel("session")


def test_messages_count_from_one_and_come_after_since_id(key):
    for word in ("one", "two", "three"):
        services.log(key, "log_message", word)
    assert [(m["id"], m["data"]) for m in services.pull(key, "0")] == [
        (1, "one"), (2, "two"), (3, "three")]
    assert [m["id"] for m in services.pull(key, "2")] == [3]
    assert services.pull(key, "3") == []
    assert [m["id"] for m in services.pull(key, "0")] == [1, 2, 3]


def test_null_means_since_the_last_pull(key):
    services.log(key, "log_message", "one")
    assert [m["id"] for m in services.pull(key)] == [1]
    assert services.pull(key, None) == []
    services.log(key, "warning", "two")
    assert [m["id"] for m in services.pull(key, None)] == [2]


def test_reading_again_from_the_start_does_not_move_the_pointer_back(key):
    for word in ("one", "two"):
        services.log(key, "log_message", word)
    services.pull(key)
    services.pull(key, "0")
    assert services.pull(key) == []


def test_two_channels_do_not_mix(key):
    other = services.open_channel("other session")
    services.log(key, "log_message", "mine")
    services.log(other, "log_message", "theirs")
    assert [(m["id"], m["data"]) for m in services.pull(other, "0")] == [(1, "theirs")]


def test_nothing_follows_done(key):
    services.log(key, "log_message", "work")
    services.done(key, services.COMPLETED, "/display_result/1")
    services.log(key, "log_message", "too late")
    services.done(key, services.FAILED, "second end")
    messages = services.pull(key, "0")
    assert [m["type"] for m in messages] == ["log_message", "done"]
    assert messages[-1]["data"] == {"status": 0, "result": "/display_result/1"}


def test_result_of_done_is_text_and_its_status_a_number(key):
    services.done(key, 1, ValueError("no"))
    assert services.pull(key, "0")[0]["data"] == {"status": 1, "result": "no"}


def test_texts_are_escaped_once_wherever_they_are(key):
    services.log(key, "error", "<b> & 'q'")
    services.done(key, 1, "a < b")
    error, done = services.pull(key, "0")
    assert error["data"] == "&lt;b&gt; &amp; &#x27;q&#x27;"
    assert done["data"]["result"] == "a &lt; b"


def test_data_is_text_also_for_what_is_not(key):
    services.log(key, "verbose", 3)
    assert services.pull(key, "0")[0]["data"] == "3"


@pytest.mark.parametrize("type", ["cancel", "fail", "done", "info", ""])
def test_types_that_break_the_client_are_refused(key, type):
    with pytest.raises(ValueError):
        services.log(key, type, "text")
    assert services.pull(key, "0") == []


def test_unknown_channel_has_the_words_the_client_looks_for():
    for call in (lambda: services.pull("nobody", "0"), lambda: services.abort("nobody"),
                 lambda: services.log("nobody", "error", "x")):
        with pytest.raises(services.ChannelNotFound, match=r"^Channel 'nobody' not found$"):
            call()


@pytest.mark.parametrize("bad", ["", "a/b", "a_b", "x" * 129, None, 7, ["a"], "a\n"])
def test_impossible_keys_are_refused(bad):
    with pytest.raises(BadRequest):
        services.pull(bad, "0")


@pytest.mark.parametrize("bad", ["-1", "x", "", "1.5", [], "9" * 40, True, "\u0663"])
def test_impossible_since_id_is_refused(key, bad):
    with pytest.raises(BadRequest):
        services.pull(key, bad)


def test_abort_stops_the_writer_at_its_next_message(key):
    services.log(key, "log_message", "one")
    assert not services.is_aborted(key)
    services.abort(key)
    assert services.is_aborted(key)
    with pytest.raises(services.ChannelAborted,
                       match=r"^External agent requested calling process termination\.$"):
        services.log(key, "log_message", "two")
    services.done(key, services.CANCELLED, "stopped")
    assert [m["type"] for m in services.pull(key, "0")] == ["log_message", "done"]
    assert not services.is_aborted(key)


def test_a_long_stream_comes_in_batches_and_done_ends_it(key, monkeypatch):
    monkeypatch.setattr(services, "BATCH", 4)
    for number in range(10):
        services.log(key, "log_message", str(number))
    services.done(key, 0, "x")
    seen, last = [], "0"
    while not seen or seen[-1]["type"] != "done":
        batch = services.pull(key, last)
        assert 0 < len(batch) <= 4
        seen += batch
        last = str(batch[-1]["id"])
    assert [m["id"] for m in seen] == list(range(1, 12))


def test_keys_are_such_as_the_client_accepts(key):
    assert re.fullmatch(r"[a-zA-Z0-9:.\-]{1,128}", key)


def test_session_finds_its_newest_open_channel(key):
    services.log(key, "log_message", "in use")
    newer = services.open_channel("session")
    assert services.channel_for_session("session") == newer
    services.done(newer, 0, "x")
    assert services.channel_for_session("session") == key
    assert services.channel_for_session("stranger") is None
    assert services.channel_for_session(None) is None


def test_channels_never_used_do_not_pile_up():
    for _ in range(5):
        services.open_channel("session")
    assert Channel.objects.count() == 1


def test_old_channels_are_forgotten_with_their_messages(key):
    services.log(key, "log_message", "old")
    fresh = services.open_channel("other")
    Channel.objects.filter(key=key).update(last_activity=timezone.now() - timedelta(days=8))
    assert services.clear_old_channels() == 1
    assert list(Channel.objects.values_list("key", flat=True)) == [fresh]
    assert not Message.objects.exists()


def test_logging_handler_maps_levels_and_lets_abort_through(key):
    logger = logging.Logger("work")
    logger.addHandler(ChannelHandler(key, logging.DEBUG))
    logger.debug("d")
    logger.info("i %s", 1)
    logger.warning("w")
    logger.error("e")
    assert [(m["type"], m["data"]) for m in services.pull(key, "0")] == [
        ("verbose", "d"), ("log_message", "i 1"), ("warning", "w"), ("error", "e")]
    services.abort(key)
    with pytest.raises(services.ChannelAborted):
        logger.info("more")
