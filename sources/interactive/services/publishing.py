"""Publishes new files: bytes into the store, rows in one transaction, the edit context last.

A confirmation calls :func:`prepare` and :func:`place` first, then :func:`write_rows` and
:func:`move_edit_context` inside its one transaction.  A stop before that transaction leaves bytes
that no row speaks of, which :func:`withdraw` (or another try) takes back; nobody was given them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from common.errors import ServiceError
from rules.names import extension, is_mapping
from rules.reading import RuleFile, read_rule
from rules.reference_files import read_reference

from ..models import (
    BadFile,
    CatalogFile,
    ChangeLevel,
    ContextPointer,
    FileState,
    FileType,
    RuleLink,
)
from . import audit, revision, store
from .search import index

BATCH = 500
LINK_BATCH = 5000
#: Names in one query.
CHUNK = 5000

#: Rules are written bottom up, so that what they contain is there.
LEVELS = {".rmap": 1, ".imap": 2, ".pmap": 3}


class CannotPublish(ServiceError):
    """A file cannot be published as it is; nothing was changed."""

    status = 409


@dataclass(frozen=True)
class NewFile:
    """A file to publish: its bytes at ``path``, its official ``name`` and what is known of it.

    ``fields`` are texts of the catalogue row, from the file's own header.  ``rule`` is the parsed
    rule file, ``cases`` those of its match cases that the rules before did not have.
    """

    path: Path
    name: str
    instrument: str = ""
    filekind: str = ""
    uploaded_as: str = ""
    derived_from: str = ""
    size: int = 0
    sha1sum: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    useafter: datetime | None = None
    rule: RuleFile | None = None
    cases: tuple = ()

    @property
    def is_rule(self) -> bool:
        return is_mapping(self.name)


@dataclass(frozen=True)
class Provenance:
    """Who delivers the files, and why."""

    user: str
    email: str = ""
    creator: str = ""
    description: str = ""
    change_level: str = ChangeLevel.SEVERE


# ---- before the transaction ------------------------------------------------------


def prepare(file: NewFile) -> NewFile:
    """``file`` with size, sha1 and what its header tells; CannotPublish if it cannot be read."""
    if file.is_rule:
        return _prepared_rule(file)
    read = read_reference(settings.CRDS_OBSERVATORY, file.path)
    if read.problem:
        raise CannotPublish(f"{file.name}: {read.problem}")
    return replace(file, size=read.size, sha1sum=read.sha1sum, fields=read.fields,
                   useafter=read.useafter)


def _prepared_rule(file: NewFile) -> NewFile:
    rule = read_rule(file.path)
    if rule.problem:
        raise CannotPublish(f"{file.name}: {rule.problem}")
    if rule.header_name != file.name:
        raise CannotPublish(
            f"{file.name}: its header calls it {rule.header_name!r}. Submit it again.")
    parent = rule.header.get("derived_from", "")[:256]
    before = store.mapping_path(parent) if is_mapping(parent) else None
    known = set(read_rule(before).cases) if before else set()
    cases = tuple(case for case in rule.cases if case not in known)
    return replace(
        file, size=rule.size, sha1sum=rule.sha1sum, rule=replace(rule, name=file.name, cases=cases),
        cases=cases, derived_from=file.derived_from or parent,
        instrument=rule.instrument if file.name[-5:] != ".pmap" else "",
        filekind=rule.filekind if file.name[-5:] == ".rmap" else "",
        fields={"comment": ""})


def place(files: Iterable[NewFile]) -> None:
    """Put the bytes of ``files`` into the store, so that they survive a power cut.

    Bytes that an earlier try left under the same name, and that no row speaks of, make room.
    """
    files = list(files)
    for file in files:
        try:
            store.place(file.path, file.name, sha1sum=file.sha1sum, sync=False)
        except store.ContentConflict:
            if not withdraw([file.name]):
                raise
            store.place(file.path, file.name, sha1sum=file.sha1sum, sync=False)
    store.sync_files(file.name for file in files)


def withdraw(names: Iterable[str]) -> list[str]:
    """Take bytes out of the store that no catalogue row speaks of; returns the names taken out.

    Only for names that were given to the caller: nobody else can be about to publish them.
    """
    names = list(names)
    known = set(CatalogFile.objects.filter(name__in=names).values_list("name", flat=True))
    gone = []
    for name in names:
        path = store.folder_for(name) / name
        if name not in known and path.exists():
            store.quarantine(path)
            gone.append(name)
    return gone


# ---- in the transaction ------------------------------------------------------------


def write_rows(files: Iterable[NewFile], provenance: Provenance) -> list[CatalogFile]:
    """Catalogue rows, links, search index and audit of ``files``; returns the rows.

    Must be called inside a transaction.  Raises :class:`CannotPublish` when a rule names a file
    that is neither among ``files`` nor published.
    """
    assert transaction.get_connection().in_atomic_block
    files = sorted(files, key=lambda file: (LEVELS.get(file.name[-5:], 0), file.name))
    now = timezone.now()
    rows = [_row(file, provenance, now) for file in files]
    for start in range(0, len(rows), BATCH):
        CatalogFile.objects.bulk_create(rows[start:start + BATCH])
    ids = {row.name: row.pk for row in rows}
    rules = [file.rule for file in files if file.rule]
    ids.update(_published_ids({name for rule in rules for name in rule.names} - ids.keys(), rules))
    _write_links(rules, ids)
    _inherit_blacklisting([row for row in rows if row.type == FileType.MAPPING])
    index.add([row.pk for row in rows], index.cases_of(rules, ids))
    return rows


def _row(file: NewFile, provenance: Provenance, now: datetime) -> CatalogFile:
    row = CatalogFile(
        name=file.name, observatory=settings.CRDS_OBSERVATORY, instrument=file.instrument,
        filekind=file.filekind, type=FileType.MAPPING if file.is_rule else FileType.REFERENCE,
        extension=extension(file.name)[:16], state=FileState.SUBMITTED, stored=True,
        size=file.size, sha1sum=file.sha1sum, delivery_date=now, useafter_date=file.useafter,
        change_level=provenance.change_level)
    texts = {
        **file.fields,
        "uploaded_as": file.uploaded_as, "derived_from": file.derived_from,
        "creator_name": provenance.creator, "deliverer_user": provenance.user,
        "deliverer_email": provenance.email, "description": provenance.description,
    }
    for name, value in texts.items():
        limit = CatalogFile._meta.get_field(name).max_length
        setattr(row, name, (value or "")[:limit] if limit else value or "")
    return row


def _published_ids(names: set[str], rules: list[RuleFile]) -> dict[str, int]:
    found: dict[str, int] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), CHUNK):
        found.update(CatalogFile.objects.published().filter(
            name__in=wanted[start:start + CHUNK]).values_list("name", "pk"))
    unknown = sorted(names - found.keys())
    if unknown:
        holder = next(rule.name for rule in rules if unknown[0] in rule.names)
        raise CannotPublish(f"{holder} names {unknown[0]}, which is not in the catalogue. Submit"
                            " that file first, or together with the rules.")
    return found


def _write_links(rules: list[RuleFile], ids: dict[str, int]) -> None:
    links = []
    for rule in rules:
        children: dict[int, str] = {}
        for key, child in rule.children:
            children.setdefault(ids[child], key)
        for reference in rule.references:
            children.setdefault(ids[reference], "")
        links.extend(RuleLink(parent_id=ids[rule.name], child_id=child, key=children[child])
                     for child in sorted(children))
    RuleLink.objects.bulk_create(links, batch_size=LINK_BATCH)


def _inherit_blacklisting(rules: list[CatalogFile]) -> None:
    """New rules that contain bad ones are bad from the beginning; ``rules`` come bottom up."""
    for row in rules:
        bad = (RuleLink.objects.filter(parent=row, child__blacklisted=True).exists()
               or RuleLink.objects.filter(
                   parent=row, child__in=BadFile.objects.filter(
                       file__type=FileType.MAPPING).values("file_id")).exists())
        if bad:
            CatalogFile.objects.filter(pk=row.pk).update(blacklisted=True)


def note_replacements(pairs: dict[str, str]) -> None:
    """Note in the catalogue which new reference took the place of which old one.

    ``pairs`` are new names by old ones.  What was noted before stays: the first successor counts.
    """
    changed = []
    for row in CatalogFile.objects.published().filter(
            name__in=list(pairs), replaced_by_filename=""):
        CatalogFile.objects.filter(pk=row.pk).update(replaced_by_filename=pairs[row.name][:128])
        changed.append(row.pk)
    if changed:
        index.add(changed)


def move_edit_context(old: str, new: str, *, user: str, reason: str) -> bool:
    """Make ``new`` the edit context if it still is ``old``; False if it has moved meanwhile.

    One conditional update: of several confirmations that built on the same context exactly one
    succeeds, and the others build again.
    """
    ids = dict(CatalogFile.objects.filter(name__in=[old, new]).values_list("name", "pk"))
    # By key, not by name: a condition across tables would not be one statement on MariaDB.
    moved = ContextPointer.objects.filter(
        kind=ContextPointer.Kind.EDIT, context_id=ids.get(old),
    ).update(context_id=ids[new], changed_at=timezone.now(), changed_by=user,
             reason=reason[:2000])
    if moved:
        audit.record("set default context", user=user, file=new, why=reason,
                     context="edit", **{"from": old, "to": new})
    return bool(moved)


def edit_context_for_update() -> str:
    """The edit context, its row locked until the surrounding transaction ends."""
    row = (ContextPointer.objects.select_for_update().filter(kind=ContextPointer.Kind.EDIT)
           .select_related("context").first())
    return row.context.name if row else ""


def count_up() -> None:
    """The catalogue has changed: processes look again."""
    revision.bump()
