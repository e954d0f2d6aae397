"""The stack of dev, test and ops for real: Apache with mod_wsgi, MariaDB, memcached, worker.

One instance is installed by ``./install hst dev`` in a folder of its own, filled with the
demonstration content and run on loopback.  As root it serves as the user crds.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from config import CHECKOUT
from conftest import skip_or_fail
from rules.environment import client_environment
from tests.live import Client, free_port

#: Seconds for ./install of a new environment on a busy machine; for everything else.
INSTALL, PATIENCE = 900, 180

PROGRAMS = ("apache2", "apxs", "mariadbd", "mariadb-install-db", "memcached", "openssl", "gcc")

#: Puts a new reference, made of a published one, at ``path``.
NEW_FILE = """
from pathlib import Path
from submissions.tests import helpers
helpers.changed_copy(helpers.demo_reference("acs", "darkfile"), Path({path!r}))
"""

#: The public caching headers of a reference promise that its bytes never change.
REFERENCE = "/unchecked_get/references/hst/"


class Stack:
    """An installed instance of a production use case, and how tests talk to it."""

    def __init__(self, root: Path):
        self.root = root
        self.tls, self.plain, self.backup = free_port(), free_port(), free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items()
               if not name.startswith(("CRDS_", "DJANGO_", "PYTHON"))},
            "CRDS_ROOT": str(root), "CRDS_LISTEN": "127.0.0.1", "CRDS_PORT": str(self.tls),
            "CRDS_PLAIN_PORT": str(self.plain), "CRDS_BACKUP_PORT": str(self.backup)}

    def command(self, *words: str, timeout: int = PATIENCE) -> str:
        done = subprocess.run(
            [str(CHECKOUT / words[0]), *words[1:]], env=self.environment, capture_output=True,
            text=True, timeout=timeout, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, path: str, port: int | None = None, headers: dict | None = None,
            body: bytes | None = None):
        """The answer and its body, over TLS except on the plain port."""
        port = port or self.tls
        if port == self.plain:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        else:
            context = ssl.create_default_context(cafile=self.root / "server/conf/tls.crt")
            connection = http.client.HTTPSConnection("localhost", port, timeout=60,
                                                     context=context)
        try:
            connection.request("POST" if body is not None else "GET", path, body,
                               {"Host": f"localhost:{port}", **(headers or {})})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def rpc(self, method: str, *params, port: int | None = None):
        call = {"jsonrpc": "1.0", "method": method, "params": params, "id": 1}
        _, body = self.get("/json/", port or self.plain, body=json.dumps(call).encode())
        answer = json.loads(body)
        assert not answer["error"], answer
        return answer["result"]

    def pid(self, name: str) -> int:
        return int((self.root / "server" / "run" / f"{name}.pid").read_text().split()[0])

    def daemons(self) -> list[int]:
        """Processes of mod_wsgi below this instance's Apache."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                line = (entry / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            if parent == str(self.pid("web")) and line.startswith(b"(wsgi:"):
                found.append(int(entry.name))
        return sorted(found)


@pytest.fixture(scope="module")
def stack():
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=places)]
    if missing:
        skip_or_fail(f"dev, test and ops need {', '.join(missing)}.")
    # A short path that everybody may enter: sockets lie in it, and crds serves from it.
    folder = Path(tempfile.mkdtemp(prefix="crds-dev-", dir="/tmp"))
    folder.chmod(0o755)
    made = Stack(folder / "i")
    try:
        made.command("install", "hst", "dev", timeout=INSTALL)
        made.command("init", "hst", "dev", "--demo", timeout=INSTALL)
        made.command("run", "hst", "dev")
        yield made
    finally:
        subprocess.run([str(CHECKOUT / "stop"), "hst", "dev"], env=made.environment,
                       capture_output=True, timeout=PATIENCE, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def load(stack):
    """Requests from four callers while the test runs; afterwards each must have been answered."""
    end, answers = threading.Event(), Counter()

    def call() -> None:
        while not end.is_set():
            try:
                answer, _ = stack.get("/browse_db/")
                answers[answer.status] += 1
            except OSError as exc:
                answers[repr(exc)] += 1

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    while not sum(answers.values()):
        time.sleep(0.05)
    yield answers
    end.set()
    for caller in callers:
        caller.join()


def until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.2)


# ---- what is served where --------------------------------------------------------


def test_pages_are_served_over_tls(stack):
    answer, body = stack.get("/")
    assert answer.status == 200
    assert b"hst_0005.pmap" in body
    answer, _ = stack.get("/login/")
    cookie = answer.getheader("Set-Cookie")
    assert cookie.startswith("csrftoken=") and "Secure" in cookie
    assert stack.get("/static/crds/site.css")[0].status == 200


def test_the_plain_port_serves_json_rpc_and_downloads_only(stack):
    assert stack.rpc("get_default_context") == "hst_0005.pmap"
    answer, body = stack.get("/unchecked_get/mappings/hst/hst_0005.pmap", stack.plain)
    assert answer.status == 200 and b"mapping" in body
    for page in ("/", "/login/", "/admin/", "/browse_db/", "/upload/list/", "/json_other/"):
        answer, body = stack.get(page, stack.plain)
        assert (answer.status, answer.getheader("Location")) == (403, None)
        assert b"TLS port" in body


