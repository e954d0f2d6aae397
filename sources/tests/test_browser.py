"""Every page in a real Chromium: accessible, quiet, local, at desk and phone width, light and dark.

On demonstration content; :mod:`.test_browser_real` has the real caches.
"""

from __future__ import annotations

import pytest

from .live import LiveServer
from .visiting import NAME, PASSWORD, WIDTHS, WORK, Visit, chromium, open_all

#: The narrowest screen on which nothing may stick out.
NARROWEST = 360

PAGES = {
    "home": "/",
    "status": "/status/",
    "findings": "/status/findings/",
    "command line": "/docs/cmdline_bestrefs/",
    "login": "/login/",
    "not found": "/browse/nothing.fits",
    "rest": "/api/v1/docs",
    "json-rpc": "/json/browse/",
    "context table": "/context_table/latest",
    "type of a context": "/context_table/latest/acs/biasfile",
    "context history": "/display_context_history/",
    "all contexts": "/display_all_contexts/",
    "build contexts": "/display_build_contexts/",
    "timeline": "/timeline/",
    "versions": "/versions/",
    "two files to compare": "/diff/",
    "difference of contexts": "/diff/hst_0004.pmap/hst_0005.pmap/",
    "difference of references": "/diff/33410005j_bia.fits/33410006j_bia.fits/",
    "no such pair": "/diff/hst_0001.pmap/nothing.pmap/",
    "best references": "/bestrefs/",
    "references of a product": "/bestrefs/?id=LB6M01030&context2=hst_0001.pmap",
    "references of many": "/bestrefs/many/?ids=LB6M01030,JBANJOF3Q,NOPE&context2=hst_0001.pmap",
    "many datasets": "/bestrefs/many/",
    "explore": "/bestrefs_explore/?instrument=acs",
    "explain form": "/explain/?instrument=acs",
    "explain": "/explain/?id=JBANJOF3Q&context2=hst_0001.pmap",
    "explain one type": "/explain/?id=JBANJOF3Q&type=biasfile",
    "browse database": "/browse_db/?instrument=acs&extension=.fits&sort=-useafter_date",
    "no rows": "/browse_db/?filename=nothing*",
    "a wrong date": "/browse_db/?start=yesterday",
    "search": "/search/?q=bias+CCDGAIN",
    "search for nothing": "/search/?q=zzzzzz",
    "search empty": "/search/",
    "recent activity": "/recent_activity/?extension=*",
    "contents": "/contents/33410005j_bia.fits/",
    "file": "/browse/hst_0005.pmap",
    "rules of an instrument": "/browse/hst_acs_0005.imap",
    "rules of a type": "/browse/hst_acs_biasfile_0005.rmap",
    "reference": "/browse/33410005j_bia.fits",
    "lineage of a file": "/browse/hst_0004.pmap/lineage/",
    "account": "/account/",
    "locks": "/locks/",
    "set context": "/set_default_context/",
    "a context to set": "/set_default_context/?kind=latest&pmap_mode=pmap_edit",
    "a context with bad files": "/set_default_context/?kind=latest&pmap_text=hst_0002.pmap",
    "mark files": "/mark_bad/",
    "deliveries": "/delivery_status/",
    "load of a day": "/stats/",
    "load of a week": "/stats/?span=week",
}

#: Content that demonstration caches do not have.
CONTENT = f"""
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from interactive.models import ContextPointer, ImportFinding, RemoteContext
from stats import rotation
from stats.models import RequestRecord
User.objects.create_superuser("{NAME}", password="{PASSWORD}")
latest = ContextPointer.objects.get(kind="latest").context
ContextPointer.objects.update_or_create(
    kind="banner", defaults={{"context": latest, "cal_ver": "1.2.3"}})
RemoteContext.objects.create(key="hst-ops-pipeline", context=latest.name, pushed_at=timezone.now())
ImportFinding.objects.bulk_create(
    ImportFinding(code="closure", name=f"hst_{{n:04d}}.pmap", published=n % 2 == 0,
                  reason="It contains a file that is not published.") for n in range(9000, 9500))
from differences.services import pairs, results
from jobs import execution, leases
for pair in (("hst_0004.pmap", "hst_0005.pmap"), ("33410005j_bia.fits", "33410006j_bia.fits")):
    results.obtain(pairs.find(*pair))
    execution.run(leases.claim("content"))
from contents import services as contents
contents.obtain(contents.published("33410005j_bia.fits"))
execution.run(leases.claim("content"))
now = timezone.now()
RequestRecord.objects.bulk_create(
    RequestRecord(
        at=now - timedelta(minutes=15 * n), method="POST", path="/json/", duration=n % 97,
        label=f"json: method {{n % 7}}", status=404 if n % 11 == 0 else 200, failed=n % 9 == 0,
        size=n, request_id=f"{{n:016x}}", error="Unknown file." if n % 9 == 0 else "",
        rpc_parameters='["hst", "latest"]', network="192.0.2.0/24")
    for n in range(900))
rotation.tidy()
"""


