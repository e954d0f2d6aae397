"""Marking files bad, and good again.

A bad reference is rejected: using it is an error, the rules around it stay.  A bad rule
blacklists every rule that contains it.  Clients learn of both with their next synchronisation.
The latest context never contains a bad file, so the file has to leave it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, NotFound, ServiceError
from common.faultpoints import reach
from interactive.models import BadFile, CatalogFile, FileType
from interactive.services import audit, contexts, revision, rule_graph
from interactive.services.standing import order

from .previews import LISTED, LONGEST_REASON
from .setting_contexts import after_commit, lock

MARK_BAD, MARK_OK = "mark bad", "mark ok"

#: Names that one act may mark.
MOST_NAMES = 2000
CHUNK = 5000


class InUse(ServiceError):
    """The latest context contains the file: a clean context has to become latest first."""

    status = 409


@dataclass
class Effects:
    """What the marks would mean, or meant.

    ``rules`` are blacklisted with them (or no more); ``contexts`` are those that contain a file,
    newest first.  ``in_latest`` and ``in_edit`` are the files that these contexts contain.
    """

    files: list[CatalogFile]
    bad: bool
    unchanged: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    in_latest: list[str] = field(default_factory=list)
    in_edit: list[str] = field(default_factory=list)
    latest: str = ""
    edit: str = ""

    @property
    def names(self) -> list[str]:
        return [file.name for file in self.files]

    @property
    def references(self) -> list[CatalogFile]:
        return [file for file in self.files if file.type == FileType.REFERENCE]

    @property
    def mappings(self) -> list[CatalogFile]:
        return [file for file in self.files if file.type == FileType.MAPPING]


def parse_names(text: str) -> list[str]:
    """Names in ``text``, parted by blanks, commas or line ends; each once, in order."""
    names = list(dict.fromkeys(name for name in re.split(r"[\s,;]+", text or "") if name))
    if not names:
        raise BadRequest("Name at least one file.")
    if len(names) > MOST_NAMES:
        raise BadRequest(f"At most {MOST_NAMES} files can be marked at once; these are"
                         f" {len(names)}.")
    return names


def find(names: Iterable[str]) -> list[CatalogFile]:
    """Published files by name, in order; NotFound names those that are none."""
    names = list(dict.fromkeys(names))
    found = CatalogFile.objects.published().in_bulk(names, field_name="name")
    unknown = [name for name in names if name not in found]
    if unknown:
        shown = ", ".join(name[:128] for name in unknown[:LISTED])
        more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
        raise NotFound(f"There is no published file called {shown}{more}. Check the spelling;"
                       " nothing was marked.")
    return [found[name] for name in names]


def effects(names: Iterable[str], bad: bool) -> Effects:
    """What marking would mean; nothing is changed."""
    files = find(names)
    marked = set(BadFile.objects.filter(file__in=files).values_list("file__name", flat=True))
    found = Effects(files=files, bad=bad, latest=contexts.pointer("latest"),
                    edit=contexts.pointer("edit"))
    found.unchanged = [file.name for file in files if (file.name in marked) == bad]
    ids = {file.pk for file in files}
    above = rule_graph.ancestors(ids) | {file.pk for file in files if file.is_context}
    found.contexts = sorted(_names(above, extension=".pmap"), key=order, reverse=True)
    before = rule_graph.blacklisted_ids()
    after = _blacklist_with(ids, files, bad)
    found.rules = sorted(_names(before ^ after))
    for kind, names_in in (("latest", found.in_latest), ("edit", found.in_edit)):
        names_in += _contained(files, getattr(found, kind))
    return found


def mark(names: Iterable[str], *, bad: bool, user, reason: str) -> Effects:
    """Mark files bad, or good again, all of them or none.

    Operators only, for the instruments of the files.  Raises :class:`InUse` when the latest
    context contains a file that is to be bad.
    """
    reason = _reason(reason)
    with transaction.atomic():
        # Contexts and rules are looked at under the lock: neither changes until the commit.
        lock()
        reach("mark locked")
        found = effects(names, bad)
        for instrument in {file.instrument for file in found.files}:
            roles.require(user, Role.OPERATOR, instrument)
        if bad and found.in_latest:
            raise InUse(
                f"The latest context {found.latest} contains {', '.join(found.in_latest[:LISTED])}."
                " It must not contain bad files: build a clean context, set it latest, then mark."
                " Mark Files Bad leads through these steps.")
        changed = [file for file in found.files if file.name not in found.unchanged]
        if changed:
            _write(changed, bad, user, reason)
            reach("mark written")
            for file in changed:
                audit.record(MARK_BAD if bad else MARK_OK, user=user, file=file.name, why=reason,
                             **({"rules": found.rules[:50]} if file in found.mappings else {}))
            revision.bump()
            transaction.on_commit(after_commit)
        reach("mark recorded")
    return found


def _reason(reason: str) -> str:
    reason = (reason or "").strip()
    if not reason:
        raise BadRequest("Say why: the reason is shown with the file for ever.")
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        raise BadRequest(f"A reason has at most {LONGEST_REASON} characters of text.")
    return reason


def _write(files: list[CatalogFile], bad: bool, user, reason: str) -> None:
    if bad:
        BadFile.objects.bulk_create(
            BadFile(file=file, reason=reason, marked_by=user.get_username()) for file in files)
    else:
        BadFile.objects.filter(file__in=files).delete()
    references = [file.pk for file in files if file.type == FileType.REFERENCE]
    CatalogFile.objects.filter(pk__in=references).update(rejected=bad)
    _blacklist()


def _blacklist() -> None:
    """Blacklisted are exactly the bad rules and those that contain them."""
    wanted = rule_graph.blacklisted_ids()
    present = set(CatalogFile.objects.filter(blacklisted=True).values_list("pk", flat=True))
    for ids, value in ((wanted - present, True), (present - wanted, False)):
        for chunk in _chunks(ids):
            CatalogFile.objects.filter(pk__in=chunk).update(blacklisted=value)


def _blacklist_with(ids: set[int], files: list[CatalogFile], bad: bool) -> set[int]:
    """What :func:`rule_graph.blacklisted_ids` would be with the marks."""
    rules = {file.pk for file in files if file.type == FileType.MAPPING}
    marked = set(BadFile.objects.filter(file__type=FileType.MAPPING)
                 .values_list("file_id", flat=True))
    marked = marked | rules if bad else marked - rules
    return marked | rule_graph.ancestors(marked)


def _contained(files: list[CatalogFile], context: str) -> list[str]:
    """Which of ``files`` the context contains, or is."""
    if not context:
        return []
    pk = CatalogFile.objects.filter(name=context).values_list("pk", flat=True).first()
    closure = rule_graph.closure_ids([pk]).all if pk else set()
    return [file.name for file in files if file.pk in closure]


def contained_in(names: Iterable[str], context: str) -> list[str]:
    """Which of the files ``names`` the context contains."""
    return _contained(find(names), context)


def _names(ids: set[int], **wanted) -> list[str]:
    found: list[str] = []
    for chunk in _chunks(ids):
        found += CatalogFile.objects.published().filter(pk__in=chunk, **wanted).values_list(
            "name", flat=True)
    return found


def _chunks(ids):
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start:start + CHUNK]
