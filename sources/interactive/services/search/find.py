"""Answers searches: which files, in what order, how they divide, and where they match.

The number of database queries does not depend on the query or on what is found: the state of
the catalogue, words of the index, their sets of files, checksums, texts for phrases, and the
rows that are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import reduce
from operator import or_

import numpy as np
from django.db.models import Q

from interactive.models import CatalogFile, SearchWord

from .. import columns as catalogue_columns
from ..columns import LATEST_BIT, Columns, FileRows, Group
from ..file_lists import UNSEEN
from . import postings, words
from .index import TEXT_FIELDS
from .query import COLUMNS, Query, Term, parse
from .snippets import Match, matches

#: Shortest beginning of a word that finds longer ones.
MIN_PREFIX = 3

#: Most words of the index that are looked at, and that one word of the query stands for.
MAX_ROWS = 3000
MAX_EXPANSION = 60

#: Files whose texts are compared with a phrase, the best first.
MAX_COMPARED = 1000

#: Values of a facet that are listed.
MAX_FACET = 30

FACETS = ("type", "instrument", "filekind", "state")

#: Weight of a match, by where it is.
NAME, VALUE, TEXT = 4, 2, 1
EXACT = 63

FLAGS = ("stored", "rejected", "blacklisted")


@dataclass(frozen=True)
class Word:
    """A row of the index without its files."""

    pk: int
    word: str
    field: str
    count: int


@dataclass(frozen=True)
class Hit:
    """A file that was found, and where it matches."""

    file: CatalogFile
    matches: list[Match]


@dataclass
class Answer:
    """What a search found: ``hits`` are those of the page asked for, ``total`` is of all.

    ``facets`` hold (value, count) by column, most frequent first.  ``jump`` is the one file
    that the query names by its name or checksum, or None.
    """

    query: Query
    total: int = 0
    hits: list[Hit] = field(default_factory=list)
    facets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    jump: str | None = None
    remarks: list[str] = field(default_factory=list)


def search(text: str, *, only: dict[str, str] | None = None, start: int = 0,
           length: int = 25) -> Answer:
    """The published files that match ``text``; ``only`` narrows by :data:`FACETS`."""
    query = parse(text)
    answer = Answer(query, remarks=list(query.remarks))
    if not query.terms:
        return answer
    columns = catalogue_columns.current()
    finder = _Finder(columns, query)
    ids, order = _found(finder, only, answer.remarks)
    answer.total = len(ids)
    answer.facets = _facets(columns, ids)
    answer.jump = finder.jump()
    shown = _page(ids, order, start, length)
    files = CatalogFile.objects.in_bulk(shown)
    answer.hits = [Hit(files[pk], matches(files[pk], query, finder.values_of(pk)))
                   for pk in shown if pk in files]
    return answer


def rows(text: str, *, only: dict[str, str] | None = None) -> FileRows:
    """All published files that match ``text`` as rows of a list, the newest first."""
    query, columns = parse(text), catalogue_columns.current()
    ids = []
    if query.terms:
        ids, _ = _found(_Finder(columns, query), only, [])
    return FileRows(columns, columns.ids(ids), ("-delivery_date",), deferred=UNSEEN)


def _found(finder: _Finder, only: dict[str, str] | None,
           remarks: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Primary keys of the files that match, and numbers that rise from the best to the last."""
    columns = finder.columns
    mask, score = finder.masks()
    for name, value in (only or {}).items():
        mask &= columns.where(lambda group, n=name, v=value: getattr(group, n) == v)
    ids = np.flatnonzero(mask)
    order = _order(columns, ids, score)
    kept = finder.compare_phrases(ids, order, remarks)
    return (ids, order) if kept is None else (kept, _order(columns, kept, score))


