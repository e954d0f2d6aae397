"""Puts what was decided into the store and the catalogue.

First the bytes, then all rows in one transaction, pointers last: stopped at any
point, the catalogue is as it was, and a second run finds the bytes in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from common import dates
from common.errors import BadRequest
from interactive.models import (
    BadFile,
    CatalogFile,
    ContextHistory,
    ContextPointer,
    FileState,
    FileType,
    ImportFinding,
    RuleLink,
)
from interactive.models.catalog import ChangeLevel
from rules.names import identify, is_mapping, naming_time

from .. import audit, names, revision, rule_graph, store
from ..search import index
from .decision import Decision, Row
from .errors import ImportFailed
from .progress import Progress
from .sources import Source

BATCH = 500
LINK_BATCH = 20_000
FINDING_KEY = ("name", "code")
#: Copies at a time; each waits for the disk most of its time.
COPIES = 4

USER = "import"


@dataclass
class Changes:
    """What a transaction added."""

    files: int = 0
    links: int = 0
    stored: int = 0
    history: int = 0
    bad_files: int = 0
    pointers: int = 0
    findings: int = 0

    def __bool__(self) -> bool:
        return any(vars(self).values())


def existing_rows() -> dict[str, Row]:
    """The catalogue by name; provisional files are in it too, their names are taken."""
    rows = CatalogFile.objects.values_list("name", "size", "sha1sum", "stored").iterator()
    return {name: Row(size, sha1sum, stored) for name, size, sha1sum, stored in rows}


# ---- bytes -----------------------------------------------------------------


def place_bytes(source: Source, decision: Decision, existing: dict[str, Row],
                progress: Progress) -> None:
    """Put the bytes of all files to publish into the store, those there already left out."""
    store.remove_leftovers()
    wanted = [
        (name, paths[name], file.sha1sum)
        for files, paths in ((decision.rules, source.rules),
                             (decision.references, source.references))
        for name, file in files.items()
        if not (name in existing and existing[name].stored)
    ]
    progress.stage("Storing files", len(wanted))
    if not wanted:
        return
    pool = ThreadPoolExecutor(COPIES)
    try:
        placed = pool.map(lambda item: _place(*item, source.link), wanted)
        for number, _ in enumerate(placed, 1):
            progress.step(number)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    progress.stage("Writing files through to the disk", len(wanted))
    store.sync_files((name for name, _, _ in wanted), progress.step)


def _place(name: str, path: Path, sha1sum: str, link: bool) -> None:
    try:
        store.place(path, name, sha1sum=sha1sum, link=link, sync=False)
    except store.ContentConflict:
        # No catalogue row stands for those bytes: something unpublished lies in the way.
        store.quarantine(store.folder_for(name) / name)
        store.place(path, name, sha1sum=sha1sum, link=link, sync=False)


# ---- rows --------------------------------------------------------------------


def write_rows(source: Source, decision: Decision, existing: dict[str, Row],
               progress: Progress) -> Changes:
    """Add everything to the catalogue in one transaction."""
    try:
        with transaction.atomic():
            return _write_rows(source, decision, existing, progress)
    except DatabaseError as exc:
        raise ImportFailed(f"The database refused the import: {exc}. The catalogue is as it was."
                           " If its disk is full, free some space; then start again.") from exc


def _write_rows(source: Source, decision: Decision, existing: dict[str, Row],
                progress: Progress) -> Changes:
    changes = Changes()
    revision.current()
    pointers = set(ContextPointer.objects.values_list("kind", flat=True))
    # A catalogue with a latest context of its own keeps its contexts and their history.
    take_contexts = "latest" not in pointers
    new = _new_files(source, decision, existing, take_contexts, progress)
    _require_unchanged(file.name for file in new)
    progress.stage("Writing the catalogue", len(new))
    for start in range(0, len(new), BATCH):
        CatalogFile.objects.bulk_create(new[start:start + BATCH])
        progress.step(start)
    changes.files = len(new)
    changes.stored = _add_bytes(decision, existing)
    _register_names(source, decision, existing)
    ids = dict(CatalogFile.objects.values_list("name", "pk").iterator())
    changes.links = _write_links(decision, existing, ids, progress)
    if take_contexts:
        changes.history = _write_history(decision)
    else:
        _report_kept(decision)
    changes.bad_files = _write_bad_files(decision, existing, ids)
    changes.pointers = _write_pointers(decision, ids, pointers, take_contexts)
    _set_flags(changes, take_contexts)
    _write_index(decision, existing, ids, new, progress)
    changes.findings = _write_findings(decision)
    if changes:
        audit.record("import", user=USER, why=source.label, **vars(changes))
        revision.bump()
    return changes


def _require_unchanged(new: Iterable[str]) -> None:
    new = list(new)
    for start in range(0, len(new), 5000):
        taken = (CatalogFile.objects.filter(name__in=new[start:start + 5000])
                 .values_list("name", flat=True).first())
        if taken:
            raise ImportFailed(
                f"The catalogue changed while the import was reading: {taken} is in it now."
                " Nothing was imported; start again.")


def _new_files(source: Source, decision: Decision, existing: dict[str, Row],
               take_contexts: bool, progress: Progress) -> list[CatalogFile]:
    """Unsaved rows of all files that the catalogue does not have."""
    progress.stage("Describing files")
    observatory = settings.CRDS_OBSERVATORY
    identities = _identities(decision)
    activation = _activation_dates(decision) if take_contexts else {}
    not_after = source.state.taken_at if source.state else None
    rows = []
    for name, rule in decision.rules.items():
        if name not in existing:
            rows.append(CatalogFile(
                name=name, type=FileType.MAPPING, extension=f".{rule.kind}", stored=True,
                instrument=rule.instrument if rule.kind != "pmap" else "",
                filekind=rule.filekind if rule.kind == "rmap" else "",
                size=rule.size, sha1sum=rule.sha1sum,
                derived_from=rule.header.get("derived_from", "")[:256],
                description=rule.header.get("description", "")))
    for name, known in decision.known.items():
        rows.append(_named(observatory, name, identities, not_after, stored=False,
                           size=known.size, sha1sum=known.sha1sum))
    for name, reference in decision.references.items():
        if name not in existing:
            row = _named(observatory, name, identities, not_after, stored=True,
                         size=reference.size, sha1sum=reference.sha1sum)
            _describe(row, reference.fields)
            row.useafter_date = reference.useafter
            rows.append(row)
    for row in rows:
        row.observatory = observatory
        row.state = FileState.ARCHIVED
        row.activation_date = activation.get(row.name)
        if row.name in source.catalog:
            _complete(row, source.catalog[row.name])
    rows.sort(key=lambda row: row.name)
    return rows


def _named(observatory: str, name: str, identities: dict[str, set], not_after: datetime | None,
           **fields) -> CatalogFile:
    """A row for a file about which its name and the rules that hold it tell."""
    identity = identify(observatory, name)
    own = identity.instrument, identity.filekind
    held = identities.get(name, set())
    # The rules that hold a reference say what it is; among several the name decides.
    instrument, filekind = own if own in held or not held else min(held)
    delivered = None
    if observatory == "hst" and identity.type == "reference":
        delivered = naming_time(name, not_after)
    return CatalogFile(
        name=name, type=identity.type, extension=identity.extension[:16],
        instrument=instrument, filekind=filekind, delivery_date=delivered, **fields)


def _identities(decision: Decision) -> dict[str, set[tuple[str, str]]]:
    """Instrument and type of references according to the rules that hold them."""
    held: dict[str, set[tuple[str, str]]] = {}
    for rule in decision.rules.values():
        identity = rule.instrument, rule.filekind
        for name in rule.references:
            held.setdefault(name, set()).add(identity)
    return held


def _activation_dates(decision: Decision) -> dict[str, datetime]:
    """When each file first belonged to the latest context, by the context history."""
    first: dict[str, datetime] = {}
    for turn in decision.history:
        level = [turn.context]
        while level:
            below = []
            for name in level:
                if name in first or (is_mapping(name) and name not in decision.rules):
                    continue
                first[name] = turn.date
                if name in decision.rules:
                    below.extend(decision.rules[name].names)
            level = below
    return first


def _describe(row: CatalogFile, fields: dict[str, str]) -> None:
    """Set text fields, cut to what the columns hold."""
    for name, value in fields.items():
        limit = CatalogFile._meta.get_field(name).max_length
        setattr(row, name, value[:limit] if limit else value)


#: Texts and times of the JSON-RPC's catalogue that are taken over as they are.
CATALOG_TEXTS = (
    "aperture", "comment", "creator_name", "deliverer_user", "derived_from", "description",
    "history", "pedigree", "reference_file_type", "replaced_by_filename", "uploaded_as")
CATALOG_DATES = ("activation_date", "delivery_date", "useafter_date")


def _complete(row: CatalogFile, fields: dict) -> None:
    """Fill the empty fields of ``row`` from the other server's catalogue."""
    texts = {name: str(fields[name]) for name in CATALOG_TEXTS
             if fields.get(name) and str(fields[name]).lower() != "none" and not getattr(row, name)}
    _describe(row, texts)
    for name in CATALOG_DATES:
        if getattr(row, name) is None:
            try:
                setattr(row, name, dates.parse(str(fields.get(name, ""))))
            except BadRequest:
                continue
    level = str(fields.get("change_level", "")).lower()
    if level in ChangeLevel.values:
        row.change_level = level
    for name in ("instrument", "filekind"):
        if not getattr(row, name):
            _describe(row, {name: _known_text(fields.get(name))})


