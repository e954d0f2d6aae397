"""Pages in a real Chromium, and everything that they complain about.

Screenshots are kept in the folder that ``CRDS_SCREENSHOTS`` names, if it does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--no-first-run",
           "--disable-component-update", "--disable-sync"]
WIDTHS = {"desk": 1280, "phone": 390}

#: The account that tests of pages log in with.
NAME, PASSWORD = "operator", "a long password"

#: Runs the jobs that wait; the servers of tests have no worker.
WORK = """
from jobs import execution, leases
while job := leases.claim("test"):
    execution.run(job)
"""


@contextlib.contextmanager
def chromium():
    """A browser.  Close it before tests that query: while it runs, Django refuses queries."""
    if not CHROMIUM:
        from conftest import skip_or_fail

        skip_or_fail("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


class Visit:
    """A page of the server and everything it complained about."""

    def __init__(self, context, base: str):
        self.base = base
        self.page = context.new_page()
        self.problems: list[str] = []
        self.status = 0
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message) -> None:
        # The browser reports the status of pages that are meant to be missing or refused.
        meant = any(f"status of {status}" in message.text for status in (400, 404))
        if message.type in ("error", "warning") and not meant:
            self.problems.append(message.text)

    def _request(self, request) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.problems.append(f"asks another host: {request.url}")

    def open(self, address: str) -> Visit:
        self.status = self.page.goto(self.base + address).status
        return self

    def login(self) -> Visit:
        self.open("/login/")
        self.page.fill("#id_username", NAME)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("main button[type=submit]")
        return self

    def check(self) -> None:
        """No complaint, nothing wider than the screen, nothing that axe finds."""
        assert not self.problems, f"{self.page.url}: {self.problems}"
        self.check_width()
        found = Axe().run(self.page).response["violations"]
        assert not found, (
            self.page.url, [(v["id"], v["nodes"][0]["target"], v["help"]) for v in found])

    def check_width(self) -> None:
        """Nothing is wider than the screen."""
        wider = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{self.page.url} is {wider} px wider than the screen"

    def keep(self, name: str) -> None:
        if folder := os.environ.get("CRDS_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def open_all(page) -> None:
    """Open every part of the page; of the types of an instrument, which load rows, the first."""
    page.evaluate("""
        document.querySelectorAll("details:not(.types > details:not(:first-of-type))")
            .forEach(part => { part.open = true; })""")
    page.wait_for_load_state("networkidle")
