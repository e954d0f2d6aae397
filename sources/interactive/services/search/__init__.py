"""The search over the whole catalogue.

* :mod:`.words` how texts and values become words
* :mod:`.postings` sets of files as bytes
* :mod:`.index` writes the index; called by every service that adds files or rules
* :mod:`.query` reads what a person typed
* :mod:`.find` answers it: files in order, facets, where they match
"""

from .find import Answer, Hit, search
from .query import MAX_LENGTH, Query, Term, parse

__all__ = ["MAX_LENGTH", "Answer", "Hit", "Query", "Term", "parse", "search"]
