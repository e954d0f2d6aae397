"""Short work of workers: when it runs, and what its failures do not harm."""

from __future__ import annotations

import threading

from jobs.rounds import Round


def test_a_round_is_not_started_while_it_runs():
    goes, may_end = threading.Event(), threading.Event()

    def slow():
        goes.set()
        assert may_end.wait(20)

    each = Round(slow, 5)
    thread = each.start(100)
    assert goes.wait(20)
    assert each.start(200) is None
    may_end.set()
    thread.join(20)
    again = each.start(200)
    again.join(20)
    assert each.start(204) is None  # not due yet
    assert each.due == 205


def test_a_round_that_fails_is_tried_again(caplog):
    def broken():
        raise ValueError("no disk")

    each = Round(broken, 5)
    each.start(0).join(20)
    assert "no disk" in caplog.text
    each.start(6).join(20)
    assert caplog.text.count("no disk") == 2
