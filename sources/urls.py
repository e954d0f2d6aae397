"""Addresses of the whole server.

An app that answers requests has a ``urls.py`` with its full paths (no
prefix is added here), so that each of the client's fixed addresses stands in one place.
"""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from common.api import api

#: In the order in which they are asked; apps without pages have no urls.py.
APPS = (
    "interactive", "bestrefs", "jsonapi", "jpoll", "jobs", "locking", "fileupload", "stats",
    "archive", "contents", "differences", "accounts", "submissions", "deliveries", "operations",
    "affected",
)

urlpatterns = [
    path("api/v1/", api.urls),
    # One login for all: it limits attempts.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    *(path("", include(f"{app}.urls")) for app in APPS if find_spec(f"{app}.urls")),
]

handler400 = "common.pages.bad_request"
handler403 = "common.pages.permission_denied"
handler404 = "common.pages.not_found"
handler500 = "common.pages.server_error"
