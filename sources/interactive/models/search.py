"""The index of the search: which files have which word in which field."""

from __future__ import annotations

from django.db import models


class SearchWord(models.Model):
    """The files that have ``word`` in ``field``.

    ``files`` is a packed set of primary keys (see ``services.search.postings``).  The index is
    made from the catalogue and the rules and can be made anew at any time
    (``manage index_catalogue``).
    """

    word = models.CharField(max_length=64)
    field = models.CharField(max_length=64, help_text="column, or parameter in lower case")
    count = models.PositiveIntegerField(default=0, help_text="number of files")
    files = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["word", "field"], name="searchword_once"),
        ]
        indexes = [
            # Words are looked up with their counts before any set of files is read.
            models.Index(fields=["word", "field", "count"], name="searchword_counted"),
        ]

    def __str__(self) -> str:
        return f"{self.field}:{self.word} in {self.count} files"
