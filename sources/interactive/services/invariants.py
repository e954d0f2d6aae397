"""What must be true of catalogue and store at every moment, and finding where it is not.

Each check yields findings with the name of a file, a context or a series and a
sentence for people.  A *fault* breaks a promise of the server.  A *note* is
what an interrupted work may leave behind and does no harm, such as bytes in the
store for which no catalogue row was written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db.models import Exists, F, OuterRef

from rules.names import highest_serials
from rules.parallel import over_files
from rules.reading import read_rule

from ..models import (
    AllocatedName,
    BadFile,
    BuildContext,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
    FileType,
    NameSeries,
    RuleLink,
)
from . import rule_graph, store
from .violations import FAULT, NOTE, Violation

CHUNK = 5000


def check(sha1: bool = False, rules: bool = True,
          progress: Callable[[str], None] | None = None) -> list[Violation]:
    """Everything that is wrong; empty when all is well.

    ``sha1`` reads every stored file and compares its checksum; ``rules`` parses
    every rule file and compares it with the links in the database.
    """
    found = []
    for one in (*CHECKS, *_of_apps()):
        if progress:
            progress(one.__doc__.splitlines()[0])
        found.extend(one())
    if rules:
        if progress:
            progress(rules_match_links.__doc__.splitlines()[0])
        found.extend(rules_match_links())
    if sha1:
        if progress:
            progress(contents_are_right.__doc__.splitlines()[0])
        found.extend(contents_are_right())
    return sorted(found)


def _of_apps() -> tuple:
    """Checks of apps that build on the catalogue."""
    from submissions.services.checks import CHECKS as of_submissions

    return of_submissions


def faults(violations: list[Violation]) -> list[Violation]:
    return [violation for violation in violations if violation.severity == FAULT]


# ---- the store -----------------------------------------------------------------


def stored_files_are_there() -> Iterator[Violation]:
    """Every file that is catalogued as stored is in the store with the recorded size."""
    rows = CatalogFile.objects.downloadable().values_list("name", "size")
    for name, size in rows.iterator():
        path = store.location(name)
        if path is None:
            yield Violation("stored", name, "It is catalogued as stored here, but its bytes are"
                            " missing, or a link leads outside the allowed folders. Restore the"
                            " file from a backup.")
        elif path.stat().st_size != size:
            yield Violation("stored", name, f"It has {path.stat().st_size} bytes in the store, but"
                            f" {size} are recorded. Restore the file from a backup.")


def store_holds_only_published_files() -> Iterator[Violation]:
    """What lies in the store belongs to the catalogue."""
    published = set(CatalogFile.objects.downloadable().values_list("name", flat=True))
    known = set(CatalogFile.objects.values_list("name", flat=True))
    for kind in ("mappings", "references"):
        folder = store.root() / kind / settings.CRDS_OBSERVATORY
        if not folder.is_dir():
            continue
        for entry in os.scandir(folder):
            if entry.name in published:
                continue
            if entry.name in known:
                sentence = "It lies in the store, but is not published as stored here."
            else:
                sentence = "It lies in the store, but the catalogue does not know it."
            yield Violation("orphan", entry.name, sentence + " It is not given out; an interrupted"
                            " work may have left it.", NOTE)


def contents_are_right() -> Iterator[Violation]:
    """Every stored file has the recorded sha1."""
    rows = CatalogFile.objects.downloadable().values_list("name", "sha1sum")
    for name, sha1sum in rows.iterator():
        path = store.location(name)
        if path is None:
            continue  # told by stored_files_are_there
        try:
            found = store.checksum(path)
        except OSError as exc:
            yield Violation("content", name, f"It cannot be read: {exc.strerror}.")
            continue
        if found != sha1sum:
            yield Violation("content", name, f"Its sha1 is {found}, but {sha1sum or 'none'} is"
                            " recorded: the bytes are damaged. Restore the file from a backup.")


# ---- the rule graph ---------------------------------------------------------------


def rules_match_links() -> Iterator[Violation]:
    """The links in the database are what the text of the rules says."""
    rules = dict(CatalogFile.objects.downloadable().mappings().values_list("name", "pk"))
    paths = [path for name in sorted(rules) if (path := store.location(name))]
    names = dict(CatalogFile.objects.values_list("pk", "name").iterator())
    for rule in over_files(settings.CRDS_OBSERVATORY, store.root(), read_rule, paths):
        if rule.problem:
            yield Violation("links", rule.name, f"It is published, but: {rule.problem}")
            continue
        linked = {names[child] for child in RuleLink.objects.filter(
            parent_id=rules[rule.name]).values_list("child_id", flat=True)}
        for name in sorted(set(rule.names) - linked):
            yield Violation("links", rule.name, f"It contains {name}, but the database does not"
                            " say so.")
        for name in sorted(linked - set(rule.names)):
            yield Violation("links", rule.name, f"The database says that it contains {name}, but"
                            " it does not.")


def published_rules_are_complete() -> Iterator[Violation]:
    """Whatever a published rule contains is published, and rules are stored here."""
    broken = (RuleLink.objects.exclude(parent__state=FileState.UPLOADED)
              .filter(child__state=FileState.UPLOADED))
    for parent, child in broken.values_list("parent__name", "child__name").iterator():
        yield Violation("closure", parent, f"It is published but contains {child}, which is not.")
    absent = RuleLink.objects.exclude(parent__state=FileState.UPLOADED).filter(
        parent__stored=True, child__type=FileType.MAPPING, child__stored=False)
    for parent, child in absent.values_list("parent__name", "child__name").iterator():
        yield Violation("closure", parent, f"It contains the rule {child}, which is not stored"
                        " here.")


# ---- contexts -----------------------------------------------------------------------


def pointers_are_valid() -> Iterator[Violation]:
    """Latest, edit, versions, banner and build contexts are published contexts, stored here."""
    pointers = list(ContextPointer.objects.select_related("context"))
    builds = list(BuildContext.objects.select_related("context"))
    named = [(pointer.kind, pointer.context) for pointer in pointers]
    named += [(f"build {build.cal_ver}", build.context) for build in builds]
    for kind, file in named:
        if not (file.is_context and file.published and file.stored):
            yield Violation("pointer", file.name, f"It is the {kind} context, but no published"
                            " context whose bytes are stored here. Set another one.")
    kinds = {pointer.kind for pointer in pointers}
    contexts = CatalogFile.objects.downloadable().filter(extension=".pmap")
    if "latest" not in kinds and contexts.exists():
        yield Violation("pointer", "latest", "There are contexts, but none is the latest.")
    if "latest" in kinds and "edit" not in kinds:
        yield Violation("pointer", "edit", "There is a latest context, but none to edit.")


def history_ends_with_latest() -> Iterator[Violation]:
    """The last row of the context history is the latest context."""
    last = ContextHistory.objects.order_by("start_date", "id").last()
    latest = (ContextPointer.objects.filter(kind=ContextPointer.Kind.LATEST)
              .values_list("context__name", flat=True).first())
    if latest and (last is None or last.context != latest):
        yield Violation("history", latest, "It is the latest context, but the context history ends"
                        f" with {last.context if last else 'nothing'}.")


def states_follow_latest() -> Iterator[Violation]:
    """State latest have exactly the files of the latest context."""
    wanted = rule_graph.latest_ids()
    yield from _difference(
        "state", wanted, CatalogFile.objects.filter(state=FileState.LATEST),
        "It belongs to the latest context, but its state is another one.",
        "Its state is latest, but the latest context does not contain it.")


def latest_is_good() -> Iterator[Violation]:
    """The latest context contains no bad files."""
    wanted = sorted(rule_graph.latest_ids())
    for start in range(0, len(wanted), CHUNK):
        files = CatalogFile.objects.filter(pk__in=wanted[start:start + CHUNK])
        for name in files.filter(rejected=True).values_list("name", flat=True):
            yield Violation("latest-bad", name, "It is rejected, but the latest context selects"
                            " it. Replace it, or set another context.", NOTE)
        for name in files.filter(blacklisted=True).values_list("name", flat=True):
            yield Violation("latest-bad", name, "It is blacklisted, but belongs to the latest"
                            " context. Set another context.", NOTE)


# ---- flags and names -------------------------------------------------------------------


def blacklist_is_closed() -> Iterator[Violation]:
    """Blacklisted are exactly the bad rules and the rules that contain them."""
    yield from _difference(
        "blacklist", rule_graph.blacklisted_ids(), CatalogFile.objects.filter(blacklisted=True),
        "It contains a bad rule, but is not blacklisted.",
        "It is blacklisted, but contains no bad rule.")


def rejected_are_marked() -> Iterator[Violation]:
    """Rejected are exactly the references that were marked bad."""
    marked = set(BadFile.objects.filter(file__type=FileType.REFERENCE)
                 .values_list("file_id", flat=True))
    yield from _difference(
        "rejected", marked, CatalogFile.objects.filter(rejected=True),
        "It was marked bad, but is not rejected.",
        "It is rejected, but nobody marked it bad.")


def names_are_registered() -> Iterator[Violation]:
    """Every name in the catalogue counts as given out, and its series is not behind."""
    taken = AllocatedName.objects.filter(name=OuterRef("name"), taken=True)
    for name in (CatalogFile.objects.filter(~Exists(taken))
                 .values_list("name", flat=True).iterator()):
        yield Violation("names", name, "The catalogue has it, but its name does not count as given"
                        " out: it could be used twice.")
    series = dict(NameSeries.objects.values_list("series", "last_serial"))
    names = CatalogFile.objects.values_list("name", flat=True).iterator()
    for key, highest in sorted(highest_serials(names).items()):
        if series.get(key, 0) < highest:
            yield Violation("names", key, f"The series stands at {series.get(key, 0)}, but number"
                            f" {highest} is in the catalogue.")


def sizes_are_known() -> Iterator[Violation]:
    """Every published file that is stored here has its size and sha1 recorded."""
    files = CatalogFile.objects.downloadable()
    for name in files.filter(size__isnull=True).values_list("name", flat=True):
        yield Violation("record", name, "It is stored here, but its size is not recorded.")
    for name in files.filter(sha1sum="").values_list("name", flat=True):
        yield Violation("record", name, "It is stored here, but its sha1 is not recorded.")


def links_have_kinds() -> Iterator[Violation]:
    """Only rules contain other files, and nothing contains a context."""
    wrong = RuleLink.objects.filter(parent__type=FileType.REFERENCE)
    for name in wrong.values_list("parent__name", flat=True).distinct():
        yield Violation("links", name, "It is a reference, but has links to other files.")
    wrong = RuleLink.objects.filter(child__extension=".pmap")
    for parent, child in wrong.values_list("parent__name", "child__name"):
        yield Violation("links", parent, f"It contains the context {child}.")
    for name in RuleLink.objects.filter(parent_id=F("child_id")).values_list(
            "parent__name", flat=True):
        yield Violation("links", name, "It contains itself.")


def deliveries_are_right() -> Iterator[Violation]:
    """Deliveries, their catalogs and the states of their files fit together."""
    from deliveries.services import invariants

    yield from (Violation(*found) for found in invariants.check())


CHECKS = (
    stored_files_are_there, store_holds_only_published_files, sizes_are_known,
    published_rules_are_complete, links_have_kinds, pointers_are_valid, history_ends_with_latest,
    states_follow_latest, latest_is_good, blacklist_is_closed, rejected_are_marked,
    names_are_registered,
    deliveries_are_right,
)


def _difference(check: str, wanted: set[int], files, missing: str,
                surplus: str) -> Iterator[Violation]:
    """Where the rows of ``files`` are not those with the ids ``wanted``."""
    present = dict(files.values_list("pk", "name"))
    for pk in present.keys() - wanted:
        yield Violation(check, present[pk], surplus)
    absent = sorted(wanted - present.keys())
    for start in range(0, len(absent), CHUNK):
        for name in CatalogFile.objects.filter(
                pk__in=absent[start:start + CHUNK]).values_list("name", flat=True):
            yield Violation(check, name, missing)
