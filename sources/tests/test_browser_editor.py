"""The rule editor in a real Chromium: with the keyboard, without scripts, accessible."""

from __future__ import annotations

import pytest

from .live import LiveServer
from .visiting import NAME, PASSWORD, WIDTHS, WORK, Visit, chromium, open_all

ACCOUNT = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("{NAME}", password="{PASSWORD}")
"""


@pytest.fixture(scope="module")
def server(make_instance):
    with LiveServer(make_instance("hst", "demo"), "hst") as live:
        live.shell(ACCOUNT)
        yield live


@pytest.fixture
def visit(server):
    with chromium() as browser:
        def start(width: str, scheme: str, **options) -> Visit:
            context = browser.new_context(
                viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme, **options)
            return Visit(context, server.url).login()
        yield start


def rmap_page(seen: Visit) -> str:
    """The address of the editor of ACS bias files, found as people do."""
    seen.open("/edit_rmap/?q=acs+biasfile")
    seen.page.click("tbody a")
    return seen.page.url.removeprefix(seen.base)


def test_edit_with_the_keyboard_and_see_what_changes(visit, server):
    seen = visit("desk", "light")
    address = rmap_page(seen)
    page = seen.page
    reference = page.locator("#references option").first.get_attribute("value")
    edit = page.locator("td.act a").nth(0)
    edit.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#row")
    page.locator("#replace-reference").focus()
    page.keyboard.type(reference)
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.replaced")
    server.shell(WORK)
    page.wait_for_selector(".verdict-line .good")
    assert reference in page.inner_text(".effects")
    for width, scheme in (("desk", "light"), ("phone", "dark")):
        other = visit(width, scheme)
        for place in ("/edit_rmap/", address, address + "?row=0"):
            other.open(place)
            other.page.wait_for_load_state("networkidle")
            open_all(other.page)
            other.check()
            other.keep(f"editor{place.count('?')}-{width}-{scheme}")
    page.click("button[value=undo]")
    page.wait_for_selector("button[value=redo]:not([disabled])")
    assert page.locator("tr.replaced").count() == 0
    assert seen.problems == []


def test_without_scripts(visit, server):
    seen = visit("phone", "light", java_script_enabled=False)
    address = rmap_page(seen)
    page = seen.page
    page.locator("td.act a").nth(1).click()
    page.click("button[value=delete]")
    assert page.locator("tr.deleted").count() == 1
    server.shell(WORK)
    seen.open(address)
    assert page.inner_text(".verdict-line").startswith("valid")
    page.click("button[value=clear]")
    assert page.locator("tr.deleted").count() == 0