@pytest.fixture(scope="module")
def server(make_instance):
    """A server with demonstration content, an account and some recorded requests."""
    with LiveServer(make_instance("hst", "demo"), "hst") as live:
        live.shell(CONTENT)
        yield live


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser, server):
    """``visit(width, scheme)``: a fresh browser window on the server."""
    contexts = []

    def start(width: int = WIDTHS["desk"], scheme: str = "light", **options) -> Visit:
        contexts.append(browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options))
        return Visit(contexts[-1], server.url)

    yield start
    for context in contexts:
        context.close()


# Layouts depend on the width and contrasts on the scheme: two of the four pairs show both.
@pytest.mark.parametrize("width, scheme", [("desk", "light"), ("phone", "dark")])
def test_pages_are_accessible_quiet_and_local(visit, width, scheme):
    seen = visit(WIDTHS[width], scheme).login()
    for name, address in PAGES.items():
        seen.open(address)
        open_all(seen.page)
        seen.check()
        seen.keep(f"{name}-{width}-{scheme}")


def test_nothing_sticks_out_on_the_narrowest_screen(visit):
    seen = visit(NARROWEST).login()
    for address in PAGES.values():
        seen.open(address).check_width()


@pytest.mark.parametrize("address", ["/", "/docs/cmdline_bestrefs/", "/status/"])
def test_pages_work_without_scripts(visit, address):
    seen = visit(java_script_enabled=False).open(address)
    assert seen.page.locator("h1").first.inner_text()
    assert not seen.problems
    if address == "/":
        seen.page.locator("summary").first.click()
        seen.page.locator(".types summary").first.click()
        seen.page.locator(".types details[open] a", has_text="Table of").click()
        assert seen.page.locator("table").first.is_visible()


def test_pages_print_without_navigation(visit):
    seen = visit().open("/")
    seen.page.emulate_media(media="print")
    assert not seen.page.locator(".site-nav").is_visible()
    assert seen.page.locator("h2").first.is_visible()


# ---- keyboard --------------------------------------------------------------


def focused(page) -> dict:
    """Text of the focused element, and whether one can see that it has the focus."""
    return page.evaluate("""() => {
        const element = document.activeElement, style = getComputedStyle(element);
        return {text: element.innerText || element.name || element.tagName,
                visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2};
    }""")


def test_the_first_key_offers_to_skip_to_the_content(visit):
    page = visit().open("/").page
    page.keyboard.press("Tab")
    assert focused(page)["text"] == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", ["home", "rest", "json-rpc", "login", "load of a day"])
def test_focus_goes_everywhere_and_is_visible(visit, name):
    seen = visit().login() if "load" in name else visit()
    page = seen.open(PAGES[name]).page
    count = page.locator(
        "a:visible, button:visible, input:not([type=hidden]):visible, select:visible,"
        " textarea:visible, summary:visible, [tabindex='0']:visible").count()
    page.locator(".skip").focus()
    reached = []
    for _ in range(min(count, 40) - 1):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached and all(place["visible"] for place in reached), [
        place for place in reached if not place["visible"]]


def test_instruments_open_by_keyboard(visit):
    page = visit().open("/").page
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    page.locator(".types summary").first.focus()
    page.keyboard.press("Enter")
    page.locator(".types details[open] table").first.wait_for()


# ---- what scripts add ------------------------------------------------------


def test_open_all_and_close_all(visit):
    page = visit().open("/").page
    instruments = page.locator(".instruments > details").count()
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".instruments > details[open]").count() == instruments > 1
    assert page.locator(".types details[open]").count() == 0
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".instruments > details[open]").count() == 0


