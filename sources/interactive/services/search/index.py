"""Writes the index of the search.

Called inside the transaction of every service that adds files or rules to the catalogue, so
that the index is as old as the catalogue, never older.  States, flags, instruments and types
are not in it: searches take them from :mod:`interactive.services.columns`.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from django.db import connection, transaction

from interactive.models import CatalogFile, CatalogRevision, SearchWord
from rules.reading import RuleFile

from . import postings, words

#: Columns whose texts are searched.
TEXT_FIELDS = (
    "name", "uploaded_as", "description", "comment", "history", "pedigree", "aperture",
    "reference_file_type", "creator_name", "deliverer_user", "derived_from",
    "replaced_by_filename", "catalog_link")

#: Files and words that are read or written at a time.
ROWS = 5000
BATCH = 1000

#: Bytes of sets that one statement carries; databases limit what they take at once.
MOST_BYTES = 4_000_000

#: (word, field) to the primary keys of the files that have it.
Found = dict[tuple[str, str], array]


class Collector:
    """Gathers words of many files before they are written, each word once."""

    def __init__(self):
        self.found: Found = defaultdict(lambda: array("I"))
        self._texts: dict[str, list[str]] = {}

    def add_file(self, pk: int, texts: Iterable[tuple[str, str]]) -> None:
        """``texts`` are (field, text) of the file ``pk``."""
        found = self.found
        for field, text in texts:
            if text:
                known = self._words(text)
                # Names that begin with a time are all different; they are found by their
                # beginning without the index, which would grow by a word for each file.
                if field == "name" and known and any(map(str.isdigit, known[0])):
                    known = known[1:]
                for word in known:
                    found[word, field].append(pk)

    def _words(self, text: str) -> list[str]:
        """Words of ``text``: deliveries give the same description to many files."""
        known = self._texts.get(text)
        if known is None:
            known = words.words(text)
            if len(self._texts) > 20_000:
                self._texts.clear()
            self._texts[text] = known
        return known

    def add_cases(self, parameters: tuple[str, ...], values: tuple[str, ...],
                  keys: Iterable[int]) -> None:
        """The files ``keys`` are selected for ``values`` of ``parameters``."""
        keys = array("I", keys)
        for parameter, value in zip(parameters, values, strict=False):
            for word in words.values(value):
                self.found[word, field_name(parameter)].extend(keys)


def cases_of(rules: Iterable[RuleFile], keys: dict[str, int]) -> Iterator[tuple]:
    """Cases of ``rules`` for :func:`add`; ``keys`` are primary keys by file name.

    Versions of a rule repeat most of their cases, so equal ones are put together first.
    """
    together: dict[tuple, set[str]] = defaultdict(set)
    for rule in rules:
        for values, names in rule.cases:
            together[rule.parameters, values].update(names)
    for (parameters, values), names in together.items():
        yield parameters, values, [keys[name] for name in names if name in keys]


def field_name(parameter: str) -> str:
    """The field under which values of a rule's ``parameter`` are found."""
    return words.fold(parameter)[-64:]


def add(files: Iterable[int], cases: Iterable[tuple] = ()) -> int:
    """Add the files with these primary keys, and what rules select them for.

    ``cases`` are (parameters, values, primary keys of references) of new rules.  Adding what
    is there already changes nothing.  Returns the number of words that were touched.
    """
    collector = Collector()
    for pk, texts in _texts(files):
        collector.add_file(pk, texts)
    for parameters, values, keys in cases:
        collector.add_cases(parameters, values, keys)
    with transaction.atomic():
        _lock()
        return _write(collector.found)


def remove(files: Iterable[int]) -> None:
    """Forget the words of files, before their changed texts are added.  Reads the whole index."""
    gone = np.fromiter(files, np.int64)
    if not len(gone):
        return
    with transaction.atomic():
        _lock()
        changed = []
        for row in SearchWord.objects.iterator(chunk_size=BATCH):
            keys = postings.unpack(row.files)
            kept = keys[~np.isin(keys, gone)]
            if len(kept) < len(keys):
                row.files, row.count = postings.pack(kept), len(kept)
                changed.append(row)
        SearchWord.objects.bulk_update(changed, ["files", "count"], batch_size=BATCH)
        SearchWord.objects.filter(count=0).delete()


def rebuild(cases: Iterable[tuple] = ()) -> int:
    """Make the whole index anew; returns the number of its words."""
    collector = Collector()
    with transaction.atomic():
        _lock()
        for pk, texts in _texts(None):
            collector.add_file(pk, texts)
        for parameters, values, keys in cases:
            collector.add_cases(parameters, values, keys)
        SearchWord.objects.all().delete()
        _insert(collector.found)
    return len(collector.found)


def _lock() -> None:
    """One writer at a time: each reads a set of files, adds to it and writes it back."""
    CatalogRevision.objects.select_for_update().filter(pk=1).first()


def _texts(files: Iterable[int] | None) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Primary key and (field, text) of the files, or of all."""
    rows = CatalogFile.objects.order_by("pk").values_list("pk", *TEXT_FIELDS)
    if files is None:
        chunks = [rows.iterator(chunk_size=ROWS)]
    else:
        keys = sorted(files)
        chunks = (rows.filter(pk__in=keys[start:start + ROWS])
                  for start in range(0, len(keys), ROWS))
    for chunk in chunks:
        for pk, *texts in chunk:
            yield pk, list(zip(TEXT_FIELDS, texts, strict=True))


def _write(found: Found) -> int:
    """Add ``found`` to what is there."""
    if not SearchWord.objects.exists():
        _insert(found)
        return len(found)
    by_word = defaultdict(list)
    for word, field in found:
        by_word[word].append(field)
    names = sorted(by_word)
    for start in range(0, len(names), BATCH):
        batch = {(word, field): found[word, field]
                 for word in names[start:start + BATCH] for field in by_word[word]}
        changed = []
        for row in SearchWord.objects.filter(word__in=names[start:start + BATCH]):
            new = batch.pop((row.word, row.field), None)
            if new is None:
                continue
            keys = postings.unpack(row.files)
            merged = np.union1d(keys, _keys(new))
            if len(merged) > len(keys):
                row.files, row.count = postings.pack(merged), len(merged)
                changed.append(row)
        SearchWord.objects.bulk_update(changed, ["files", "count"], batch_size=200)
        _insert(batch)
    return len(found)


def _insert(found: Found) -> None:
    """Add rows; hundreds of thousands, hence plain SQL."""
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, ("word", "field", "count", "files")))
    statement = (f"INSERT INTO {quote(SearchWord._meta.db_table)} ({columns})"
                 " VALUES (%s, %s, %s, %s)")
    rows, size = [], 0
    with connection.cursor() as cursor:
        for word, field in sorted(found):
            keys = _keys(found[word, field])
            data = postings.pack(keys)
            rows.append((word, field, len(keys), data))
            size += len(data)
            if len(rows) == ROWS or size > MOST_BYTES:
                cursor.executemany(statement, rows)
                rows, size = [], 0
        if rows:
            cursor.executemany(statement, rows)


def _keys(found: array) -> np.ndarray:
    """The different keys, sorted."""
    keys = np.frombuffer(found, np.uint32).astype(np.int64)
    return keys if len(keys) == 1 else np.unique(keys)
