"""Lists: pages of rows with filters in the address, sorting and paging on the server, downloads.

A page gives :func:`list_response` its rows as a queryset, a :class:`Table` that says what
is shown, and perhaps :class:`Filters`.  Sorting, filters and page live in the address, so
every list can be linked; the same address with ``format=csv`` (``json``, ``votable``)
downloads all of its rows.  Columns of catalogue values are in ``interactive.columns``.
"""

from .columns import DayColumn, LongTextColumn, NumberColumn, TextColumn, TimeColumn
from .filters import Choice, Filters, GlobFilter, MomentFilter, TextFilter
from .responses import list_response
from .tables import Table

__all__ = [
    "Choice",
    "DayColumn",
    "Filters",
    "GlobFilter",
    "LongTextColumn",
    "MomentFilter",
    "NumberColumn",
    "Table",
    "TextColumn",
    "TextFilter",
    "TimeColumn",
    "list_response",
]
