"""What setting a context would mean, before anybody does it."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.errors import BadRequest, NotFound
from interactive.models import (
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
    FileType,
    RuleLink,
)
from interactive.services import contexts, rule_graph
from interactive.services.standing import order

LONGEST_REASON = 4000

#: Names that a sentence lists.
LISTED = 5

CHUNK = 5000

#: How people call what is set.
WHAT = {"latest": "the latest context", "edit": "the edit context",
        "versions": "the versions context", "build": "the build context"}


@dataclass(frozen=True)
class TypeChange:
    """Rules of one type before and after; either empty where there are none."""

    filekind: str
    old: str
    new: str
    added: int
    removed: int


@dataclass(frozen=True)
class InstrumentChange:
    instrument: str
    old: str
    new: str
    types: list[TypeChange]

    @property
    def added(self) -> int:
        return sum(change.added for change in self.types)

    @property
    def removed(self) -> int:
        return sum(change.removed for change in self.types)


@dataclass
class Preview:
    """What would happen.  ``refusals`` say why it cannot be done; ``to_acknowledge`` what one
    must have seen; ``warnings`` what one should know.  ``direction`` is forward, back or same."""

    kind: str
    context: str
    current: str
    cal_ver: str = ""
    direction: str = "forward"
    description: str = ""
    skipped: list[CatalogFile] = field(default_factory=list)
    instruments: list[InstrumentChange] = field(default_factory=list)
    bad: list[CatalogFile] = field(default_factory=list)
    inherited_bad: list[CatalogFile] = field(default_factory=list)
    not_archived: list[CatalogFile] = field(default_factory=list)
    not_stored: int = 0
    files: int = 0
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    to_acknowledge: str = ""
    reason: str = ""
    needs_reason: bool = False
    why_reason: str = ""
    moves_banner: bool = False
    banner: str = ""

    @property
    def what(self) -> str:
        return WHAT[self.kind] + (f" of version {self.cal_ver}" if self.cal_ver else "")

    @property
    def possible(self) -> bool:
        return not self.refusals


def preview(kind: str, context: str, cal_ver: str = "") -> Preview:
    """What it means to set ``context``; raises NotFound and BadRequest for what is no context."""
    if kind not in WHAT:
        raise BadRequest(f"There is no kind of context '{kind[:40]}'.")
    name = contexts.resolve_pmap(context)
    new = CatalogFile.objects.published().get(name=name)
    found = Preview(kind=kind, context=name, current=_current(kind, cal_ver), cal_ver=cal_ver,
                    description=new.description)
    _direction(found, new)
    _files(found, new)
    _reasons(found)
    if kind == "build":
        _banner(found)
    return found


def _current(kind: str, cal_ver: str) -> str:
    if kind != "build":
        return contexts.pointer(kind)
    return (BuildContext.objects.filter(cal_ver=cal_ver)
            .values_list("context__name", flat=True).first()) or ""


# ---- the way from the context in place ---------------------------------------------------


def _direction(found: Preview, new: CatalogFile) -> None:
    if found.current == found.context:
        found.direction = "same"
        found.refusals.append(f"{found.context} is {found.what} already.")
        return
    if not found.current:
        return
    before, after = order(found.current), order(found.context)
    found.direction = "forward" if before < after else "back"
    between = [row for row in CatalogFile.objects.published().filter(extension=".pmap")
               if min(before, after) < order(row.name) < max(before, after)]
    found.skipped = sorted(between, key=lambda row: order(row.name))
    old = rule_graph_names(found.current)
    new_names = rule_graph_names(found.context)
    found.instruments = _changes(old, new_names)


def rule_graph_names(context: str) -> dict[str, tuple[int, str]]:
    """Id and name of the imap of each instrument."""
    return {key: (pk, name) for pk, key, name in RuleLink.objects.filter(
        parent__name=context, child__type=FileType.MAPPING)
        .values_list("child_id", "key", "child__name")}


def _changes(old: dict, new: dict) -> list[InstrumentChange]:
    """Instruments whose rules differ, with the types that differ; a few queries in all."""
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    imaps = {pk for side in (old, new) for key in changed if key in side
             for pk in (side[key][0],)}
    rmaps: dict[int, dict[str, tuple[int, str]]] = {}
    for parent, key, child, name in RuleLink.objects.filter(
            parent__in=imaps, child__type=FileType.MAPPING).values_list(
            "parent_id", "key", "child_id", "child__name"):
        rmaps.setdefault(parent, {})[key] = (child, name)
    pairs = []
    for instrument in changed:
        before = rmaps.get(old[instrument][0], {}) if instrument in old else {}
        after = rmaps.get(new[instrument][0], {}) if instrument in new else {}
        kinds = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        pairs.append((instrument, [(k, before.get(k), after.get(k)) for k in kinds]))
    ids = {side[0] for _, kinds in pairs for _, *sides in kinds for side in sides if side}
    references: dict[int, set[int]] = {}
    for chunk in _chunks(ids):
        for parent, child in RuleLink.objects.filter(parent__in=chunk).values_list(
                "parent_id", "child_id"):
            references.setdefault(parent, set()).add(child)
    return [InstrumentChange(
        instrument, old.get(instrument, (0, ""))[1], new.get(instrument, (0, ""))[1],
        [_type_change(kind, before, after, references) for kind, before, after in kinds])
        for instrument, kinds in pairs]


def _type_change(kind: str, before, after, references) -> TypeChange:
    old = references.get(before[0], set()) if before else set()
    new = references.get(after[0], set()) if after else set()
    return TypeChange(kind, before[1] if before else "", after[1] if after else "",
                      len(new - old), len(old - new))


# ---- its files -----------------------------------------------------------------------------


def _files(found: Preview, new: CatalogFile) -> None:
    """Bad files, files that are not archived, files that are not stored."""
    closure = rule_graph.closure_ids([new.pk])
    found.files = len(closure.all)
    bad, waiting, rules_lost = [], [], []
    for chunk in _chunks(closure.all):
        rows = CatalogFile.objects.filter(pk__in=chunk).only(
            "name", "state", "type", "stored", "rejected", "blacklisted", "extension")
        bad += [*rows.filter(rejected=True), *rows.filter(blacklisted=True, rejected=False)]
        waiting += rows.exclude(state__in=(FileState.ARCHIVED, FileState.LATEST))
        rules_lost += rows.filter(type=FileType.MAPPING, stored=False).values_list(
            "name", flat=True)
        found.not_stored += rows.filter(type=FileType.REFERENCE, stored=False).count()
    found.bad = sorted(bad, key=lambda row: row.name)
    found.not_archived = sorted(waiting, key=lambda row: row.name)
    if rules_lost:
        found.refusals.append(f"Rules of {found.context} are not stored here:"
                              f" {_some(rules_lost)}. Restore them from a backup first.")
    _judge_bad(found)
    if found.not_archived:
        names = [row.name for row in found.not_archived]
        text = (f"{len(names)} of its files are not archived yet: {_some(names)}.")
        if found.kind == "latest":
            found.refusals.append(f"{text} Delivery Status shows how far the archive is.")
        else:
            found.warnings.append(text)
    if found.not_stored and found.kind == "latest":
        found.warnings.append(f"{found.not_stored} of its references are known, but not stored"
                              " on this server: it cannot give them out.")


def _judge_bad(found: Preview) -> None:
    """The latest context contains no bad file; what it has already may stay if it is seen."""
    if not found.bad:
        return
    names = [row.name for row in found.bad]
    if found.kind != "latest":
        found.warnings.append(f"It contains {len(names)} bad files: {_some(names)}.")
        return
    before = set()
    if found.current:
        pk = CatalogFile.objects.filter(name=found.current).values_list("pk", flat=True).first()
        before = rule_graph.closure_ids([pk]).references if pk else set()
    found.inherited_bad = [row for row in found.bad
                           if row.pk in before and row.type == FileType.REFERENCE]
    fresh = [row.name for row in found.bad if row not in found.inherited_bad]
    if fresh:
        found.refusals.append(
            f"{found.context} contains bad files: {_some(fresh)}. The latest context must not."
            " Make a clean one: Mark Files Bad leads through it.")
    elif found.inherited_bad:
        old = [row.name for row in found.inherited_bad]
        found.to_acknowledge = (
            f"{found.context} contains {len(old)} bad references that {found.current} contains"
            f" as well: {_some(old)}.")


def _some(names: list[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


# ---- reasons and banner ----------------------------------------------------------------------


def _reasons(found: Preview) -> None:
    if found.kind == "build":
        found.reason = f"Context for version {found.cal_ver} of the calibration software."
    elif found.direction == "back":
        found.needs_reason, found.why_reason = True, (
            f"{found.context} is older than {found.current}, so deliveries in between are taken"
            " back.")
    elif found.skipped:
        found.needs_reason, found.why_reason = True, (
            f"several deliveries take effect at once; contexts in between: {len(found.skipped)}.")
    elif found.description:
        found.reason = found.description[:LONGEST_REASON]
    else:
        found.needs_reason, found.why_reason = True, (
            f"{found.context} was delivered without a description.")


def _banner(found: Preview) -> None:
    pointer = ContextPointer.objects.filter(kind=ContextPointer.Kind.BANNER).first()
    found.banner = pointer.cal_ver if pointer else ""
    found.moves_banner = not found.banner or (
        contexts.version_numbers(found.cal_ver) >= contexts.version_numbers(found.banner))


def previous() -> str:
    """The context that was latest before the one that is now, ``""`` for none: for going back."""
    latest = contexts.pointer("latest")
    names = ContextHistory.objects.order_by("-start_date", "-id").values_list("context", flat=True)
    published = set(CatalogFile.objects.published().filter(extension=".pmap")
                    .values_list("name", flat=True))
    return next((name for name in names if name != latest and name in published), "")


def _chunks(ids):
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start:start + CHUNK]


__all__ = ["InstrumentChange", "NotFound", "Preview", "TypeChange", "preview", "previous"]
