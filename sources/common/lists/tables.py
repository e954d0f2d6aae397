"""The base of all tables of lists, and how their pages are counted."""

from __future__ import annotations

import django_tables2 as tables
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django_tables2.data import TableQuerysetData

from common.formats import NOTHING

from . import cells

#: Rows that are counted exactly; beyond, a page says "more than".  Counting a
#: million rows takes longer than finding the fifty that are shown.
COUNTED = 100_000


class CappedPaginator(Paginator):
    """Counts at most :data:`COUNTED` rows, and pages through no more than these.

    Nobody turns two thousand pages; filters and sorting lead to the rows behind them.
    Rows that know their number without counting (lists, arrays) are all paged through.
    """

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNTED) if self._counting else self._counted

    @cached_property
    def capped(self) -> bool:
        return self._counting and self._counted > COUNTED

    @cached_property
    def _counting(self) -> bool:
        return isinstance(self._rows, QuerySet)

    @cached_property
    def _rows(self):
        return getattr(getattr(self.object_list, "data", None), "data", None)

    @cached_property
    def _counted(self) -> int:
        if not self._counting:
            return len(self.object_list)
        # Counting needs no order, and of the columns only the key.
        return self._rows.order_by().values("pk")[:COUNTED + 1].count()


class OrderedRows(TableQuerysetData):
    """Rows in an order without ties, so that none is on two pages and none on no page."""

    def order_by(self, aliases) -> None:
        super().order_by(aliases)
        order = self.data.query.order_by or tuple(self.model._meta.ordering)
        last = str(order[-1]) if order else ""
        if last.lstrip("-") not in ("pk", "id"):
            self.data = self.data.order_by(*order, "-pk" if last.startswith("-") else "pk")


class Table(tables.Table):
    """What a list shows: columns by attribute, in this order.

    Only columns that an index serves should be ``orderable``; the others would sort the
    whole catalogue for each page.
    """

    class Meta:
        template_name = "lists/table.html"
        per_page = 50
        orderable = False
        default = NOTHING
        empty_text = "Nothing here."

    def __init__(self, data, **kwargs):
        if isinstance(data, QuerySet):
            data = OrderedRows(data)
        super().__init__(data, **kwargs)

    def body(self) -> SafeString:
        """The rows of the page as HTML."""
        return cells.body(self)
