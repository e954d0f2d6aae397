"""A live server: the upload classes of the real client, connections that are cut, Chromium."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import time
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.visiting import WIDTHS, Visit, chromium

PASSWORD = "a long secret"

PEOPLE = f"""
from django.contrib.auth import get_user_model
from accounts.models import Grant, Role
from accounts.services import tokens
for name in ("anna", "bert"):
    user = get_user_model().objects.create_user(name, password={PASSWORD!r})
    Grant.objects.create(user=user, role=Role.SUBMITTER)
    made = tokens.create(user, "test")
    open({{folder!r}} + "/" + name, "w").write(made[1])
"""

CLIENT = """
import sys
from types import SimpleNamespace
from crds.submit.submit import ReferenceSubmissionScript as Script
from crds.submit.web import CrdsDjangoConnection
url, password, wipe, keep, *files = sys.argv[1:]
script = Script.__new__(Script)
script.connection = CrdsDjangoConnection("none", "anna", password, url)
script.connection.login()
script.args = SimpleNamespace(
    wipe_existing_files=wipe == "wipe", keep_existing_files=keep == "keep")
type(script).files = property(lambda self: list(files))
if wipe == "wipe":
    script.wipe_files()
script.ingest_files()
print({name: info["size"] for name, info in script.get_ingested_files().items()})
"""


@pytest.fixture(scope="module")
def server(make_instance):
    root = make_instance("hst", "demo")
    with LiveServer(root, "hst") as server:
        server.shell(PEOPLE.format(folder=str(root / "server")))
        yield server


def ingest(server, name: str) -> Path:
    return server.root / "server_files" / "ingest" / name


def content(number: int, size: int) -> bytes:
    return (hashlib.sha256(bytes([number])).digest() * (size // 32 + 1))[:size]


def test_real_client_uploads_wipes_and_keeps(server, tmp_path):
    client = server.client(tmp_path)
    small, large = tmp_path / "small_bia.fits", tmp_path / "large_drk.fits"
    small.write_bytes(content(1, 135_000))
    large.write_bytes(content(2, 4_500_000))

    def run(wipe, keep, *files, prefix=""):
        # The client reads its arguments from the command line of its own program.
        program = ("import sys; sys.argv[1:] = "
                   f"{[server.url + prefix, PASSWORD, wipe, keep, *map(str, files)]!r}\n{CLIENT}")
        return client.python(program)

    done = run("", "", small, large)
    assert done.code == 0, done.text
    folder = ingest(server, "anna")
    assert (folder / small.name).read_bytes() == small.read_bytes()
    assert (folder / large.name).read_bytes() == large.read_bytes()
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    small.write_bytes(content(3, 100_000))
    done = run("", "keep", small, large)
    assert done.code == 0, done.text
    assert (folder / small.name).read_bytes() == small.read_bytes()
    assert (folder / large.name).stat().st_ino == before[large.name]
    assert run("", "", small).code != 0
    done = run("wipe", "", small, prefix="/hst")
    assert done.code == 0, done.text
    assert [path.name for path in folder.iterdir()] == [small.name]


class Rest:
    def __init__(self, server, name):
        self.server = server
        self.token = (server.root / "server" / name).read_text()

    def head(self, method, path, length, **headers):
        lines = [f"{method} /api/v1/{path} HTTP/1.1", "Host: localhost", "Connection: close",
                 f"Authorization: Bearer {self.token}", f"Content-Length: {length}",
                 *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def __call__(self, method, path, body=b"", **headers):
        connection = http.client.HTTPConnection("localhost", self.server.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, f"/api/v1/{path}", body, {
                "Authorization": f"Bearer {self.token}",
                **{name.replace("_", "-"): value for name, value in headers.items()}})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None

    def offset(self, identifier):
        return self("GET", f"uploads/{identifier}")[1]["offset"]


PIECE = "application/offset+octet-stream"


@pytest.mark.parametrize("reset", [False, True])
def test_broken_connection_in_the_middle_of_a_piece(server, reset):
    rest = Rest(server, "bert")
    name, data = f"cut_{reset}.fits", content(4, 3_000_000)
    body = json.dumps({"name": name, "size": len(data)}).encode()
    identifier = rest("POST", "drafts/default/uploads", body)[1]["id"]
    with socket.create_connection(("localhost", server.port)) as line:
        line.sendall(rest.head("PATCH", f"uploads/{identifier}", len(data), Content_Type=PIECE,
                               Upload_Offset=0) + data[:1_234_567])
        deadline = time.monotonic() + 30
        while rest.offset(identifier) < 1_000_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        # The first request still hangs: another one may go on meanwhile.
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    offset = rest.offset(identifier)
    assert 1_000_000 <= offset <= 1_234_567
    deadline = time.monotonic() + 30
    while True:
        offset = rest.offset(identifier)
        status, answer = rest("PATCH", f"uploads/{identifier}", data[offset:], Content_Type=PIECE,
                              Upload_Offset=str(offset))
        if status == 204 or time.monotonic() > deadline:
            break
    assert status == 204, answer
    assert (ingest(server, "bert") / name).read_bytes() == data


# ---- Chromium ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def signed_in(browser, server, width: str = "desk", scheme: str = "light") -> Visit:
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    visit = Visit(context, server.url).open("/login/?next=/upload/draft/default/")
    visit.page.fill("[name=username]", "bert")
    visit.page.fill("[name=password]", PASSWORD)
    visit.page.click("main button[type=submit]")
    visit.page.wait_for_url("**/upload/draft/default/")
    return visit


@pytest.fixture(scope="module")
def page(browser, server):
    return signed_in(browser, server).page


def row(page, name):
    return page.locator("table.files tr", has_text=name)


def test_browser_uploads_by_picker_and_by_drop(server, page, tmp_path):
    page.goto(f"{server.url}/upload/draft/default/")
    files = []
    for number in range(3):
        files.append(tmp_path / f"picked_{number}.fits")
        files[-1].write_bytes(content(10 + number, 100_000 + number))
    page.set_input_files("input[type=file]", [str(path) for path in files])
    for path in files:
        row(page, path.name).wait_for()
        assert (ingest(server, "bert") / path.name).read_bytes() == path.read_bytes()
    digest = hashlib.sha1(files[0].read_bytes()).hexdigest()
    assert digest in row(page, files[0].name).inner_text()
    transfer = page.evaluate_handle("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["dropped here"], "dropped.json"));
        return data;
    }""")
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": transfer})
    row(page, "dropped.json").wait_for()
    assert (ingest(server, "bert") / "dropped.json").read_text() == "dropped here"
    row(page, "dropped.json").locator("input").check()
    page.get_by_role("button", name="Delete 1 selected").click()
    page.get_by_text("Deleted: dropped.json.").wait_for()
    assert not (ingest(server, "bert") / "dropped.json").exists()
    assert (ingest(server, "bert") / files[0].name).exists()


