"""Addresses of the pages of accounts."""

urlpatterns: list = []
