"""What a person typed into the search box, taken apart.

``acs bias``               both words, in any field; a word also finds longer ones
``"flat field"``           these words, one after the other
``filter:F606W``           a value of one field or parameter; ``filter=F606W`` means the same
``type:biasfile -cte``     a column of the catalogue; a minus in front excludes
``hst_acs_*_025?.rmap``    a pattern for names
``after:2020-01-01``       delivered since then; ``before:`` likewise
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from common import dates, globs
from common.errors import BadRequest

from . import words

#: Longest query, and the most parts of one.
MAX_LENGTH = 300
MAX_TERMS = 12

TERM = re.compile(
    r'(?P<not>-?)(?:(?P<field>[^\W\d][\w.\-]*)[:=])?(?:"(?P<phrase>[^"]*)"?|(?P<plain>\S+))')

#: Other words for fields.
ALIASES = {
    "file": "name", "filename": "name",
    "uploaded": "uploaded_as", "upload": "uploaded_as",
    "sha1": "sha1sum", "sha": "sha1sum", "checksum": "sha1sum",
    "kind": "filekind", "type": "filekind", "reftype": "filekind",
    "instr": "instrument", "inst": "instrument",
    "status": "state", "is": "state",
    "ext": "extension",
    "reason": "description", "descrip": "description",
    "author": "creator_name", "creator": "creator_name",
    "deliverer": "deliverer_user",
    "derived": "derived_from", "replaced": "replaced_by_filename",
    "since": "after", "until": "before",
}

#: Fields that are columns of every file, compared as a whole.
COLUMNS = ("instrument", "filekind", "state", "extension")
DATES = ("after", "before")

SHA1 = re.compile(r"[0-9a-f]{6,40}")


@dataclass(frozen=True)
class Term:
    """One part: ``text`` as typed, looked for in ``field`` (empty: everywhere).

    ``words`` are all wanted, the last of a plain term also as the beginning of longer words;
    or ``whole``, which is how a value of a parameter would be in the index.
    """

    text: str
    field: str = ""
    negative: bool = False
    phrase: bool = False
    words: tuple[str, ...] = ()
    whole: str = ""
    moment: object = None

    @property
    def pattern(self) -> bool:
        return not self.phrase and globs.is_pattern(self.text)

    @property
    def sha1(self) -> str:
        text = self.text.lower()
        return text if self.field in ("", "sha1sum") and SHA1.fullmatch(text) else ""


@dataclass(frozen=True)
class Query:
    text: str
    terms: tuple[Term, ...] = ()
    #: What was left out or cannot be understood, for people.
    remarks: tuple[str, ...] = field(default=())


def parse(text: str) -> Query:
    """The parts of ``text``; never raises."""
    text = " ".join(text.replace("\0", " ").split())
    remarks = []
    if len(text) > MAX_LENGTH:
        remarks.append(f"Only the first {MAX_LENGTH} characters of the query were used.")
        text = text[:MAX_LENGTH]
    terms = []
    for found in TERM.finditer(text):
        if len(terms) == MAX_TERMS:
            remarks.append(f"Only the first {MAX_TERMS} parts of the query were used.")
            break
        term = _term(found, remarks)
        if term:
            terms.append(term)
    return Query(text, tuple(terms), tuple(remarks))


def _term(found: re.Match, remarks: list[str]) -> Term | None:
    name = words.fold(found["field"] or "")
    name = ALIASES.get(name, name)
    phrase = found["phrase"] is not None
    value = found["phrase"] if phrase else found["plain"]
    value = value.strip()
    negative = bool(found["not"])
    if name in DATES:
        try:
            return Term(value, name, negative, moment=dates.parse(value))
        except (BadRequest, OverflowError):
            remarks.append(f"“{value}” is not a date; write YYYY-MM-DD.")
            return None
    if not value:
        return None
    if not phrase and globs.is_pattern(value):
        return Term(value, name, negative)
    found = words.in_order(value) if phrase else words.words(value)
    return Term(value, name, negative, phrase, tuple(found), words.whole(value))
