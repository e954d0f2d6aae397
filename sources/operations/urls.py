"""Addresses of the pages of operations."""

urlpatterns: list = []
