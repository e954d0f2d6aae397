"""Addresses of uploads, for the command-line client and for people."""

from __future__ import annotations

from django.urls import path

from .views import areas, client

urlpatterns = [
    path("upload/list/", client.listing, name="upload_list"),
    path("upload/chunked/", client.chunked, name="upload_chunked"),
    path("upload/delete/<str:token>/", client.delete, name="upload_delete"),
    path("upload/drafts/", areas.overview, name="upload_drafts"),
    path("upload/drafts/create/", areas.create, name="create_draft"),
    path("upload/draft/<str:name>/", areas.area, name="upload_draft"),
    path("upload/draft/<str:name>/files/", areas.files, name="upload_files"),
    path("upload/draft/<str:name>/add/", areas.add, name="upload_add"),
    path("upload/draft/<str:name>/remove/", areas.remove, name="upload_remove"),
    path("upload/draft/<str:name>/delete/", areas.delete, name="delete_draft"),
]