def _known_text(value) -> str:
    text = str(value or "").lower()
    return "" if text in ("none", "unknown", "n/a") else text


def _add_bytes(decision: Decision, existing: dict[str, Row]) -> int:
    """Files that were known by name only and whose bytes are here now."""
    count = 0
    for files in (decision.rules, decision.references):
        for name, file in files.items():
            if name in existing and not existing[name].stored:
                count += CatalogFile.objects.filter(name=name, stored=False).update(
                    stored=True, size=file.size, sha1sum=file.sha1sum)
    return count


def _register_names(source: Source, decision: Decision, existing: dict[str, Row]) -> None:
    """Every name that was seen counts as given out, also of files that are only reported."""
    seen = {*source.rules, *source.references, *decision.rules, *decision.references,
            *decision.known, *decision.bad_files, *(turn.context for turn in decision.history)}
    if source.state:
        seen.update(source.state.files, source.state.mappings)
    names.register(name for name in seen if len(name) <= 128 and name not in existing)


def _write_links(decision: Decision, existing: dict[str, Row], ids: dict[str, int],
                 progress: Progress) -> int:
    """Add the links of new rules; hundreds of thousands, hence plain SQL."""
    rows: list[tuple[int, int, str]] = []
    for name in sorted(decision.rules):
        if name in existing and existing[name].stored:
            continue
        rule, parent = decision.rules[name], ids[name]
        children: dict[int, str] = {}
        for key, child in rule.children:
            children.setdefault(ids[child], key)
        for reference in rule.references:
            children.setdefault(ids[reference], "")
        rows.extend((parent, child, children[child]) for child in sorted(children))
    progress.stage("Writing links between files", len(rows))
    quote = connection.ops.quote_name
    statement = (
        f"INSERT INTO {quote(RuleLink._meta.db_table)}"
        f" ({quote('parent_id')}, {quote('child_id')}, {quote('key')}) VALUES (%s, %s, %s)")
    with connection.cursor() as cursor:
        for start in range(0, len(rows), LINK_BATCH):
            cursor.executemany(statement, rows[start:start + LINK_BATCH])
            progress.step(start)
    return len(rows)


