"""Pages with the real caches in a real Chromium: long names, old rules, files not stored here."""

from __future__ import annotations

import pytest

from .live import LiveServer
from .visiting import WIDTHS, WORK, Visit, chromium, open_all

#: Pages whose content differs from the demonstration's, by observatory.
PAGES = {
    "hst": {
        "home": "/",
        "context table": "/context_table/hst_0500.pmap",
        "type": "/context_table/hst_0500.pmap/acs/pfltfile",
        "history": "/display_context_history/?per_page=200",
        "all contexts": "/display_all_contexts/",
        "timeline": "/timeline/",
        "browse database": "/browse_db/?instrument=acs&rejected=true",
        "search": "/search/?q=F606W",
        "activity": "/recent_activity/",
        "rules": "/browse/hst_0500.pmap",
        "not stored here": "/browse/kcb1734qj_pfl.fits",
        "reference": "/browse/v8q14451j_idc.fits",
        "contents": "/contents/v8q14451j_idc.fits/",
        "difference": "/diff/hst_0499.pmap/hst_0500.pmap/",
        "findings": "/status/findings/",
    },
    "jwst": {
        "home": "/",
        "context table": "/context_table/jwst_0300.pmap",
        "type": "/context_table/jwst_0300.pmap/miri/dark",
        "history": "/display_context_history/",
        "timeline": "/timeline/",
        "search": "/search/?q=detector:MIRIMAGE",
        "rules": "/browse/jwst_0300.pmap",
        "explain": "/explain/?instrument=miri",
    },
    "roman": {
        "home": "/",
        "context table": "/context_table/latest",
        "reference": "/browse/roman_wfi_distortion_0001.asdf",
        "contents": "/contents/roman_wfi_flat_0004.asdf/",
        "explore": "/bestrefs_explore/?instrument=wfi",
    },
}


@pytest.fixture(scope="module", params=PAGES)
def server(request, make_instance):
    with LiveServer(make_instance(request.param, "real"), request.param) as live:
        yield live


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.mark.parametrize("width, scheme", [("desk", "light"), ("phone", "dark")])
def test_pages_with_real_content(browser, server, width, scheme):
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme)
    try:
        seen = Visit(context, server.url)
        for name, address in PAGES[server.observatory].items():
            status = seen.open(address).status
            if seen.page.locator(".waiting").count():
                server.shell(WORK)
                seen.page.reload()
                assert not seen.page.locator(".waiting").count()
            assert status == 200, f"{address} answered {status}"
            open_all(seen.page)
            seen.check()
            seen.keep(f"{server.observatory}-{name}-{width}-{scheme}")
    finally:
        context.close()
