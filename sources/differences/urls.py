"""Addresses of differences; those of a pair are stable, since files never change."""

from __future__ import annotations

from django.urls import path, re_path

from .views import downloads, pages

PAIR = "diff/<str:old>/<str:new>/"

urlpatterns = [
    re_path("^diff/?$", pages.form, name="diff_form"),
    path(PAIR, pages.difference, name="diff"),
    path(f"{PAIR}part/<slug:part>/", pages.section, name="diff_section"),
    path(f"{PAIR}text/<slug:part>/", pages.text, name="diff_text"),
    path(f"{PAIR}rows.<str:form>", downloads.rows, name="diff_rows"),
    path(f"{PAIR}affected.txt", downloads.affected, name="diff_affected"),
    path(f"{PAIR}report.txt", downloads.report, name="diff_report"),
    path(f"{PAIR}picture/<str:name>", downloads.picture, name="diff_picture"),
]
