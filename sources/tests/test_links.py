"""Every link of every page leads somewhere, on the demonstration content of each observatory.

The crawl starts at the home page and follows links as a person would.  Of addresses that one
view answers only some are visited, so that it ends; which ones is always the same.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve

from config import OBSERVATORIES

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

#: Addresses of one view that are visited, and pages in all.
PER_VIEW = 4
MOST = 220

#: Not pages: they end the session, or answer programs by other tests' leave.
LEFT_OUT = re.compile(r"^/(logout|admin|static)/")

#: Addresses of pages that the home page leads to in one or two steps, whatever the content.
EXPECTED = {
    "home", "context_table", "context_history", "all_contexts", "build_contexts", "timeline",
    "browse_db", "browse", "recent_activity", "bestrefs", "bestrefs_many", "bestrefs_explore",
    "explain", "versions", "status", "cmdline_bestrefs", "diff", "feed_contexts", "feed_files",
    "download",
}


class Page(HTMLParser):
    """Links of a page (also those that htmx follows), and the ids that fragments may name."""

    def __init__(self, html: str):
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[name] for name in ("href", "src", "hx-get")
                       if values.get(name)]
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}


def view_of(address: str) -> str:
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return "?"
    return found.url_name or found.view_name


@pytest.mark.parametrize("observatory", OBSERVATORIES)
def test_every_link_leads_somewhere(client, demo_of, observatory):
    demo_of(observatory)
    waiting, seen, visits = deque(["/"]), {"/"}, Counter()
    broken, anchors, ids = [], [], {}
    while waiting and len(ids) < MOST:
        address = waiting.popleft()
        response = client.get(address)
        if response.status_code in (301, 302):
            response = client.get(response["Location"])
        if response.status_code not in (200, 202):
            broken.append((response.status_code, address))
            continue
        if not response["Content-Type"].startswith("text/html"):
            continue
        page = Page(response.content.decode())
        ids[address] = page.ids
        for link in page.links:
            target, fragment = urldefrag(urljoin(address, link))
            if urlsplit(target).netloc or LEFT_OUT.match(target):
                continue
            if fragment and target == address:
                anchors.append((address, fragment))
            if target in seen or visits[view_of(target)] >= PER_VIEW:
                continue
            seen.add(target)
            visits[view_of(target)] += 1
            waiting.append(target)
    assert not broken
    lost = {(address, fragment) for address, fragment in anchors
            if fragment not in ids[address]}
    assert not lost
    missing = EXPECTED - set(visits) - {"home"}
    assert not missing
