"""Best references of a file of headers, written to another file; stopped runs go on."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path

from common.errors import BadRequest, Unavailable
from rules.bulk import workers
from rules.bulk.workers import Task

from . import header_files

#: Bytes of a file from which on workers are worth their start.
WORTH_WORKERS = 32 * 1024 * 1024


@dataclass
class Run:
    """What a run has done; ``entries`` of the input are finished, ``size`` bytes are written."""

    entries: int = 0
    size: int = 0
    headers: int = 0
    errors: int = 0
    left: Counter = field(default_factory=Counter)


def run(task: Task, headers: Path, output: Path, *, restart: bool = False,
        processes: int | None = None, progress: Callable[[Run], None] = lambda run: None) -> Run:
    """Write the answers for ``headers`` to ``output``, one JSON object in each line.

    What is finished is recorded beside the output after each batch, so a run that was
    stopped, even killed, is taken up where it was.  Raises :class:`BadRequest` for files that
    cannot be read or an output that belongs to something else.
    """
    record = output.with_name(output.name + ".progress")
    asked = {"context": task.context, "types": list(task.types), "headers": str(headers.resolve()),
             "bytes": headers.stat().st_size if headers.is_file() else 0}
    done = Run() if restart else _begun(asked, output, record)
    if processes is None:
        processes = (os.cpu_count() or 1) if asked["bytes"] > WORTH_WORKERS else 1
    # Reads the beginning of the input, so that a bad file leaves the output alone.
    pieces = _Pieces(header_files.batches(headers, done.entries))
    with open(output, "r+b" if done.size else "wb") as stream:
        stream.truncate(done.size)
        stream.seek(done.size)
        try:
            for selected in workers.select(task, pieces, processes):
                _add(done, selected, pieces.covered.pop(0))
                stream.write(selected.text.encode())
                stream.flush()
                os.fsync(stream.fileno())
                done.size = stream.tell()
                _write(record, {**asked, "done": asdict(done) | {"left": _listed(done.left)}})
                progress(done)
        except BrokenProcessPool as exc:
            raise Unavailable("A worker process ended unexpectedly, perhaps for want of memory."
                              " What is written stays; run it again to go on.") from exc
    record.unlink(missing_ok=True)
    return done


class _Pieces:
    """Batches, and how much of the input each of those given out covers."""

    def __init__(self, batches):
        self._batches = iter(batches)
        self._first = next(self._batches, None)
        self.covered: list[int] = []

    def __iter__(self):
        piece = self._first
        while piece is not None:
            self.covered.append(piece[1])
            yield piece[0]
            piece = next(self._batches, None)


def _begun(asked: dict, output: Path, record: Path) -> Run:
    """What an earlier run of the same has done."""
    if not output.exists():
        return Run()
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError) as exc:
        raise BadRequest(f"{output} exists and no run of it was stopped. Give another name, or"
                         " --restart to write it anew.") from exc
    done = found.pop("done", None)
    if found != asked or done is None or output.stat().st_size < done["size"]:
        raise BadRequest(f"{output} was begun with another context, other types or other headers."
                         " Give another name, or --restart to write it anew.")
    left = Counter({tuple(key): rows for key, rows in done.pop("left")})
    return Run(**done, left=left)


def _add(done: Run, selected: workers.Selected, covered: int) -> None:
    done.entries += covered
    done.headers += selected.headers
    done.errors += selected.errors
    done.left += selected.left


def _listed(left: Counter) -> list:
    return [[list(key), rows] for key, rows in left.items()]


def _write(record: Path, content: dict) -> None:
    partial = record.with_name(record.name + ".partial")
    partial.write_text(json.dumps(content))
    os.replace(partial, record)
