"""One submission while its job works on it: what steps share."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from common.errors import ServiceError
from common.faultpoints import reach
from interactive.models import FileType
from interactive.services import names as naming
from interactive.services import store
from jobs.context import JobCancelled, JobContext

from ...models import Finding, Level, Origin, State, Submission, SubmittedFile, Verdict

#: Findings that one submission keeps, and characters of one.
MOST_FINDINGS, TEXT_LIMIT = 5000, 4000

#: Types of messages on the channel for levels of findings.
MESSAGES = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "verbose"}


class Refused(ServiceError):
    """The submission cannot go on: findings say why.  Ends its job as failed."""


class Work:
    """A submission, its job and its folders.

    Writes are fenced: once the job was given to another worker, or the submission cancelled,
    none of them takes place.
    """

    #: Positions of files that were made, after those that were brought.
    MADE = 100_000

    def __init__(self, context: JobContext, submission: Submission, state: str = State.RUNNING):
        self.context, self.submission, self.state = context, submission, state
        self._findings = 0
        self._workshop = None

    def workshop(self, context: str = ""):
        """Processes that certify and rewrite, with the context loaded; opened once.

        ``context`` is the one of the submission unless given.
        """
        from rules.certifying import Workshop

        context = context or self.submission.base_context
        if self._workshop is None or self._workshop.context != context:
            self.close()
            self._workshop = Workshop(
                settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache, context,
                processes=os.cpu_count(), stop=self._wanted, folder=self.scratch)
            self._workshop.__enter__()
        return self._workshop

    def _wanted(self) -> bool:
        """What the workshop asks from time to time: raises when nobody wants the work any more."""
        self.context.check()
        return False

    def close(self) -> None:
        """End the processes of the workshop."""
        workshop, self._workshop = self._workshop, None
        if workshop is not None:
            workshop.close()

    # ---- places ------------------------------------------------------------

    @property
    def uploads(self) -> Path:
        """The submission's own copies of what was uploaded, under the names at upload."""
        return self.submission.folder / "uploads"

    @property
    def files(self) -> Path:
        """What would be published, under official names."""
        return self._folder("files")

    @property
    def results(self) -> Path:
        """Text differences and the like."""
        return self._folder("results")

    @property
    def scratch(self) -> Path:
        return self._folder("work")

    def _folder(self, name: str) -> Path:
        folder = self.submission.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def upload(self, file: SubmittedFile) -> Path:
        return self.uploads / file.uploaded_as

    def path(self, file: SubmittedFile) -> Path:
        """The bytes that would be published for ``file``."""
        return self.files / file.name

    def stored(self, name: str) -> Path:
        """Path of the stored catalogue file ``name``; Refused if its bytes are not here."""
        path = store.path(name)
        if path is None:
            raise Refused(f"{name} is not stored on this server, so nothing can be derived from"
                          " it. Choose another context, or ask the operators to fetch it.")
        return path

    # ---- telling -------------------------------------------------------------

    def say(self, text: str, type: str = "log_message") -> None:
        """A line on the channel and in the job's log."""
        self.context.log(text, type)

    def find(self, level: str, code: str, text: str, advice: str = "", *, stage: str,
             file: SubmittedFile | None = None) -> None:
        """Note a finding and tell it on the channel."""
        self._findings += 1
        if self._findings > MOST_FINDINGS and level != Level.ERROR:
            return
        with self.transaction():
            Finding.objects.create(
                submission=self.submission, file=file, stage=stage, level=level, code=code[:64],
                text=text[:TEXT_LIMIT], advice=advice[:TEXT_LIMIT])
        where = f"In '{file.uploaded_as}': " if file else ""
        self.say(f"{where}{text}", MESSAGES[Level(level)])

    def find_all(self, found: Iterable, *, stage: str = "", file: SubmittedFile | None = None,
                 by_name: dict[str, SubmittedFile] | None = None) -> None:
        """Findings of ``rules/``: anything with ``level``, ``code``, ``text`` and ``advice``."""
        for one in found:
            about = file or (by_name or {}).get(getattr(one, "file", ""))
            self.find(one.level, one.code, one.text, one.advice,
                      stage=stage or getattr(one, "stage", "") or "certify", file=about)

    def stop_on_errors(self) -> None:
        """Raise :class:`Refused` if there are errors by now."""
        count = self.submission.findings.filter(level=Level.ERROR).count()
        if count:
            files = (self.submission.findings.filter(level=Level.ERROR, file__isnull=False)
                     .values("file").distinct().count())
            where = f" in {files} file{'s' if files > 1 else ''}" if files else ""
            raise Refused(f"{count} error{'s' if count > 1 else ''}{where}. Your uploads are kept:"
                          " correct or remove the files concerned and submit again.")

    def progress(self, done: float, total: float, text: str) -> None:
        self.context.progress(done, total, text)

    # ---- writing ---------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self):
        """A transaction that commits only while the job is ours and the submission is worked on."""
        with self.context.transaction():
            if not Submission.objects.filter(
                    pk=self.submission.pk, state=self.state).update(state=self.state):
                raise JobCancelled
            yield

    def save(self, row, *fields: str) -> None:
        """Write ``fields`` of ``row``."""
        with self.transaction():
            row.save(update_fields=list(fields))

    def uploaded(self, type: str = "") -> list[SubmittedFile]:
        """Files that people brought, in their order; of one ``type`` if given."""
        rows = self.submission.files.filter(origin=Origin.UPLOADED)
        return list(rows.filter(type=type) if type else rows)

    # ---- names -------------------------------------------------------------------

    def allocate(self, file: SubmittedFile, series: str) -> str:
        """The next name of ``series`` for ``file``; what it has already, it keeps."""
        if not file.name:
            with self.transaction():
                file.name = naming.allocate(series)
                file.save(update_fields=["name"])
            reach("process.named")
        return file.name

    def reserve(self, file: SubmittedFile, name: str) -> str:
        """``name`` for ``file``; NameTaken if it was given out before, unless to this file."""
        if file.name != name:
            with self.transaction():
                file.name = naming.reserve(name)
                file.save(update_fields=["name"])
            reach("process.named")
        return file.name

    def generated(self, old: str, series: str, *, instrument: str = "",
                  filekind: str = "") -> SubmittedFile:
        """The row of a rule file made from ``old``, named once however often the work begins."""
        row = self.submission.files.filter(origin=Origin.GENERATED, derived_from=old).first()
        if row is None:
            with self.transaction():
                name = naming.allocate(series)
                row = SubmittedFile.objects.create(
                    submission=self.submission, origin=Origin.GENERATED, uploaded_as=name,
                    name=name, type=FileType.MAPPING, derived_from=old, instrument=instrument,
                    filekind=filekind, position=self.MADE + self.submission.files.count())
            reach("process.rule-named")
        return row

    def measure(self, file: SubmittedFile) -> None:
        """Note size and sha1 of the bytes that would be published."""
        path = self.path(file)
        file.size, file.sha1sum = path.stat().st_size, store.checksum(path)
        self.save(file, "size", "sha1sum")


def begin(work: Work) -> None:
    """Back to the uploads: what an earlier run found or made is forgotten, names are kept."""
    submission = work.submission
    with work.transaction():
        submission.findings.all().delete()
        submission.rule_changes.all().delete()
        submission.files.update(verdict=Verdict.NONE, log="")
    for name in ("files", "results", "work"):
        shutil.rmtree(submission.folder / name, ignore_errors=True)


def link_or_copy(source: Path, target: Path) -> None:
    """The bytes of ``source`` also at ``target``: they lie on one file system and never change."""
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def library_ready() -> None:
    """Point the client library of this process at the server's store."""
    from rules import environment

    environment.prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
