"""An import from beginning to end."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from .. import cache_config
from .decision import Decision, Finding, Row, decide
from .errors import ImportFailed
from .progress import Progress
from .reading import read_references, read_rules
from .sources import Source
from .writing import Changes, existing_rows, place_bytes, write_rows

#: Files named in one error message.
SHOWN = 5


@dataclass
class Summary:
    """What an import did: counts of files by type, and everything it reports."""

    source: str
    observatory: str
    latest: str = ""
    edit: str = ""
    rules: int = 0
    references: int = 0
    known: int = 0
    changes: Changes = field(default_factory=Changes)
    findings: list[Finding] = field(default_factory=list)

    def groups(self) -> Counter:
        """How many findings there are of each kind, by (published, code)."""
        return Counter((finding.published, finding.code) for finding in self.findings)


def import_catalog(source: Source, progress: Progress | None = None) -> Summary:
    """Take over ``source`` into the catalogue and the store of this instance.

    Raises :class:`~common.errors.ServiceError` with the catalogue as it was.
    """
    progress = progress or Progress()
    with _alone():
        source.open(progress)
        rules, references = _read(source, progress)
        existing = existing_rows()
        decision = decide(settings.CRDS_OBSERVATORY, rules, references, source.state, existing,
                          timezone.now())
        _require_latest(source, decision)
        try:
            place_bytes(source, decision, existing, progress)
        except OSError as exc:
            raise ImportFailed(f"A file could not be stored: {exc}. The catalogue is as it was."
                               ) from exc
        changes = write_rows(source, decision, existing, progress)
        if changes or not cache_config.is_written():
            progress.stage("Writing the configuration of the file cache")
            cache_config.write()
        source.close()
    progress.finish()
    return Summary(
        source=source.label, observatory=settings.CRDS_OBSERVATORY,
        latest=decision.latest, edit=decision.edit, rules=len(decision.rules),
        references=len(decision.references), known=_count_known(source, decision, existing),
        changes=changes, findings=sorted(decision.findings))


def _read(source: Source, progress: Progress):
    progress.stage("Reading rules", len(source.rules))
    rules = read_rules(source.rules.values(), progress.step)
    progress.stage("Reading references", len(source.references))
    references = read_references(source.references.values(), progress.step)
    unreadable = [(rule.name, rule.problem) for rule in rules.values() if rule.code == "unreadable"]
    unreadable += [(file.name, file.problem) for file in references.values() if file.problem]
    if unreadable:
        listed = "; ".join(f"{name}: {problem}" for name, problem in unreadable[:SHOWN])
        more = f" and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
        raise ImportFailed(
            f"{len(unreadable)} of the files cannot be read ({listed}{more}). Make them readable,"
            " or remove them from the source, and start again. Nothing was imported.")
    return rules, references


def _count_known(source: Source, decision: Decision, existing: dict[str, Row]) -> int:
    """Files known by name only, those included that the catalogue knew so before."""
    recorded = source.state.files if source.state else ()
    return len(decision.known) + sum(
        1 for name in recorded if name in existing and not existing[name].stored
        and name not in decision.references and name not in decision.rules)


def _require_latest(source: Source, decision: Decision) -> None:
    """A catalogue without a context that loads serves nobody."""
    if decision.latest:
        return
    if not source.state:
        raise ImportFailed(
            f"None of the contexts of the {source.label} can be published, because rules are"
            " broken or missing. Nothing was imported." + _reasons(decision))
    raise ImportFailed(
        f"{source.state.latest} is the latest context of the {source.label}, but cannot be"
        f" published: half a cache? Run 'crds sync --contexts {source.state.latest}' for it and"
        " start again. Nothing was imported." + _reasons(decision, source.state.latest))


def _reasons(decision: Decision, name: str = "") -> str:
    """Why ``name`` (or any context) is not published, followed down to the first cause."""
    by_name = {finding.name: finding for finding in decision.findings if not finding.published}
    if not name:
        name = next((key for key in by_name if key.endswith(".pmap")), "")
    text = ""
    while name in by_name:
        finding = by_name.pop(name)
        text += f" {name}: {finding.reason}"
        name = next((word.strip(",.") for word in finding.reason.split()
                     if word.strip(",.") in by_name), "")
    return text


@contextmanager
def _alone() -> Iterator[None]:
    """One import at a time on this instance."""
    folder = settings.INSTANCE.run
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "import.lock", os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as exc:
        raise ImportFailed(f"{folder} cannot be written: {exc.strerror}.") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as exc:
        raise ImportFailed("Another import into this instance is running. Wait for its end,"
                           " or stop it, and start again.") from exc
    finally:
        os.close(lock)


