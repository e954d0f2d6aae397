"""Why a reference was selected, or none: every step of the library, written down.

:func:`explain` answers for a context and a header; :mod:`.model` is what it answers.
The trace runs through the library's own selectors (:mod:`.tracing`), and its answer
is held against :mod:`rules.selection`, which asks the library as a whole.
"""

from .explanation import explain, explain_rule
from .model import Cause, Explanation, Mark, Outcome, TypeExplanation
from .tracing import Extent

__all__ = ["Cause", "Explanation", "Extent", "Mark", "Outcome", "TypeExplanation",
           "explain", "explain_rule"]
