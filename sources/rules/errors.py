"""What the library raises, for those who answer for it."""

from __future__ import annotations

from crds.core.exceptions import CrdsError

__all__ = ["CrdsError"]
