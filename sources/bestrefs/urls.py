"""Addresses of the best references pages."""

from __future__ import annotations

from django.urls import path

from .views import dataset, explain, explore, many

urlpatterns = [
    path("bestrefs/", dataset.bestrefs, name="bestrefs"),
    path("bestrefs_explore/", explore.explore, name="bestrefs_explore"),
    path("bestrefs/many/", many.many, name="bestrefs_many"),
    path("explain/", explain.explain, name="explain"),
]
