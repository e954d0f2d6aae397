"""Addresses of the pages of affected datasets."""

urlpatterns: list = []
