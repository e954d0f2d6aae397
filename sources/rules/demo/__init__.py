"""Demonstration content: a complete CRDS cache made for an observatory without any download."""

from .cache import DemoSummary, build_demo_cache

__all__ = ["DemoSummary", "build_demo_cache"]
