"""Addresses of the pages of submissions."""

urlpatterns: list = []
