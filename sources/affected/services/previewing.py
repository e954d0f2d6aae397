"""How many known datasets a new version of one rmap would touch, within seconds."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from django.conf import settings

from archive import services as archive
from common.errors import BadRequest
from interactive.services import contexts

from . import archive_columns

#: Datasets that are read at a time where the archive has not been put into columns.
AT_ONCE = 2000


@dataclass(frozen=True)
class Example:
    """A dataset that would get another reference; ``N/A`` means that none applies."""

    id: str
    old: str
    new: str


@dataclass
class Preview:
    """What replacing an rmap would do to the datasets that the archive knows.

    ``datasets`` were looked at; with ``complete`` these are all of the instrument, otherwise
    time was up.  ``affected`` of them would get another reference of the type, ``examples``
    are some of these and ``changes`` counts them by (old reference, new reference), the most
    frequent first.  ``errors`` counts datasets by message where selection fails under the new
    rules, as the client library words it.
    """

    instrument: str
    filekind: str
    datasets: int = 0
    affected: int = 0
    complete: bool = False
    examples: list[Example] = field(default_factory=list)
    changes: list[tuple[str, str, int]] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    seconds: float = 0.0


def preview(old_rmap: str, new_rmap: str | Path, *, context: str | None = None, limit: int = 10,
            seconds: float = 20.0) -> Preview:
    """What would change for known datasets if ``new_rmap`` took the place of ``old_rmap``.

    ``old_rmap`` is the name of a published rmap.  ``new_rmap`` is the text of the new one
    (str) or the path of its file (:class:`pathlib.Path`); its name, derivation and checksum
    do not matter, its instrument and type must be those of the old one.  ``context`` is the
    context that has ``old_rmap`` (parameters of its other types are passed to the rules as
    usual); None takes the edit or the latest context if they have it, else the rmap alone.
    At most ``limit`` examples are given, and after ``seconds`` the answer is about the
    datasets seen so far (``complete`` false).

    Uses the client library: call it from jobs, not from web requests.  Raises BadRequest with
    the library's reason for rules that cannot be read.  An archive without datasets of the
    instrument gives zeros.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crds-preview-") as folder:
        path = _as_file(new_rmap, Path(folder) / Path(old_rmap).name)
        comparer, instrument, kind = _comparer(old_rmap, path, context)
        found = Preview(instrument, kind)
        changes: Counter = Counter()
        errors: Counter = Counter()
        for ids, table in _tables(instrument):
            effects = comparer.effects(table, ids)
            found.datasets += len(ids)
            found.affected += len(effects.affected)
            for one in effects.affected:
                update = one.updates[0]
                changes[update.old, update.new] += 1
                if len(found.examples) < limit:
                    found.examples.append(Example(one.id, update.old, update.new))
            for (_, _, message), count in effects.errors.items():
                if not message.startswith("Old:"):
                    errors[message.removeprefix("New: ").strip()] += count
            if time.monotonic() - started > seconds:
                break
        else:
            found.complete = True
    found.changes = [(*pair, count) for pair, count in changes.most_common(limit)]
    found.errors = errors.most_common(limit)
    found.seconds = time.monotonic() - started
    return found


def _as_file(new_rmap: str | Path, path: Path) -> Path:
    """The new rules under the name of the old ones, by which the library finds its way."""
    try:
        text = new_rmap.read_bytes() if isinstance(new_rmap, Path) else new_rmap.encode()
    except OSError as exc:
        raise BadRequest(f"The new rules cannot be read: {exc.strerror}.") from exc
    path.write_bytes(text)
    return path


def _comparer(old_rmap: str, path: Path, context: str | None):
    """(comparer of the old and the new rules, instrument, type)."""
    from rules.bulk import Engine, Source, compiled_folder, shared_engine
    from rules.bulk.change import Change
    from rules.bulk.effects import Comparer
    from rules.loading import shared_cache

    rules = shared_cache()
    try:
        old = rules.part(old_rmap)
        source = Source(rules.part, compiled_folder(), {old_rmap: path})
        new = source.load(old_rmap)
    except Exception as exc:
        reason = str(exc).replace(str(path), "of the new rules")
        raise BadRequest(f"The rules cannot be read: {reason}") from exc
    if (old.instrument, old.filekind) != (new.instrument, new.filekind):
        raise BadRequest(
            f"The new rules are for {new.instrument} {new.filekind}, but '{old_rmap}' is for"
            f" {old.instrument} {old.filekind}. Choose the rmap that they shall replace.")
    where = context or _context_of(old_rmap, old.instrument, old.filekind) or old_rmap
    change = Change(settings.CRDS_OBSERVATORY, where, where,
                    {old.instrument: (old.filekind,)}, {}, all_dates=True)
    comparer = Comparer(shared_engine(), change, new_engine=Engine(source))
    return comparer, old.instrument, old.filekind


def _context_of(rmap: str, instrument: str, kind: str) -> str | None:
    """The edit or latest context, if it has ``rmap``."""
    from rules.loading import shared_cache

    pointers = contexts.pointers()
    for pointer in ("edit", "latest"):
        if pointer not in pointers:
            continue
        name = pointers[pointer].context.name
        try:
            imap = shared_cache().part(name).get_imap(instrument)
            if imap.selections._xx_selector.get(kind) == rmap:
                return name
        except Exception:  # broken contexts are told elsewhere
            continue
    return None


def _tables(instrument: str) -> Iterator[tuple]:
    """(ids, headers as a table) of all datasets of the instrument."""
    from rules.bulk import Table, columns

    known = archive_columns.current(instrument)
    if known is not None:
        yield from map(partial(columns.read), (chunk.path for chunk in known.chunks))
        return
    entries = archive.entries(instrument)
    while some := list(islice(entries, AT_ONCE)):
        yield [one.key for one in some], Table.from_headers([one.header for one in some])
