"""Addresses of the best references pages."""

from __future__ import annotations

urlpatterns = []
