"""What a page about best references is asked, and how it stands in an address.

Our own parameters have lower-case names (``id``, ``context``, ``context2``, ``name``);
every parameter whose name is in upper case is a keyword of a header:
``?context=hst-latest&INSTRUME=ACS&DETECTOR=WFC``.  So results and explanations of a
dataset or header have an address that can be kept and sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from common.errors import BadRequest

#: What can be a keyword in an address, and how much of it is taken.
KEYWORD = re.compile(r"[A-Z][A-Z0-9_.\- ]{0,127}")
MAX_KEYWORDS = 400
MAX_VALUE = 1024
MAX_TEXT = 256


@dataclass(frozen=True)
class Question:
    """A dataset (``id``) or a ``header``, under ``context`` and perhaps a second context.

    Contexts are as the user wrote them: names, roles or dates; empty means the latest.
    ``name`` says where the header came from, for people.
    """

    id: str = ""
    header: dict[str, str] = field(default_factory=dict)
    context: str = ""
    context2: str = ""
    name: str = ""

    @property
    def asked(self) -> bool:
        return bool(self.id or self.header)

    def query(self) -> str:
        """The part of an address after ``?``."""
        own = [(key, value) for key in ("id", "name", "context", "context2")
               if (value := getattr(self, key))]
        return urlencode([*own, *self.header.items()], quote_via=quote, safe=":,/*")

    def under(self, context: str, context2: str = "") -> Question:
        """The same about other contexts."""
        return replace(self, context=context, context2=context2)


def from_query(query: Mapping[str, str]) -> Question:
    """The question in the parameters of an address; BadRequest says which one cannot be."""
    own = {key: text(query.get(key, ""), key) for key in ("id", "name", "context", "context2")}
    return Question(**own, header=header(query))


def header(query: Mapping[str, str]) -> dict[str, str]:
    """Keywords of a header among the parameters of an address: those in upper case."""
    found = {key: query[key] for key in query if KEYWORD.fullmatch(key)}
    if len(found) > MAX_KEYWORDS:
        raise BadRequest(
            f"The address has {len(found)} keywords; at most {MAX_KEYWORDS} are taken."
            " Leave out those that no rule asks for.")
    for key, value in found.items():
        text(value, key, MAX_VALUE)
    return {key: value.strip() for key, value in found.items() if value.strip()}


def text(value: str, what: str, longest: int = MAX_TEXT) -> str:
    """``value`` without blanks around it, if it is short and printable."""
    value = value.strip()
    if len(value) > longest:
        raise BadRequest(f"The value of {what} is longer than {longest} characters.")
    if not value.isprintable():
        raise BadRequest(f"The value of {what} has characters that cannot be printed.")
    return value