def test_rows_of_a_type_load_once_and_two_can_be_compared(visit):
    seen = visit().open("/context_table/latest")
    page = seen.page
    page.locator("#acs > summary").click()
    with page.expect_response(lambda answer: answer.url.endswith("/acs/biasfile")):
        page.locator("#acs-biasfile > summary").click()
    rows = page.locator("#acs-biasfile table tbody tr")
    rows.first.wait_for()
    page.locator("#acs-biasfile > summary").click()
    page.locator("#acs-biasfile > summary").click()
    boxes = page.locator("#acs-biasfile input[name=files]")
    button = page.locator("#acs-biasfile button[data-compare-button]")
    assert button.is_disabled()
    boxes.nth(0).check()
    boxes.nth(1).check()
    assert button.is_enabled()
    seen.check()


def test_an_address_opens_the_part_that_it_names(visit):
    page = visit().open("/context_table/latest#acs-biasfile").page
    page.locator("#acs-biasfile table").wait_for()
    assert page.locator(".instruments > details[open]").count() == 1


def test_the_timeline_leads_to_a_year_and_to_contexts(visit):
    seen = visit(WIDTHS["phone"]).open("/timeline/")
    seen.page.locator("svg a .row-label").first.click()
    assert "year=" in seen.page.url
    seen.check()
    seen.page.locator("svg .turn").last.click()
    assert "/context_table/" in seen.page.url


def test_commands_are_copied(visit, server):
    seen = visit(permissions=["clipboard-read", "clipboard-write"])
    page = seen.open("/docs/cmdline_bestrefs/").page
    page.get_by_role("button", name="Copy").nth(1).click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"export CRDS_SERVER_URL={server.url}\n")


def test_the_rest_api_can_be_tried(visit):
    seen = visit().open("/api/v1/docs")
    section = seen.page.locator("section.operation", has=seen.page.get_by_role(
        "heading", name="/api/v1/files", exact=False)).filter(has_text="Files of the catalogue")
    section.get_by_label("type").select_option("mapping")
    section.get_by_label("name").fill("*.pmap")
    section.get_by_role("button", name="Try it").click()
    section.locator(".answer pre").wait_for()
    assert "→ 200" in section.locator(".answer").inner_text()
    assert ".pmap" in section.locator(".answer pre").inner_text()
    seen.check()


@pytest.mark.parametrize("width", WIDTHS)
def test_parts_of_a_file_open_in_place(visit, server, width):
    """All parts of a reference, with the lineage that a job makes meanwhile."""
    seen = visit(WIDTHS[width]).open("/browse/33410005j_bia.fits#lineage")
    page = seen.page
    page.locator("#lineage :is(.waiting, svg)").first.wait_for()
    server.shell(WORK)
    page.locator("#lineage svg.lineage").wait_for()
    page.evaluate("""for (const name of ["patterns", "constraints", "used_by", "actions"])
                         document.getElementById(name).open = true""")
    page.locator("#patterns table.patterns").wait_for()
    page.locator("#constraints table.constraints").first.wait_for()
    assert not page.locator(".waiting").count()
    assert page.locator("table").first.locator("tr").first.inner_text().startswith("CRDS Name")
    page.locator("#used_by a.file").first.wait_for()
    seen.check()
    seen.keep(f"file with all parts-{width}-light")
    page.get_by_label("or in a context").fill("nonsense")
    page.locator("#patterns").get_by_role("button", name="Show", exact=True).click()
    assert "not a context" in page.locator("#patterns .notice.warning").inner_text()


# ---- account ---------------------------------------------------------------


def test_login_and_logout(visit):
    seen = visit().login()
    assert seen.page.get_by_text(NAME, exact=True).is_visible()
    seen.page.get_by_role("link", name="Logout").click()
    assert seen.page.get_by_role("link", name="Login").is_visible()


def test_a_wrong_password_is_shown(visit):
    seen = visit().open("/login/")
    seen.page.fill("#id_username", NAME)
    seen.page.fill("#id_password", "wrong")
    seen.page.keyboard.press("Enter")
    assert "do not fit together" in seen.page.locator("#error_message").inner_text()
    seen.check()
    seen.keep("wrong password-desk-light")
