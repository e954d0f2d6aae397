"""Addresses of the pages of deliveries."""

from __future__ import annotations

from django.urls import path

from .views import pages

urlpatterns = [
    path("delivery_status/", pages.delivery_status, name="delivery_status"),
    path("delivery_status/<str:catalog>/", pages.delivery, name="delivery"),
    path("delivery_status/<str:catalog>/act/", pages.act, name="delivery_act"),
]
