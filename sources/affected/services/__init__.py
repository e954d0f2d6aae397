"""Which datasets a change of rules affects.

::

    from affected.services import preview

    found = preview("hst_acs_biasfile_0250.rmap", text)
    found.affected, found.examples, found.complete
"""

from .previewing import Example, Preview, preview

__all__ = ["Example", "Preview", "preview"]
