"""Small queries that many requests ask.

For a query by key, Django takes ten times longer to write the SQL than the
database takes to answer it.  Here the SQL is written once, by Django, from a
queryset as everywhere else; only the values differ from call to call.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections
from django.db.models import QuerySet


class Query:
    """The rows of a queryset of ``values_list`` whose filter has one open text value.

    ``make`` gets the value and returns the queryset::

        NAMES = Query(lambda name: Book.objects.filter(name=name).values_list("author"))
        NAMES.rows("Emma")

    Values reach Python as the database returns them: for text and integers only.
    """

    #: Stands in the SQL's parameters where the value belongs; no text of ours equals it.
    PLACE = "\x00the value\x00"

    def __init__(self, make: Callable[[str], QuerySet]):
        self.make = make
        self._compiled: tuple[str, str, tuple] | None = None

    def rows(self, value: str) -> list[tuple]:
        alias, sql, parameters = self._compiled or self._compile()
        with connections[alias].cursor() as cursor:
            cursor.execute(sql, [value if p == self.PLACE else p for p in parameters])
            return cursor.fetchall()

    def value(self, value: str):
        """First field of the first row, None if there is no row."""
        rows = self.rows(value)
        return rows[0][0] if rows else None

    def _compile(self) -> tuple[str, str, tuple]:
        queryset = self.make(self.PLACE)
        compiler = queryset.query.get_compiler(using=queryset.db)
        sql, parameters = compiler.as_sql()
        self._compiled = (queryset.db, sql, tuple(parameters))
        return self._compiled