def _write_index(decision: Decision, existing: dict[str, Row], ids: dict[str, int],
                 new: list[CatalogFile], progress: Progress) -> None:
    """Add new files, and what new rules select references for, to the index of the search."""
    rules = [rule for name, rule in decision.rules.items()
             if not (name in existing and existing[name].stored)]
    if new or rules:
        progress.stage("Indexing for the search")
        index.add((ids[file.name] for file in new), index.cases_of(rules, ids))


def _write_history(decision: Decision) -> int:
    known = set(ContextHistory.objects.values_list("start_date", "context"))
    rows = [ContextHistory(start_date=turn.date, context=turn.context,
                           description=turn.description, user=USER)
            for turn in decision.history if (turn.date, turn.context) not in known]
    ContextHistory.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def _report_kept(decision: Decision) -> None:
    """Say what of the source's contexts is not taken over, because there are some here."""
    here = dict(ContextPointer.objects.values_list("kind", "context__name"))
    for kind in ("latest", "edit", "versions"):
        there = getattr(decision, kind)
        if there and there != here.get(kind, ""):
            decision.report("pointer-kept", there, f"It is the {kind} context there; here"
                            f" {here.get(kind) or 'none'} stays it.", True)
    known = set(ContextHistory.objects.values_list("context", flat=True))
    for turn in decision.history:
        if turn.context not in known:
            decision.report("history-kept", turn.context, "It was latest context there; the"
                            " history here is not changed.", True)


