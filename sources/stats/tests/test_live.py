"""Records of a real server: written by its worker processes, also when these end."""

from __future__ import annotations

import sqlite3
import urllib.request

from tests.live import LiveServer


def recorded(root) -> list[tuple]:
    """Label, size and parameters of every request, oldest first."""
    connection = sqlite3.connect(f"file:{root}/database/crds.sqlite3?mode=ro", uri=True)
    try:
        return connection.execute(
            "SELECT label, size, rpc_parameters FROM stats_requestrecord ORDER BY id").fetchall()
    finally:
        connection.close()


def test_a_server_that_stops_writes_what_it_still_holds(make_instance):
    root = make_instance("hst", "empty")
    with LiveServer(root, "hst") as server:
        for _ in range(20):
            urllib.request.urlopen(f"{server.url}/login/", timeout=30).read()
    assert [label for label, *_ in recorded(root)].count("login") == 20


def test_a_download_is_recorded_with_the_bytes_that_were_sent(make_instance):
    root = make_instance("hst", "demo")
    with LiveServer(root, "hst") as server:
        name = server.rpc("get_default_context", "hst")
        address = f"{server.url}/unchecked_get/mappings/hst/{name}"
        size = len(urllib.request.urlopen(address, timeout=30).read())
    rows = {row[0]: row[1:] for row in recorded(root)}
    assert rows["download"] == (size, "")
    assert rows["json: get_default_context"][1] == '["hst"]'
