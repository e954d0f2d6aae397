"""The user guide builds without a warning and can be read under the server's content policy."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from config import CHECKOUT

DOCS = CHECKOUT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs/ is not part of this copy")


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users_guide")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
         "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_every_subject_of_the_site_has_its_page(guide):
    front = (guide / "index.html").read_text()
    listed = (guide / "users" / "index.html").read_text()
    assert 'href="users/index.html"' in front
    for source in (DOCS / "users").glob("*.rst"):
        if source.stem != "index":
            assert f'href="{source.stem}.html"' in listed, source.name


def test_pages_have_no_inline_scripts_and_ask_no_other_host(guide):
    for page in guide.rglob("*.html"):
        text = page.read_text()
        for attributes in re.findall(r"<script\b([^>]*)>", text):
            assert 'src="' in attributes, page.name
        assert not re.findall(r'(?:src|<link [^>]*href)="(?:https?:)?//[^"]*"', text), page.name


def test_pages_lead_back_to_the_server(guide):
    assert 'href="./../../"' in (guide / "index.html").read_text()
    assert 'href="../../../"' in (guide / "users" / "index.html").read_text()
