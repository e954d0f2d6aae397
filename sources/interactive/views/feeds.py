"""Atom feeds of new contexts and files."""

from __future__ import annotations

from zlib import crc32

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import NoReverseMatch, reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape, linebreaks
from django.views.decorators.http import condition, require_safe

from common.formats import xml_text
from interactive.services import news, revision, server_status

from .files import base_url


class News(Feed):
    """A feed of :class:`news.Entry`; addresses are those under which the caller sees the server."""

    feed_type = Atom1Feed
    author_name = "CRDS"

    def __init__(self, name: str, title: str, about: str, entries: list[news.Entry]):
        self.name = name
        self.title = f"{settings.CRDS_OBSERVATORY.upper()} CRDS: {title}"
        self.subtitle = about
        self.items = entries

    def get_object(self, request):
        # reverse() has the prefix of the address as well.
        self.server = base_url(request).removesuffix(request.META.get("SCRIPT_NAME", ""))
        self.feed_url = self.server + request.path
        self.link = self.server + reverse("context_history" if self.name == "contexts" else "home")
        self.feed_guid = news.feed_id(self.name)

    def item_title(self, item):
        return xml_text(item.title)

    def item_description(self, item):
        # Readers take it for HTML: what people wrote must stay text.
        return linebreaks(escape(xml_text(item.text)))

    def item_link(self, item):
        return self.server + _page_of(item)

    def item_guid(self, item):
        return item.id

    def item_pubdate(self, item):
        return item.moment

    item_updateddate = item_pubdate

    def item_categories(self, item):
        return item.categories


def _page_of(item: news.Entry) -> str:
    if not item.name:
        return reverse("context_history")
    if item.name.endswith(".pmap"):
        return reverse("context_table", args=[item.name])
    try:
        return reverse("browse", args=[item.name])
    except NoReverseMatch:
        return reverse("home")


def _etag(request, *args, **kwargs) -> str:
    """Feeds depend on the address, the catalogue and this software, on nothing else."""
    address = crc32(f"{base_url(request)} {request.path}".encode())
    return f'"{revision.state()}-{server_status.server_version()}-{address:08x}"'


@require_safe
@condition(etag_func=_etag)
def contexts(request):
    """Contexts delivered and contexts that became the latest."""
    return News("contexts", "contexts", "Contexts delivered, and contexts that became the latest.",
                news.contexts())(request)


@require_safe
@condition(etag_func=_etag)
def files(request, instrument: str = ""):
    """Files of all instruments, or of one."""
    entries = news.files(instrument)
    of = f" of {instrument.upper()}" if instrument else ""
    return News(f"files/{instrument}", f"files{of}", f"Files delivered{of}, newest first.",
                entries)(request)
