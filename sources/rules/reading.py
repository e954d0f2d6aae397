"""One rule file, read by the client library's own parser without loading what it refers to.

Used by imports in worker processes and by submissions: no Django here.  Call
:func:`rules.environment.prepare` before, as for everything that uses the library.
The library checks the syntax tree of a rule before it evaluates it, so a rule
from outside is data, never code.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

KINDS = ("pmap", "imap", "rmap")

#: What the ``mapping`` field of the header says for each kind.
HEADER_KINDS = {"pmap": "pipeline", "imap": "instrument", "rmap": "reference"}

#: A name that can be a file of the catalogue: no folders, nothing hidden.
CATALOG_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

#: The largest rule file that is read, in bytes; the largest real one has 2 MB.
SIZE_LIMIT = 64 * 1024 * 1024

#: Codes of problems, see :attr:`RuleFile.code`.
UNREADABLE, UNPARSABLE, CHECKSUM, WRONG_KIND, BAD_NAMES = (
    "unreadable", "unparsable", "checksum", "wrong-kind", "bad-names")


@dataclass(frozen=True)
class RuleFile:
    """What a rule file says.

    ``header`` keeps the plain text fields of the header in the file's own case.
    ``children`` are (key, file name) pairs of a pmap or imap, the key in lower
    case; ``references`` the names in an rmap.  Special values such as ``N/A``
    are in neither.  ``cases`` says for what an rmap selects references: pairs of the values of
    ``parameters`` (texts as the library reads them, with their or-bars) and reference names.
    ``problem`` is None, or a sentence that says why the file
    cannot be used, and ``code`` the kind of problem; with a wrong checksum all
    other fields are filled, with other problems as far as the file could be read.
    """

    name: str
    kind: str
    size: int = 0
    sha1sum: str = ""
    header: dict[str, str] = field(default_factory=dict)
    children: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    cases: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    code: str = ""
    problem: str | None = None

    @property
    def header_name(self) -> str:
        """The name that the file gives itself."""
        return self.header.get("name", "")

    @property
    def observatory(self) -> str:
        return self.header.get("observatory", "").lower()

    @property
    def instrument(self) -> str:
        return self.header.get("instrument", "").lower()

    @property
    def filekind(self) -> str:
        return self.header.get("filekind", "").lower()

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that this one names."""
        return tuple(dict.fromkeys([*(name for _, name in self.children), *self.references]))


def is_catalog_name(name: str) -> bool:
    """Whether ``name`` is a plain file name that the catalogue can hold."""
    return bool(CATALOG_NAME.fullmatch(name))


def read_rule(path: Path | str) -> RuleFile:
    """Read the rule file at ``path``; never raises for what is in it or that it is not there."""
    path = Path(path)
    kind = path.suffix.lstrip(".")
    try:
        if path.stat().st_size > SIZE_LIMIT:
            return RuleFile(path.name, kind, size=path.stat().st_size, code=UNREADABLE,
                            problem=f"The file is larger than {SIZE_LIMIT // 2**20} MB,"
                                    " too large for a rule file.")
        data = path.read_bytes()
    except OSError as exc:
        return RuleFile(path.name, kind, code=UNREADABLE,
                        problem=f"The file cannot be read: {exc.strerror or exc}.")
    return parse_rule(path.name, data)


def parse_rule(name: str, data: bytes) -> RuleFile:
    """The rule file called ``name`` with the content ``data``."""
    kind = name.rpartition(".")[2]
    known = {"name": name, "kind": kind, "size": len(data),
             "sha1sum": hashlib.sha1(data, usedforsecurity=False).hexdigest()}
    if kind not in KINDS:
        return RuleFile(**known, code=WRONG_KIND,
                        problem="The name does not end in .pmap, .imap or .rmap.")
    try:
        # As the library reads files: line ends of any system become "\n".
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
        mapping = _parse(name, kind, text)
    except Exception as exc:  # the library raises whatever the content leads it to
        return RuleFile(**known, code=UNPARSABLE,
                        problem=f"The file is not a valid rule file: {_one_line(exc)}")
    known["header"] = {
        str(key): value for key, value in mapping.header.items() if isinstance(value, str)}
    declared = known["header"].get("mapping", "").lower()
    if declared != HEADER_KINDS[kind]:
        return RuleFile(**known, code=WRONG_KIND,
                        problem=f"The header says mapping = {declared!r}, but a .{kind} file"
                                f" must say {HEADER_KINDS[kind]!r}.")
    try:
        children, references = _contents(mapping)
    except Exception as exc:
        return RuleFile(**known, code=UNPARSABLE,
                        problem=f"The selector cannot be read: {_one_line(exc)}")
    known["children"], known["references"] = children, references
    known["parameters"], known["cases"] = _cases(mapping)
    for other in [*(child for _, child in children), *references]:
        if not is_catalog_name(other):
            return RuleFile(**known, code=BAD_NAMES,
                            problem=f"It refers to {other!r}, which is not a plain file name.")
    problem = _checksum_problem(mapping, text)
    return RuleFile(**known, code=CHECKSUM if problem else "", problem=problem)


def _parse(name: str, kind: str, text: str):
    from crds.core import rmap

    classes = {"pmap": rmap.PipelineContext, "imap": rmap.InstrumentContext,
               "rmap": rmap.ReferenceMapping}
    return classes[kind].from_string(text, name, ignore_checksum=True)


def _contents(mapping) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Children and references of a parsed ``mapping``."""
    from crds.core import rmap

    if isinstance(mapping.selector, dict):
        children = [(str(key).lower(), name) for key, name in mapping.selector.items()
                    if not rmap.is_special_value(name)]
        for _, name in children:
            if not isinstance(name, str):
                raise ValueError(f"{name!r} is not a file name")
        return tuple(children), ()
    names = mapping.selector.reference_names()
    return (), tuple(name for name in names if not rmap.is_special_value(name))


def _cases(mapping) -> tuple[tuple[str, ...], tuple]:
    """Parameters of an rmap's match cases, and (values, references) of each case."""
    from crds.core import rmap

    selector = mapping.selector
    if isinstance(selector, dict) or type(selector).__name__ != "MatchSelector":
        return (), ()
    cases = []
    for selection in selector._selections:
        key = selection.key if isinstance(selection.key, tuple) else (selection.key,)
        below = selection.choice
        names = below.reference_names() if hasattr(below, "reference_names") else [below]
        names = tuple(str(name) for name in names if not rmap.is_special_value(name))
        if names:
            cases.append((tuple(map(str, key)), names))
    return tuple(map(str, selector._parameters)), tuple(cases)


def _checksum_problem(mapping, text: str) -> str | None:
    from crds.core import exceptions

    try:
        mapping._check_hash(text)
    except exceptions.ChecksumError as exc:
        if "missing" in str(exc):
            return "The header has no sha1sum."
        return ("The checksum in the header does not fit the content:"
                " the file was changed without updating it.")
    return None


def _one_line(exc: Exception) -> str:
    text = " ".join(str(exc).split()) or type(exc).__name__
    return text if len(text) <= 300 else text[:297] + "..."