def test_browser_goes_on_after_a_cut_and_after_a_reload(server, page, tmp_path):
    path = tmp_path / "long.fits"
    path.write_bytes(content(20, 40_000_000))
    page.goto(f"{server.url}/upload/draft/default/")
    seen = []

    def broken(route):
        seen.append(route.request.headers["upload-offset"])
        if len(seen) in (2, 3):
            route.abort()
        elif len(seen) >= 4:
            pass  # Never answered: the page is left while the last slice hangs.
        else:
            route.continue_()

    page.route(re.compile("/api/v1/uploads/"), lambda route: broken(route)
               if route.request.method == "PATCH" else route.continue_())
    page.set_input_files("input[type=file]", str(path))
    deadline = time.monotonic() + 60
    while len(seen) < 4 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert seen[0] == "0" and seen[1] == seen[2] == seen[3] == "16777216"
    page.unroute_all(behavior="ignoreErrors")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto(f"{server.url}/upload/draft/default/")
    page.get_by_text("Choose or drop this file again").wait_for()
    with page.expect_request(lambda request: request.method == "PATCH") as first:
        page.set_input_files("input[type=file]", str(path))
    # Perhaps with some of the slice that hung.
    assert 16777216 <= int(first.value.headers["upload-offset"]) < path.stat().st_size
    row(page, "long.fits").wait_for(timeout=60_000)
    assert (ingest(server, "bert") / "long.fits").read_bytes() == path.read_bytes()


def test_browser_says_why_a_file_is_refused(server, page, tmp_path):
    path = tmp_path / "bad;name.fits"
    path.write_bytes(b"x")
    page.goto(f"{server.url}/upload/draft/default/")
    page.set_input_files("input[type=file]", str(path))
    page.get_by_text("Rename the file").first.wait_for()
    page.get_by_role("button", name="Cancel the upload of bad;name.fits").click()
    page.locator("[data-transfers] li").wait_for(state="detached")


# Layouts depend on the width and contrasts on the scheme: two of the four pairs show both.
@pytest.mark.parametrize("width, scheme", [("desk", "light"), ("phone", "dark")])
def test_pages_are_accessible_and_quiet(server, browser, width, scheme):
    rest, name = Rest(server, "bert"), f"darks-{width}"
    rest("POST", "drafts", json.dumps({"name": name}).encode())
    folder = ingest(server, "bert") / name
    for file, size in (("s9m1329lu_off_the_usual_length_of_names_dark.fits", 1_500_000),
                       ("u2440322u.r6h", 3000), ("x1k14513u.r0h", 40), ("x1k14513u.r0d", 80_000)):
        uploaded(rest, name, file, content(7, size))
    (folder / "dropped_pfl.fits").write_bytes(content(8, 50_000))
    os.symlink("/etc/hostname", folder / "link.fits")
    begun = uploaded(rest, name, "half_flat.fits", content(9, 900_000), sent=400_000)
    visit = signed_in(browser, server, width, scheme)
    for label, address in (("area", f"/upload/draft/{name}/"), ("areas", "/upload/drafts/"),
                           ("plain", "/upload/chunked/")):
        visit.open(address).check()
        visit.keep(f"uploads-{label}-{width}-{scheme}")
    visit.open(f"/upload/draft/{name}/")
    visit.page.set_input_files("input[type=file]", {
        "name": "a;b.fits", "mimeType": "text/plain", "buffer": b"x"})
    visit.page.get_by_text("Rename the file").first.wait_for()
    visit.page.locator("[data-all]").check()
    visit.check()
    visit.keep(f"uploads-refused-{width}-{scheme}")
    rest("DELETE", f"uploads/{begun}")
    visit.page.close()


def uploaded(rest, area: str, name: str, data: bytes, sent: int | None = None) -> str:
    body = json.dumps({"name": name, "size": len(data)}).encode()
    identifier = rest("POST", f"drafts/{area}/uploads", body)[1]["id"]
    rest("PATCH", f"uploads/{identifier}", data[:sent], Content_Type=PIECE, Upload_Offset="0")
    return identifier
