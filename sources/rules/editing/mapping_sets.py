"""Uploaded rules: a mixed set of rmaps, imaps and pmaps that may name each other.

Each file gets its name and its parent in the header, and the names of other files of the set in
it become their new names.  What people do with a downloaded rule is allowed for: they keep the
name of the file and its header, edit the rows, and leave ``derived_from`` alone.

Nothing in the files is executed: they are checked to be plain data before they are parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rules import reading

from . import contexts, rule_text
from .change import ERROR, NOTE, WARNING, Change, Finding, compare, in_words
from .rule_text import NotARule

#: rmaps before the imaps that name them, imaps before the pmap.
ORDER = (".rmap", ".imap", ".pmap")

#: Names of unknown files that one finding lists.
LISTED = 8

FIX = "Correct the file and upload it again; the other files can stay."


@dataclass
class RuleFile:
    """One file of a set.

    ``uploaded`` is its name at upload, ``name`` the new one (empty while there are errors).
    ``parent`` is the rule that it was made from, ``current`` the rule in its place in the base
    context; both empty where there is none.  ``path`` is the finished file.
    """

    uploaded: str
    source: Path
    kind: str = ""
    instrument: str = ""
    filekind: str = ""
    name: str = ""
    parent: str = ""
    current: str = ""
    path: Path | None = None
    change: Change | None = None
    mapping: object = None


@dataclass
class Resolved:
    """The files in the order in which they depend on each other, and what was found.

    ``generated`` are the imaps and the pmap that were made around them, None if that was not
    asked for or there are errors.
    """

    files: list[RuleFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    generated: contexts.Generated | None = None

    @property
    def ok(self) -> bool:
        return not any(finding.level == ERROR for finding in self.findings)

    @property
    def paths(self) -> list[Path]:
        """The finished files, for :func:`rules.editing.contexts.generate`."""
        return [file.path for file in self.files if file.path]


def resolve(paths: Sequence[Path], allocate: Callable[[str], str], folder: Path, *,
            base_pmap: Path, locate: Callable[[str], Path], known: Callable[[str], bool],
            auto_rename: bool = True, generate: bool = False, put_in: bool | None = None,
            names: Sequence[str] = ()) -> Resolved:
    """Make the files of a set ready to be certified, in ``folder``.

    ``allocate(series)`` gives the next name of a series such as ``hst_acs_biasfile.rmap``,
    ``locate(name)`` the path of a rule of the catalogue, and ``known(name)`` tells whether the
    catalogue has a file.  ``names`` are the names at upload where those of ``paths`` differ.
    Names are allocated only when there are no errors so far.  With ``generate`` the context
    around the files is made at once (see :func:`rules.editing.contexts.generate`).  ``put_in``
    says whether files are put into the imap or pmap of the set that should name them; by
    default they are when the context is made.

    Never raises for what is in the files.
    """
    names = list(names) or [Path(path).name for path in paths]
    work = _Set(base_pmap, locate, known, auto_rename)
    for path, name in zip(paths, names, strict=True):
        work.read(Path(path), name)
    work.order()
    work.place()
    work.parents()
    work.left_out(generate if put_in is None else put_in)
    work.unknown_names()
    result = Resolved(work.files, work.findings)
    if result.ok:
        work.name_all(allocate)
    if result.ok:
        work.write(folder)
    if result.ok and generate:
        try:
            result.generated = contexts.generate(
                base_pmap, result.paths, allocate, folder, locate=locate)
        except NotARule as exc:
            work.note(ERROR, "context", str(exc), FIX)
    return result


class _Set:
    def __init__(self, base_pmap: Path, locate, known, auto_rename: bool):
        self.base = rule_text.load_path(base_pmap)
        self.locate, self.known, self.auto_rename = locate, known, auto_rename
        self.files: list[RuleFile] = []
        self.findings: list[Finding] = []
        #: Names by which files of the set are known → the file.
        self.called: dict[str, RuleFile] = {}

    def note(self, level: str, code: str, text: str, advice: str = "", file: str = "") -> None:
        self.findings.append(Finding(level, code, text, advice, file))

    # ---- reading -----------------------------------------------------------

    def read(self, path: Path, uploaded: str) -> None:
        file = RuleFile(uploaded, path, kind=uploaded[-5:])
        self.files.append(file)
        try:
            size = path.stat().st_size
            if size > reading.SIZE_LIMIT:
                raise NotARule(f"The file is larger than {reading.SIZE_LIMIT // 2**20} MB, too"
                               f" large for a rule file.")
            text = rule_text.decode(path.read_bytes())
            mapping = rule_text.load(uploaded, text)
            rule = rule_text.rule_of(mapping)
            self._check_names(rule)
        except (NotARule, OSError) as exc:
            self.note(ERROR, "bad-rule", f"'{uploaded}' cannot be used: {exc}", FIX, uploaded)
            return
        file.mapping = mapping
        file.instrument, file.filekind = rule.field("instrument"), rule.field("filekind")
        self._check_checksum(mapping, text, uploaded)
        if rule.field("observatory") != self.base.observatory:
            self.note(ERROR, "wrong-observatory",
                      f"'{uploaded}' is for {rule.field('observatory').upper()}, but this server"
                      f" is for {self.base.observatory.upper()}.",
                      "Submit it to the server of its observatory.", uploaded)

    def _check_names(self, rule: rule_text.Rule) -> None:
        for name in sorted(rule.names()):
            if not reading.is_catalog_name(name):
                raise NotARule(f"It refers to {name!r}, which is not a plain file name.")

    def _check_checksum(self, mapping, text: str, uploaded: str) -> None:
        problem = reading._checksum_problem(mapping, text)
        if problem:
            self.note(WARNING, "checksum", f"'{uploaded}': {problem}",
                      "If the file is what you mean to submit, nothing is to be done: the"
                      " server writes the right checksum. Otherwise upload it again;"
                      " \"crds checksum FILE\" writes the checksum before.", uploaded)

    def order(self) -> None:
        self.files.sort(key=lambda file: (
            ORDER.index(file.kind) if file.kind in ORDER else 0, file.uploaded))

    @property
    def readable(self) -> list[RuleFile]:
        return [file for file in self.files if file.mapping is not None]

    # ---- places and parents ------------------------------------------------

    def place(self) -> None:
        """Two files for the same place, and names by which files of the set are meant."""
        seen: dict[tuple, RuleFile] = {}
        for file in self.readable:
            place = (file.kind, file.instrument, file.filekind)
            other = seen.setdefault(place, file)
            if other is not file:
                what = " ".join(filter(None, (file.instrument, file.filekind))) or "the pipeline"
                self.note(ERROR, "same-place",
                          f"'{other.uploaded}' and '{file.uploaded}' are both the {file.kind[1:]}"
                          f" of {what}: only one of them can be in a context.",
                          "Remove one of them, or bring both changes into one file.",
                          file.uploaded)
            self.called[file.uploaded] = file
        for file in self.readable:
            own = str(dict.get(file.mapping.header, "name") or "")
            if own and not self.known(own):
                self.called.setdefault(own, file)

    def parents(self) -> None:
        for file in self.readable:
            file.current = self._current(file)
            header = file.mapping.header
            own, derived = (str(dict.get(header, key) or "") for key in ("name", "derived_from"))
            # A downloaded rule that was edited still has the name of its parent.
            candidates = [own, derived] if self.auto_rename else [derived]
            file.parent = next((name for name in candidates
                                if name[-5:] == file.kind and self.known(name)), "")
            if not file.parent:
                if file.current:
                    self.note(WARNING, "unknown-parent",
                              f"'{file.uploaded}' is derived from '{derived}', which is not in"
                              f" CRDS; the context has '{file.current}' in its place.",
                              "Check that the file starts from the current rules: what they have"
                              " and it has not is lost. See the differences below.",
                              file.uploaded)
            elif file.current and file.parent != file.current:
                self.note(WARNING, "branch",
                          f"'{file.uploaded}' is derived from '{file.parent}', but"
                          f" '{self.base.basename}' has '{file.current}' by now: what changed"
                          f" between these two is left out.",
                          f"Make the change on '{file.current}' unless leaving it out is meant.",
                          file.uploaded)

    def _current(self, file: RuleFile) -> str:
        """The rule in the place of ``file`` in the base context, empty where there is none."""
        if file.kind == ".pmap":
            return self.base.basename
        name = _child(self.base, file.instrument)
        if name and file.kind == ".rmap":
            try:
                name = _child(rule_text.load_path(self.locate(name), name), file.filekind)
            except (NotARule, OSError):
                return ""
        return name

    # ---- names in the files ------------------------------------------------

    def left_out(self, put_in: bool) -> None:
        """Files of the set that the imap or pmap of the set above them does not name.

        With ``put_in`` they are put there, in place of what they replace.
        """
        for file in self.readable:
            above = next((each for each in self.readable if
                          ((file.kind, each.kind) == (".rmap", ".imap")
                          and each.instrument == file.instrument)
                          or (file.kind, each.kind) == (".imap", ".pmap")), None)
            if above is None:
                continue
            place = file.filekind if file.kind == ".rmap" else file.instrument
            named = _child(above.mapping, place)
            if self.called.get(named) is file:
                continue
            if put_in and named in ("", file.current, file.parent):
                contexts.set_child(above.mapping, place, file.uploaded)
                self.note(NOTE, "put-in", f"'{file.uploaded}' was put into '{above.uploaded}'"
                          f" for {place}" + (f" in place of '{named}'." if named else "."),
                          file=above.uploaded)
            else:
                self.note(WARNING, "left-out", f"'{above.uploaded}' does not name"
                          f" '{file.uploaded}', but '{named or 'nothing'}' for {place}.",
                          f"Name '{file.uploaded}' in it unless leaving it out is meant.",
                          above.uploaded)

    def unknown_names(self) -> None:
        for file in self.readable:
            named = rule_text.rule_of(file.mapping).names()
            unknown = sorted(name for name in named
                             if name not in self.called and not self.known(name))
            if unknown:
                shown = in_words(unknown[:LISTED])
                more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
                self.note(ERROR, "unknown-file",
                          f"'{file.uploaded}' refers to {shown}{more}, not in CRDS and not in"
                          f" this submission.",
                          "Submit the referred file first, or together with this one if it is a"
                          " rule; or correct the name.", file.uploaded)
            for name in sorted(named & self.called.keys()):
                self._check_child(file, name)

    def _check_child(self, file: RuleFile, name: str) -> None:
        """A rule of the set must fit the place in which another names it."""
        child = self.called[name]
        expected = {".pmap": ".imap", ".imap": ".rmap"}.get(file.kind)
        keys = ([key for key, value in file.mapping.selector.items() if value == name]
                if expected else [])
        place = child.instrument if expected == ".imap" else child.filekind
        fits = child.kind == expected and all(key.lower() == place for key in keys) and (
            expected != ".rmap" or child.instrument == file.instrument)
        if not fits:
            self.note(ERROR, "wrong-place",
                      f"'{file.uploaded}' names '{name}' for {in_words(keys) or 'a reference'},"
                      f" but that is the {child.kind[1:]} of"
                      f" {' '.join(filter(None, (child.instrument, child.filekind)))}.",
                      FIX, file.uploaded)

    def name_all(self, allocate: Callable[[str], str]) -> None:
        for file in self.files:
            if self.auto_rename:
                file.name = allocate(contexts.series_of(file.mapping))
                continue
            file.name = file.uploaded
            own = str(dict.get(file.mapping.header, "name") or "")
            if not reading.is_catalog_name(file.uploaded):
                self.note(ERROR, "bad-name", f"'{file.uploaded}' cannot be the name of a rule:"
                          f" letters, digits, '.', '-' and '_' are allowed.",
                          "Rename the file, or tick Auto-Rename.", file.uploaded)
            elif self.known(file.uploaded):
                self.note(ERROR, "name-taken", f"'{file.uploaded}' is in CRDS already; names are"
                          f" never used twice.", "Tick Auto-Rename, or give it a new name.",
                          file.uploaded)
            elif own != file.uploaded:
                self.note(WARNING, "header-name", f"'{file.uploaded}' calls itself '{own}' in"
                          f" its header.", "The server writes the right name into it.",
                          file.uploaded)

    def write(self, folder: Path) -> None:
        for file in self.files:
            try:
                self._write(file, folder)
            except NotARule as exc:
                self.note(ERROR, "bad-rule", f"'{file.uploaded}' cannot be written: {exc}", FIX,
                          file.uploaded)

    def _write(self, file: RuleFile, folder: Path) -> None:
        renamed = {}
        new = rule_text.load(file.name, file.mapping.format())
        if isinstance(new.selector, dict):
            for key, name in new.selector.items():
                if name in self.called:
                    new.selector[key] = renamed[name] = self.called[name].name
        for name, other in sorted(renamed.items()):
            if name != other:
                self.note(NOTE, "name-resolved", f"'{name}' in '{file.uploaded}' is"
                          f" '{other}' now.", file=file.uploaded)
        derived = file.parent or str(dict.get(new.header, "derived_from") or "by hand")
        text = rule_text.finish(new, file.name, derived)
        file.path = rule_text.write(folder / file.name, text)
        before = file.current or file.parent
        if before:
            old = rule_text.load_path(self.locate(before), before)
            file.change = Change(before, file.name, text, compare(old, new), path=file.path)
            if not file.change.rows and not any(
                    not each["routine"] for each in file.change.section["headers"]):
                self.note(WARNING, "unchanged", f"'{file.uploaded}' says the same as '{before}'.",
                          "Check that the right file was uploaded.", file.uploaded)


def _child(mapping, key: str) -> str:
    from crds.core.rmap import is_special_value

    name = {str(each).lower(): value for each, value in mapping.selector.items()}.get(key, "")
    return "" if is_special_value(name) else str(name)


def imaps_missing(files: Iterable[RuleFile]) -> set[str]:
    """Instruments whose imap is to be made around the rmaps of a set."""
    files = list(files)
    return ({file.instrument for file in files if file.kind == ".rmap"}
            - {file.instrument for file in files if file.kind == ".imap"})