def test_apache_sends_files_and_their_ranges(stack):
    name = next(name for name in stack.rpc("get_reference_names", "hst_0005.pmap")
                if name.endswith(".fits"))
    stored = (stack.root / "file_cache/references/hst" / name).read_bytes()
    answer, body = stack.get(REFERENCE + name)
    assert (answer.status, body) == (200, stored)
    tag = answer.getheader("ETag")
    answer, body = stack.get(f"//hst{REFERENCE}{name}", headers={"Range": "bytes=100-199"})
    assert (answer.status, body) == (206, stored[100:200])
    assert stack.get(REFERENCE + name, headers={"Range": "bytes=999999999-"})[0].status == 416
    assert stack.get(REFERENCE + name, headers={"If-None-Match": tag})[0].status == 304
    assert stack.get("/unchecked_get/references/hst/none_dark.fits")[0].status == 404


def test_no_header_of_a_caller_makes_apache_send_a_file(stack):
    secret = str(stack.root / "database" / "secret_key")
    answer, body = stack.get("/healthz", headers={"X-Sendfile": secret})
    assert json.loads(body)["status"] == "ok"
    answer, _ = stack.get(f"{REFERENCE}..%2f..%2f..%2fdatabase%2fsecret_key")
    assert answer.status == 404


def test_the_real_client_works_on_the_plain_port(stack, tmp_path):
    client = Client(client_environment("hst", f"http://localhost:{stack.plain}", tmp_path),
                    tmp_path)
    done = client.run("sync --contexts hst-latest --check-files --check-sha1sum")
    done.clean()
    assert (tmp_path / "mappings/hst/hst_0005.pmap").exists()


def test_the_real_client_submits_over_tls(stack, tmp_path):
    new = stack.root / "server_files" / "brought" / "new_dark.fits"
    stack.command("manage", "shell", "-v0", "-c", NEW_FILE.format(path=str(new)))
    token = stack.command("tools/accounts", "token", "test").split()[-1]
    client = Client(client_environment("hst", f"https://localhost:{stack.tls}", tmp_path),
                    tmp_path)
    certificate = str(stack.root / "server/conf/tls.crt")
    done = client.run(
        f"submit --files {new} --description Dark --creator Somebody --username test"
        " --monitor-processing --wait-for-completion --wipe-existing-files --autoconfirm",
        REQUESTS_CA_BUNDLE=certificate, SSL_CERT_FILE=certificate, MAST_API_TOKEN=token)
    assert done.code == 0 and "COMPLETED" in done.text, done.text[-4000:]
    edit = stack.rpc("get_server_info")["edit_context"]
    assert edit == "hst_0007.pmap"
    official = {name for name in stack.rpc("get_reference_names", edit)}
    assert official - set(stack.rpc("get_reference_names", "hst_0006.pmap"))


def test_no_process_of_the_stack_serves_as_root(stack):
    if os.geteuid() != 0:
        pytest.skip("Only what root starts has to change its user.")
    served = [*stack.daemons(), stack.pid("memcached"), stack.pid("worker"),
              stack.pid("mariadb.launch")]
    assert len(served) == 5
    assert {Path(f"/proc/{pid}").owner() for pid in served} == {"crds"}


def test_secrets_are_closed_to_others(stack):
    for name in ("secret_key", "mariadb_password", "tls.key", "test_user_password"):
        assert (stack.root / "database" / name).stat().st_mode & 0o077 == 0
    assert (stack.root / "database").stat().st_mode & 0o077 == 0


def test_django_finds_nothing_to_warn_of(stack):
    assert "no issues" in stack.command("manage", "check", "--deploy", "--fail-level", "WARNING")


# ---- changes while it serves -----------------------------------------------------


def test_a_graceful_reload_loses_no_request(stack, load):
    before = stack.daemons()
    program = ("import sys; sys.path.insert(0, 'tools');"
               "from control import server; from control.checkout import choose_instance;"
               "server.reload(choose_instance('hst', 'dev'))")
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=stack.environment,
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(before) & set(stack.daemons())
    assert set(load) == {200}


def test_the_server_hides_on_its_backup_port(stack):
    stack.command("tools/backup_port", "on")
    try:
        answer, body = stack.get("/")
        assert (answer.status, answer.getheader("Retry-After")) == (503, "600")
        assert b"being maintained" in body
        answer, _ = stack.get("/json/", stack.plain, body=b"{}")
        assert (answer.status, answer.getheader("Retry-After")) == (503, "600")
        assert stack.get("/", stack.backup)[0].status == 200
    finally:
        stack.command("tools/backup_port", "off")
    assert stack.get("/")[0].status == 200
    with pytest.raises(OSError):
        stack.get("/", stack.backup)


def test_killed_daemons_come_back(stack):
    for pid in stack.daemons():
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(stack.daemons()) == 2 and stack.get("/healthz")[0].status == 200)


# ---- services that fail ----------------------------------------------------------


def test_without_memcached_it_is_slower_and_nothing_else(stack):
    os.kill(stack.pid("memcached"), signal.SIGKILL)
    try:
        assert stack.get("/")[0].status == 200
        assert stack.rpc("get_server_info")["latest_context"] == "hst_0005.pmap"
    finally:
        stack.command("run", "hst", "dev")
    assert stack.get("/healthz")[0].status == 200


def test_without_mariadb_pages_say_so_and_recover(stack):
    os.kill(stack.pid("mariadb.launch"), signal.SIGKILL)
    try:
        answer, body = stack.get("/browse_db/")
        assert answer.status == 503
        assert b"Traceback" not in body
    finally:
        stack.command("run", "hst", "dev")
    until(lambda: stack.get("/browse_db/")[0].status == 200)


def test_stop_leaves_no_process_and_run_starts_again(stack):
    daemons = stack.daemons()
    stack.command("stop", "hst", "dev")
    assert not [pid for pid in daemons if Path(f"/proc/{pid}/cmdline").exists()]
    stack.command("run", "hst", "dev")
    assert stack.rpc("get_default_context") == "hst_0005.pmap"
