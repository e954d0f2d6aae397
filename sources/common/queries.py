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
    """The rows of a queryset of ``values_list`` whose filters have open text values.

    ``make`` gets the values and returns the queryset::

        AUTHOR = Query(lambda title: Book.objects.filter(title=title).values_list("author"))
        AUTHOR.rows("Emma")

    Values reach Python as the database returns them: for text and integers only.
    """

    def __init__(self, make: Callable[..., QuerySet]):
        self.make = make
        self._compiled: tuple[str, str, list] | None = None

    def rows(self, *values: str) -> list[tuple]:
        alias, sql, parameters = self._compiled or self._compile(len(values))
        given = dict(zip(map(_place, range(len(values))), values, strict=True))
        with connections[alias].cursor() as cursor:
            cursor.execute(sql, [given.get(p, p) for p in parameters])
            return cursor.fetchall()

    def value(self, *values: str):
        """First field of the first row, None if there is no row."""
        rows = self.rows(*values)
        return rows[0][0] if rows else None

    def _compile(self, count: int) -> tuple[str, str, list]:
        queryset = self.make(*map(_place, range(count)))
        sql, parameters = queryset.query.get_compiler(using=queryset.db).as_sql()
        self._compiled = queryset.db, sql, list(parameters)
        return self._compiled


def _place(index: int) -> str:
    """What stands among the parameters in place of a value; no text of ours equals it."""
    return f"\x00value {index}\x00"
