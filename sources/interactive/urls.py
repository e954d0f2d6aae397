"""Addresses of the public pages, the account pages and the files."""

from __future__ import annotations

from django.urls import path, re_path

from .views import (
    activity,
    browse,
    browse_db,
    context_tables,
    contexts,
    feeds,
    files,
    help,
    home,
    robots,
    search,
    status,
    timeline,
    versions,
)

GET = "(?:un)?checked_get"
NAME = r"(?P<name>[^/]+)"
PLACE = r"(?P<observatory>[a-z]+)/(?P<name>[^/]+)"

urlpatterns = [
    path("", home.home, name="home"),
    path("docs/cmdline_bestrefs/", help.cmdline_bestrefs, name="cmdline_bestrefs"),
    path("browse_db/", browse_db.browse_db, name="browse_db"),
    path("recent_activity/", activity.recent_activity, name="recent_activity"),
    path("search/", search.search_page, name="search"),
    path("status/", status.status, name="status"),
    path("status/findings/", status.findings, name="findings"),
    # Other software reads /browse/<file>, with and without a slash.
    re_path(rf"^browse/{NAME}/?\Z", browse.browse, name="browse"),
    re_path(rf"^browse/{NAME}/(?P<part>[a-z_]+)/\Z", browse.part, name="browse_part"),
    path("healthz", status.healthz, name="healthz"),
    path("robots.txt", robots.robots, name="robots"),
    # Contexts.  The first is an old address that has no slash at its end.
    path("context_table/<str:name>", context_tables.context_table, name="context_table"),
    path("context_table/<str:name>/", context_tables.context_table),
    path("context_table/<str:name>/<str:instrument>", context_tables.context_instrument),
    path("context_table/<str:name>/<str:instrument>/<str:filekind>", context_tables.context_type,
         name="context_type"),
    path("display_context_history/", contexts.context_history, name="context_history"),
    path("display_all_contexts/", contexts.all_contexts, name="all_contexts"),
    path("display_build_contexts/", contexts.build_contexts, name="build_contexts"),
    path("timeline/", timeline.timeline, name="timeline"),
    path("versions/", versions.versions, name="versions"),
    path("feeds/contexts.atom", feeds.contexts, name="feed_contexts"),
    path("feeds/files.atom", feeds.files, name="feed_files"),
    path("feeds/<str:instrument>.atom", feeds.files, name="feed_instrument"),
    # Files, checked and unchecked addresses alike (contract 3.1).
    re_path(rf"^{GET}/(?P<kind>references|mappings)/{PLACE}$", files.download,
            name="download"),
    re_path(rf"^{GET}/config/(?P<observatory>[a-z]+)/server_config$", files.server_config,
            name="server_config"),
    re_path(rf"^{GET}/pickles/{PLACE}$", files.pickle, name="pickle"),
]
