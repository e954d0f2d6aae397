"""References into an rmap, as ``crds refactor insert`` does it, with what it says in findings.

The library stops at the first reference that it cannot insert, and says it in a log; here each
reference has its own findings and the others go on.  The trial of a submission inserts files
under the names that they were uploaded with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import overlaps, rule_text
from .change import ERROR, NOTE, WARNING, Change, Finding, compare, in_words

FIX = "Correct the file and upload it again; the other files can stay."
DIFFERENT = ("Correct the parameters of one of the files. If both are right, the rules need"
             " another parameter that tells them apart: change the rmap with \"Submit"
             " Mappings\", confirm it, and submit the files again.")
COINCIDE = ("Give the file parameters that coincide with a match case that is there, and submit"
            " it again; or change the match cases with \"Submit Mappings\" first.")

#: Tells a file of a trial from the reference in the rules that has the same name.
UPLOADED = " (uploaded)"

MERGED = ("HST rules with such overlaps merge both cases when they select. Check that this is"
          " meant.")


def insert(old_path: Path, new_path: Path, new_name: str, references: Sequence[Path], *,
           old_name: str = "") -> Change:
    """Make the rmap ``new_name`` at ``new_path`` from that at ``old_path`` with ``references``.

    ``references`` bear their final names.  Nothing is written if there are errors.  Raises
    :class:`rules.editing.rule_text.NotARule` when the old rmap cannot be read.
    """
    old = rule_text.load_path(old_path, old_name)
    inserted = _Insertion(old)
    for path in references:
        inserted.add(Path(path), Path(path).name)
    change = inserted.change(new_name)
    if change.ok:
        change.path = rule_text.write(new_path, change.text)
    return change


def trial(old_path: Path, references: Sequence[Path], *, old_name: str = "",
          names: Sequence[str] = ()) -> Change:
    """What inserting files under the names that they were uploaded with would do.

    ``names`` are these names if they are not those of the paths.  A file that is called as a
    reference in the rules is inserted as another file.
    """
    old = rule_text.load_path(old_path, old_name)
    there = set(old.reference_names())
    inserted = _Insertion(old)
    for path, name in zip(references, names or [Path(path).name for path in references],
                          strict=True):
        inserted.add(Path(path), name + UPLOADED if name in there else name, name)
    return inserted.change("trial.rmap")


class _Insertion:
    """References inserted one after another."""

    def __init__(self, old):
        self.old = self.new = old
        self.before = rule_text.rule_of(old)
        self.findings: list[Finding] = []
        #: Entries of the rules → the reference that was inserted there.
        self.taken: dict[tuple, str] = {}

    def add(self, path: Path, name: str, shown: str = "") -> None:
        """Insert the file at ``path`` as ``name``; findings call it ``shown``."""
        try:
            header = self.new.get_refactor_header(str(path))
        except Exception as exc:  # the library raises whatever the file leads it to
            self._failed(shown or name, exc)
            return
        self.add_header(header, name, shown)

    def add_header(self, header: dict, name: str, shown: str = "") -> None:
        """Insert ``name`` by the values of ``header``, which are those of datasets."""
        try:
            self.new = self.new.insert_header_reference(header, name)
        except Exception as exc:
            self._failed(shown or name, exc)
            return
        # As the library compares files that are inserted together.
        for found in self.new.file_matches(name):
            case = found[1:]
            other = self.taken.setdefault(case, shown or name)
            if other != (shown or name):
                self._twice(shown or name, other, case)

    def change(self, new_name: str) -> Change:
        old_name = self.old.basename
        new = rule_text.load(new_name, self.new.format())
        text = rule_text.finish(new, new_name, old_name)
        section = compare(self.old, new)
        after = rule_text.rule_of(new)
        self._results(after, new)
        return Change(old_name, new_name, text, section, self.findings)

    # ---- findings ----------------------------------------------------------

    def _note(self, level: str, code: str, text: str, advice: str = "", file: str = "") -> None:
        self.findings.append(Finding(level, code, text, advice, file))

    def _failed(self, name: str, exc: Exception) -> None:
        code, text, advice = why_refused(exc)
        self._note(ERROR, code, f"'{name}' cannot be inserted into '{self.old.basename}': {text}",
                   advice, name)

    def _twice(self, name: str, other: str, case: tuple) -> None:
        words = ", ".join(f"{parameter} {value}" for step in case for parameter, value in step)
        self._note(
            ERROR, "exact-duplicate",
            f"'{name}' and '{other}' match the same case ({words}): each would replace the"
            f" other in '{self.old.basename}'.", DIFFERENT, name)

    def _results(self, after: rule_text.Rule, new) -> None:
        """What the insertion did to the rules."""
        before = self.before
        cases_before = {path[:-1] for path in before.entries if len(path) > 1}
        new_cases: dict[object, str] = {}
        for path, leaf in after.entries.items():
            old_leaf = before.entries.get(path)
            if leaf == old_leaf:
                continue
            name = self._shown(leaf)
            if old_leaf is not None:
                replaced = in_words(rule_text.names_in(old_leaf))
                self._note(NOTE, "replaces", f"'{name}' replaces {replaced} for"
                           f" {rule_text.described(path)}.", file=name)
            elif len(path) > 1 and path[:-1] not in cases_before:
                self._note(NOTE, "new-case", f"'{name}' makes a new match case:"
                           f" {rule_text.described(path)}.", file=name)
            if path[0].kind == "Match" and path[:1] not in {each[:1] for each in before.entries}:
                new_cases[path[0].key] = name
        self._overlaps(new, new_cases)
        self._unchanged(after)

    def _shown(self, leaf) -> str:
        return rule_text.names_in(leaf)[0].removesuffix(UPLOADED)

    def _overlaps(self, new, new_cases: dict[object, str]) -> None:
        forbidden = overlaps.forbidden(new)
        raw = overlaps.raw_keys(new.selector) if new_cases else {}
        for overlap in overlaps.of_cases(new.selector, new_cases):
            name = new_cases.get(raw.get(overlap.general)) or next(
                (new_cases[key] for key in new_cases
                 if new.selector.condition_key(key) == overlap.special), "")
            special, general = (_in_words(new, key) for key in (overlap.special, overlap.general))
            self._note(
                ERROR if forbidden else NOTE, "equal-weight",
                f"The match case ({special}) is an equal weight special case of ({general}):"
                f" a dataset that fits both can get either.",
                COINCIDE if forbidden else MERGED, name)

    def _unchanged(self, after: rule_text.Rule) -> None:
        """References that were inserted and are where they were before."""
        for name in dict.fromkeys(self.taken.values()):
            places = {path: leaf for path, leaf in after.entries.items()
                      if name in map(self._shown, [leaf])}
            if places and all(self.before.entries.get(path) == leaf
                              for path, leaf in places.items()):
                self._note(WARNING, "already-in-rules",
                           f"'{name}' is in '{self.old.basename}' already for the same case:"
                           f" nothing changes.", file=name)


def _in_words(mapping, key: tuple) -> str:
    pairs = zip(mapping.selector._parameters, key, strict=True)
    return ", ".join(f"{name} {value}" for name, value in pairs)


def why_refused(exc: Exception) -> tuple[str, str, str]:
    """Code, text and advice for what the library raised while it inserted a reference."""
    from crds.core import exceptions as known

    chain = list(_chain(exc))
    for cause in reversed(chain):
        text = " ".join(str(cause).split())
        if isinstance(cause, known.AmbiguousMatchError):
            return "equal-weight", _overlap_text(str(cause)), COINCIDE
        if isinstance(cause, known.InvalidDatetimeError) or "Invalid date/time" in text:
            return ("bad-useafter", f"its USEAFTER is not a date that rules can use: {text}",
                    "Write USEAFTER like 2024-05-31T00:00:00 (HST: May 31 2024 00:00:00)"
                    " and upload the file again.")
        if isinstance(cause, known.ValidationError):
            return ("value-not-allowed", f"a value of its header is not allowed: {text}",
                    FIX + " If the value is right, the constraints of this type need a change:"
                    " ask the maintainers.")
    text = " ".join(str(chain[-1]).split())[:500] or type(chain[-1]).__name__
    return "insertion-failed", text, FIX


def _overlap_text(text: str) -> str:
    """The library's words without its general explanation."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" -")]
    end = next((i for i, line in enumerate(lines) if line.startswith("Cancel the")), len(lines))
    return "its match case overlaps another one. " + " ".join(lines[:end])


def _chain(exc: BaseException):
    seen = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__
