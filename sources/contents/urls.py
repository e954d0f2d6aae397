"""Addresses of the contents of files."""

from __future__ import annotations

from django.urls import path, re_path

from . import views

urlpatterns = [
    path("contents/<str:name>/", views.panel, name="contents_panel"),
    path("contents/<str:name>/rows/<int:part>/", views.rows, name="contents_rows"),
    re_path(r"^contents/(?P<name>[^/]+)/pictures/(?P<picture>[^/]+)\.png$", views.picture,
            name="contents_picture"),
]
