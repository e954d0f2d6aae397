"""REST API of best references."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["best references"])
