"""A person submits through the site in a real Chromium, from the upload to the new context."""

from __future__ import annotations

import re

import pytest

from .submitting import PASSWORD, Desks
from .visiting import WIDTHS, Visit, chromium, open_all

#: Pages of submitters, apart from those of one submission.
PAGES = {
    "services": "/", "certify": "/certify/", "batch form": "/batch_submit_references/",
    "extended form": "/submission_form/redcat_submit/", "mappings form": "/submit/mapping/",
    "references form": "/submit/reference/", "add form": "/add_references/",
    "delete form": "/delete_references/?names=nothing.fits", "difference form": "/difference/",
    "my submissions": "/my_submissions/", "submission history": "/submission_history/",
    "workflow": "/workflow/"}

#: Milliseconds that the checks of two files may take on a busy machine.
PATIENCE = 240_000


@pytest.fixture(scope="module")
def desk(make_instance, tmp_path_factory):
    desks = Desks(make_instance, tmp_path_factory)
    yield desks.open("hst", "demo", {
        "paul": [("acs", "darkfile", "paul_dark.fits"), ("acs", "biasfile", "paul_bad.fits")]})
    desks.close()


def signed_in(browser, desk, width: str, scheme: str) -> Visit:
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    seen = Visit(context, desk.live.url).open("/login/?next=/batch_submit_references/")
    seen.page.fill("#id_username", "paul")
    seen.page.fill("#id_password", PASSWORD)
    seen.page.click("main button[type=submit]")
    return seen


def test_from_the_upload_to_the_new_context(desk):
    good, bad = desk.folder / "paul" / "paul_dark.fits", desk.folder / "paul" / "paul_bad.fits"
    bad.write_bytes(bad.read_bytes()[:bad.stat().st_size // 2])
    with chromium() as browser:
        seen = signed_in(browser, desk, "desk", "light")
        page = seen.page
        # A form that is not complete comes back with what was written.
        page.fill("#id_description", "Dark files & more")
        page.click("main .send button")
        assert "Invalid character: &" in page.locator("#error_message").inner_text()
        assert page.input_value("#id_description") == "Dark files & more"
        seen.check()
        # A broken file beside a good one: the submission fails and names the broken one.
        page.set_input_files("input[type=file]", [good, bad])
        page.locator("[data-list]", has_text="paul_bad.fits").wait_for()
        page.locator("[data-list]", has_text="paul_dark.fits").wait_for()
        _submit(page)
        page.locator(".outcome", has_text="not accepted").wait_for(timeout=PATIENCE)
        assert page.locator("details[open] .finding.error").first.is_visible()
        assert "paul_bad.fits" in page.locator("details[open] > summary").first.inner_text()
        open_all(page)
        seen.check()
        seen.keep("failed-desk-light")
        # Without it, with the same answers.
        page.click("text=submit again with the same answers")
        assert page.input_value("#id_description") == "Dark files of the demonstration"
        _remove(page, "paul_bad.fits")
        _submit(page, fill=False)
        page.locator("button[value=confirm]").wait_for(timeout=PATIENCE)
        name = page.locator("[id='paul_dark.fits']").inner_text()
        assert re.fullmatch(r"\w{9}_drk\.fits", name)
        open_all(page)
        seen.check()
        address = page.url
        _each_width(browser, desk, address, "ready")
        page.click("button[value=confirm]")
        page.locator(".notice.good").wait_for(timeout=PATIENCE)
        assert page.locator("[id='paul_dark.fits'] a").inner_text() == name
        new = page.locator(f"[id='{desk.before}'] a").inner_text()
        seen.check()
        seen.problems.clear()
    assert desk.live.rpc("get_server_info")["edit_context"] == new
    assert name in desk.live.rpc("get_reference_names", new)


def _submit(page, fill: bool = True) -> None:
    if fill:
        page.fill("#id_description", "Dark files of the demonstration")
    page.click("main .send button")
    page.wait_for_url("**/display_result/*")


def _remove(page, name: str) -> None:
    row = page.locator("[data-list] tr, [data-list] li").filter(has_text=name).first
    row.locator("input[type=checkbox]").check()
    page.locator("[data-list] button", has_text=re.compile("delete|remove", re.I)).first.click()
    page.locator("[data-list]").get_by_text(name).wait_for(state="detached")


def _each_width(browser, desk, address: str, name: str) -> None:
    """The page of a submission without an account, on a phone in the dark."""
    context = browser.new_context(
        viewport={"width": WIDTHS["phone"], "height": 900}, color_scheme="dark")
    seen = Visit(context, desk.live.url)
    seen.open(address.removeprefix(desk.live.url))
    assert seen.page.locator("text=Log in to decide").is_visible()
    open_all(seen.page)
    seen.check()
    seen.keep(f"{name}-phone-dark")
    context.close()


@pytest.mark.parametrize("width, scheme", [("desk", "light"), ("phone", "dark")])
def test_pages_of_submitters_are_accessible(desk, width, scheme):
    with chromium() as browser:
        seen = signed_in(browser, desk, width, scheme)
        for name, address in PAGES.items():
            seen.open(address)
            open_all(seen.page)
            seen.check()
            seen.keep(f"{name}-{width}-{scheme}")
