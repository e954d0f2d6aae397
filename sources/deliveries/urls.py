"""Addresses of the pages of deliveries."""

urlpatterns: list = []