def _write_bad_files(decision: Decision, existing: dict[str, Row], ids: dict[str, int]) -> int:
    marked = set(BadFile.objects.values_list("file__name", flat=True))
    rows = []
    for name in decision.bad_files:
        if name in marked:
            continue
        if name not in ids:
            decision.report("bad-unknown", name, "The server lists it as bad, but it is neither"
                            " among the files nor in its record.", False)
        elif name in existing:
            decision.report("bad-kept", name, "It is marked bad there, but not here. Mark it with"
                            " Mark Files Bad if it is to be.", True)
        else:
            rows.append(BadFile(file_id=ids[name], reason="listed as bad by the imported server",
                                marked_by=USER))
    BadFile.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def _write_pointers(decision: Decision, ids: dict[str, int], present: set[str],
                    take_contexts: bool) -> int:
    if not take_contexts:
        return 0
    count = 0
    for kind in ("latest", "edit", "versions"):
        name = getattr(decision, kind)
        if name and kind not in present:
            ContextPointer.objects.create(
                kind=kind, context_id=ids[name], changed_by=USER, reason="import")
            count += 1
    return count


def _set_flags(changes: Changes, take_contexts: bool) -> None:
    """States and flags follow from pointers, marks and links."""
    if take_contexts and changes.pointers:
        _update(rule_graph.latest_ids(), {"state": FileState.ARCHIVED}, state=FileState.LATEST)
    _update(rule_graph.blacklisted_ids(), {"blacklisted": False}, blacklisted=True)
    bad = set(BadFile.objects.filter(file__type=FileType.REFERENCE)
              .values_list("file_id", flat=True))
    _update(bad, {"rejected": False}, rejected=True)


def _update(ids: Iterable[int], only: dict, **values) -> None:
    ids = sorted(ids)
    for start in range(0, len(ids), 5000):
        CatalogFile.objects.filter(pk__in=ids[start:start + 5000], **only).update(**values)


def _write_findings(decision: Decision) -> int:
    """Add findings, or bring them up to date; returns how many were new or changed."""
    known = {(row.name, row.code): row for row in ImportFinding.objects.all().iterator()}
    now = datetime.now(UTC)
    new, changed = {}, []
    for finding in decision.findings:
        key = finding.name[:256], finding.code
        row = known.get(key)
        if row is None:
            new[key] = ImportFinding(name=key[0], code=key[1], reason=finding.reason,
                                     published=finding.published, found_at=now)
        elif (row.reason, row.published) != (finding.reason, finding.published):
            row.reason, row.published, row.found_at = finding.reason, finding.published, now
            changed.append(row)
    ImportFinding.objects.bulk_create(new.values(), batch_size=BATCH)
    ImportFinding.objects.bulk_update(
        changed, ["reason", "published", "found_at"], batch_size=BATCH)
    return len(new) + len(changed)