def _order(columns: Columns, ids: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Numbers that rise from the best file to the last: by score, latest, newest."""
    return -((score[ids].astype(np.int64) << (LATEST_BIT + 1)) | columns.order[ids])


def _page(ids: np.ndarray, order: np.ndarray, start: int, length: int) -> list[int]:
    stop = min(start + length, len(ids))
    if stop <= start:
        return []
    best = np.argpartition(order, stop - 1)[:stop]
    return ids[best[np.argsort(order[best])]][start:stop].tolist()


def _facets(columns: Columns, ids: np.ndarray) -> dict[str, list[tuple[str, int]]]:
    counts = np.bincount(columns.group[ids], minlength=len(columns.groups))
    facets = {}
    for name in FACETS:
        found: Counter = Counter()
        for number in np.flatnonzero(counts):
            found[getattr(columns.groups[number], name)] += int(counts[number])
        facets[name] = [(value, count) for value, count in found.most_common(MAX_FACET) if value]
    return facets


class _Finder:
    """One search over :class:`Columns` and the index."""

    def __init__(self, columns: Columns, query: Query):
        self.columns = columns
        self.query = query
        self.rows = _look_up(query.terms)
        self.chosen = {term: self._choose(term) for term in query.terms}
        self.whole = {term: [row for row in self.rows if row.word == term.whole
                             and _field_fits(term.field, row.field)] for term in query.terms}
        wanted = {row.pk for row in self._chosen_rows()}
        self.files = dict(SearchWord.objects.filter(pk__in=wanted).values_list("pk", "files"))
        self.sha1 = _by_sha1(query.terms)

    # ---- words -------------------------------------------------------------

    def _chosen_rows(self) -> Iterator[Word]:
        for term in self.query.terms:
            for rows in (*self.chosen[term], self.whole[term]):
                yield from rows

    def _choose(self, term: Term) -> list[list[Word]]:
        """For each word of ``term`` the rows of the index that it stands for."""
        if term.field in COLUMNS or term.moment:
            return []
        rows = [row for row in self.rows if _field_fits(term.field, row.field)]
        if term.pattern:
            matcher = re.compile(translate(words.fold(term.text)))
            return [_most(row for row in rows if matcher.match(row.word))]
        chosen = []
        for number, word in enumerate(term.words):
            last = number == len(term.words) - 1
            begins = last and not (term.phrase or term.field) and len(word) >= MIN_PREFIX
            exact = [row for row in rows if row.word == word]
            longer = _most(row for row in rows if begins and row.word != word
                           and row.word.startswith(word))
            chosen.append(exact + longer)
        return chosen

    def _weights_of(self, rows: Iterable[Word]) -> np.ndarray:
        """Weight by file of the best of ``rows``: in names, in values of parameters, in texts."""
        masks: dict[int, np.ndarray] = {}
        for row in rows:
            if row.pk in self.files:
                weight = TEXT if row.field in TEXT_FIELDS else VALUE
                weight = NAME if row.field in ("name", "uploaded_as") else weight
                if weight not in masks:
                    masks[weight] = np.zeros(self.columns.length, bool)
                postings.mark(masks[weight], self.files[row.pk])
        weights = np.zeros(self.columns.length, np.uint8)
        for weight in sorted(masks):
            np.putmask(weights, masks[weight], weight)
        return weights

    # ---- masks -------------------------------------------------------------

    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Which files match every term, and the sum of the weights of their matches."""
        mask = self.columns.all().copy()
        score = np.zeros(self.columns.length, np.uint8)
        for term in self.query.terms:
            weight = self._weights(term)
            if term.negative:
                mask &= weight == 0
            else:
                mask &= weight > 0
                score += np.minimum(weight, EXACT // len(self.query.terms))
        for term in self.query.terms:
            if not term.negative and term.field in ("", "name") and not term.pattern:
                score[self.columns.named(term.text)] = EXACT
        return mask, np.minimum(score, EXACT)

    def _weights(self, term: Term) -> np.ndarray:
        """Weight of the best match of ``term`` by file, 0 where there is none."""
        columns = self.columns
        if term.moment:
            start, end = (term.moment, None) if term.field == "after" else (None, term.moment)
            return columns.between("delivery_date", start, end).astype(np.uint8)
        if term.field in COLUMNS:
            return NAME * columns.where(
                lambda group: _is_value(group, term.field, term.text)).astype(np.uint8)
        weight = self._word_weights(term)
        if self.whole[term]:
            weight = np.maximum(weight, self._weights_of(self.whole[term]))
        for found in self._whole(term):
            weight[found] = NAME
        return weight

    def _word_weights(self, term: Term) -> np.ndarray:
        """A file needs every word; its weight is that of the weakest."""
        weights = []
        for word, rows in zip(term.words or ("",), self.chosen[term], strict=False):
            weight = self._weights_of(rows)
            if word and not term.field and not term.phrase:
                np.putmask(weight, self.columns.where(
                    lambda group, w=word: _has_word(group, w)), NAME)
            weights.append(weight)
        if not weights:
            return np.zeros(self.columns.length, np.uint8)
        return reduce(np.minimum, weights)

    def _whole(self, term: Term) -> list[np.ndarray]:
        """Files whose name, uploaded name or checksum the whole text of ``term`` fits."""
        if term.phrase:
            return []
        found = []
        begun = len(term.text) >= MIN_PREFIX and not term.pattern
        pattern = term.text + "*" * begun
        if term.field in ("", "name"):
            found.append(self.columns.named(pattern))
        if term.field in ("", "uploaded_as"):
            found.append(self.columns.uploaded_as(pattern))
        if term.sha1:
            found.append(np.flatnonzero(self.columns.ids(
                [pk for pk, sha1 in self.sha1 if sha1.startswith(term.sha1)])))
        return found

    # ---- phrases, jumps, matches ---------------------------------------------

    def compare_phrases(self, ids: np.ndarray, order: np.ndarray,
                        remarks: list[str]) -> np.ndarray | None:
        """``ids`` without the files that have the words of a phrase, but not in its order.

        None if the query has no phrase.
        """
        phrases = [term for term in self.query.terms
                   if term.phrase and len(term.words) > 1 and not term.negative]
        if not phrases:
            return None
        if len(ids) > MAX_COMPARED:
            remarks.append(f"More than {MAX_COMPARED:,} files have these words; the phrase was"
                           " looked for in the newest of them.")
        best = _page(ids, order, 0, MAX_COMPARED)
        fields = sorted({row.field for term in phrases for rows in self.chosen[term]
                         for row in rows if row.field in TEXT_FIELDS})
        wanted = [(term.field, term.words) for term in phrases]
        rows = (CatalogFile.objects.filter(pk__in=best).values_list("pk", *fields)
                if fields else ())
        kept = [pk for pk, *texts in rows
                if _have_phrases(dict(zip(fields, texts, strict=True)), wanted)]
        return np.array(sorted(kept), np.int64)

    def jump(self) -> str | None:
        """The file that the query names: its only term is a whole name or checksum."""
        if len(self.query.terms) != 1:
            return None
        term = self.query.terms[0]
        if term.negative or term.phrase or term.pattern or term.field not in (
                "", "name", "sha1sum"):
            return None
        found = self.columns.named(term.text)
        if not len(found) and len(term.sha1) == 40:
            found = np.flatnonzero(self.columns.ids([pk for pk, _ in self.sha1]))
        return self.columns.name_of(found)[0] if len(found) == 1 else None

    def values_of(self, pk: int) -> list[tuple[str, str]]:
        """(parameter, value) of the rules that made the file ``pk`` a match."""
        found = {}
        for row in self._chosen_rows():
            if row.field in TEXT_FIELDS or row.pk not in self.files:
                continue
            if postings.contains(self.files[row.pk], pk):
                found[row.field, row.word] = None
        return list(found)


def _have_phrases(texts: dict[str, str], wanted: list[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether the words of every phrase stand in one of the texts, one after the other."""
    for field_name, phrase in wanted:
        places = [text for name, text in texts.items() if field_name in ("", name)]
        if not any(_has_phrase(text, phrase) for text in places):
            return False
    return True


def _has_phrase(text: str, phrase: tuple[str, ...]) -> bool:
    if phrase[0] not in words.fold(text):
        return False
    have = words.in_order(text)
    length = len(phrase)
    return any(tuple(have[at:at + length]) == phrase
               for at, word in enumerate(have) if word == phrase[0])


def _most(rows: Iterable[Word]) -> list[Word]:
    """The most frequent of ``rows``."""
    return sorted(rows, key=lambda row: -row.count)[:MAX_EXPANSION]


def _field_fits(wanted: str, name: str) -> bool:
    """Whether the field ``name`` of the index is meant by ``wanted``.

    Parameters of JWST and Roman may be named by their last part: ``detector``.
    """
    return not wanted or name == wanted or name.endswith("." + wanted)


def _is_value(group: Group, column: str, text: str) -> bool:
    """Whether a column, or a flag under ``is:``, has the value ``text``."""
    value = words.fold(text)
    if column == "extension":
        return group.extension.lstrip(".") == value.lstrip(".")
    if column == "state" and value in FLAGS:
        return getattr(group, value)
    if column == "filekind" and value in (group.type, group.extension.lstrip(".")):
        return True
    have = getattr(group, column)
    if "*" in value or "?" in value:
        return re.compile(translate(value)).match(have) is not None
    return have == value


def _has_word(group: Group, word: str) -> bool:
    """Whether ``word`` names the instrument, type, kind or state of a file."""
    have = (group.instrument, group.filekind, group.type, group.extension.lstrip("."),
            group.state)
    if word in have:
        return True
    if word in FLAGS:
        return word != "stored" and getattr(group, word)
    return len(word) >= MIN_PREFIX and any(value.startswith(word) for value in have[:2])


# ---- questions to the database -------------------------------------------------


def _look_up(terms: Iterable[Term]) -> list[Word]:
    """The rows of the index that the terms may stand for; one query."""
    questions = []
    for term in terms:
        if term.field in COLUMNS or term.moment:
            continue
        if term.pattern:
            question = _pattern_question(term)
            if question:
                questions.append(question)
            continue
        for number, word in enumerate(term.words):
            last = number == len(term.words) - 1
            if last and not (term.phrase or term.field) and len(word) >= MIN_PREFIX:
                questions.append(Q(word__gte=word, word__lt=word + "\U0010ffff"))
            else:
                questions.append(Q(word=word))
        if term.whole not in term.words:
            questions.append(Q(word=term.whole))
    if not questions:
        return []
    rows = (SearchWord.objects.filter(reduce(or_, questions))
            .values_list("pk", "word", "field", "count")[:MAX_ROWS])
    return [Word(*row) for row in rows]


def _pattern_question(term: Term) -> Q | None:
    """Words that may fit a pattern, None where no word can.

    Without a beginning the words of one field are looked through; those of all fields are too
    many, and what people mean then are names.
    """
    pattern = words.fold(term.text)
    prefix = re.split(r"[*?]", pattern, maxsplit=1)[0]
    if not re.fullmatch(r"[^\W_]*", prefix) and not term.field:
        return None
    if prefix:
        return Q(word__gte=prefix, word__lt=prefix + "\U0010ffff")
    return Q(field=term.field) if term.field and term.field not in TEXT_FIELDS else None


def _by_sha1(terms: Iterable[Term]) -> list[tuple[int, str]]:
    """Files with the checksums, or beginnings of such, among the terms."""
    questions = [Q(sha1sum__gte=term.sha1, sha1sum__lt=term.sha1 + "g")
                 for term in terms if term.sha1]
    if not questions:
        return []
    return list(CatalogFile.objects.published().filter(reduce(or_, questions))
                .values_list("pk", "sha1sum")[:1000])
