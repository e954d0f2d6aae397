"""Addresses of the JSON-RPC.  The id in an address may hold anything, an encoded slash too."""

from __future__ import annotations

from django.urls import path, re_path

from . import views

app_name = "jsonapi"
urlpatterns = [
    path("json/browse/", views.browse, name="browse"),
    # Without the slash too: a redirect would lose the body of a POST.
    re_path(r"^json/?$", views.endpoint, name="endpoint"),
    re_path(r"^json/(?P<method>[^/]*)/?$", views.endpoint),
    re_path(r"^json/(?P<method>[^/]*)/(?P<id>.*)$", views.endpoint),
]
