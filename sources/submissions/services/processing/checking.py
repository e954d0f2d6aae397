"""Steps before anything is made: are the files there, what are they, are they right?"""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings

from accounts.models import Role
from accounts.services import roles
from common.faultpoints import reach
from interactive.models import CatalogFile, FileType
from locking import services as locking
from locking.models import Lock

from ...models import Kind, Level, Origin, State, SubmittedFile, Verdict
from .work import Refused, Work

#: Names in one query.
CHUNK = 1000

CORRECT = "Correct the file and upload it again; the other files can stay."


def collect(work: Work) -> None:
    """Collect the files."""
    files = work.uploaded()
    if not files:
        raise Refused("The submission has no files.")
    for file in files:
        path = work.upload(file)
        if not path.is_file() or path.stat().st_size != file.size:
            work.find(Level.ERROR, "lost", "Its bytes are not where the submission keeps them.",
                      "Submit the files again.", stage="collect", file=file)
    if work.submission.kind in (Kind.BATCH, Kind.EXTENDED, Kind.REFERENCES):
        for file in files:
            if file.type == FileType.MAPPING:
                work.find(Level.ERROR, "not-a-reference", "It is a rule file.",
                          "Take it out of the upload area, and submit it with \"Submit"
                          " Mappings\".", stage="collect", file=file)


def only_rules(work: Work) -> None:
    """Rules and nothing else."""
    for file in work.uploaded():
        if file.type != FileType.MAPPING:
            work.find(Level.ERROR, "not-a-rule", "It is no .rmap, .imap or .pmap file.",
                      "Take it out of the upload area, and submit it with \"Batch Submit"
                      " References\".", stage="collect", file=file)
    work.stop_on_errors()
    for file in work.uploaded():
        _identify_rule(work, file)
    _one_instrument(work, work.uploaded())
    _all_instruments(work)


def _all_instruments(work: Work) -> None:
    """A pmap holds the rules of every instrument: the role has to be for all of them."""
    if roles.has(work.submission.user, Role.SUBMITTER, ""):
        return
    for file in work.uploaded():
        if file.uploaded_as.endswith(".pmap"):
            work.find(Level.ERROR, "not-allowed", "It holds the rules of all instruments, and you"
                      " may submit only for some.", "Submit the .rmap and .imap files: the new"
                      " .pmap is made from them.", stage="identify", file=file)


def _identify_rule(work: Work, file: SubmittedFile) -> None:
    from rules.reading import read_rule

    rule = read_rule(work.upload(file))
    if rule.problem and rule.code not in ("checksum",):
        work.find(Level.ERROR, f"rule-{rule.code}", rule.problem,
                  "Correct the rule and upload it again.", stage="identify", file=file)
    elif rule.observatory and rule.observatory != settings.CRDS_OBSERVATORY:
        work.find(Level.ERROR, "other-telescope", f"It is for observatory {rule.observatory}.",
                  "Submit it to the server of its observatory.", stage="identify", file=file)
    file.instrument = rule.instrument if not file.uploaded_as.endswith(".pmap") else ""
    file.filekind = rule.filekind if file.uploaded_as.endswith(".rmap") else ""
    file.derived_from = rule.header.get("derived_from", "")[:256]
    work.save(file, "instrument", "filekind", "derived_from")


# ---- what they are -------------------------------------------------------------


def identify(work: Work) -> None:
    """Find out what the files are."""
    from rules.certifying import Candidate

    files = work.uploaded()
    outcomes = work.workshop().identify(
        [Candidate(work.upload(file), file.uploaded_as) for file in files])
    for file, found in zip(files, outcomes, strict=True):
        file.instrument, file.filekind = found.instrument.lower(), found.filekind.lower()
        work.save(file, "instrument", "filekind")
        if found.problem:
            work.find_all([found.problem], stage="identify", file=file)
    _one_instrument(work, files)


def _one_instrument(work: Work, files: list[SubmittedFile]) -> None:
    """All of the instrument that was named or is locked; roles for each."""
    submission = work.submission
    named = submission.instrument or _locked(submission.user, files)
    found = sorted({file.instrument for file in files if file.instrument})
    for file in files:
        if named and file.instrument and file.instrument != named:
            why = ("the submission is for" if submission.instrument else "you have locked")
            work.find(Level.ERROR, "wrong-instrument",
                      f"It belongs to {file.instrument}, but {why} {named}.",
                      "Take it out of the upload area, or submit it by itself for its"
                      " instrument.", stage="identify", file=file)
    for instrument in found:
        if not roles.has(submission.user, Role.SUBMITTER, instrument):
            work.find(Level.ERROR, "not-allowed",
                      f"You may not submit files of {instrument}.",
                      "An administrator grants the role; ask the team that runs this server.",
                      stage="identify")
    if not submission.instrument and len(found) == 1:
        submission.instrument = found[0]
        work.save(submission, "instrument")


def _locked(user, files: list[SubmittedFile]) -> str:
    """The instrument that ``user`` has locked at login, empty without one."""
    locks = [lock for lock in Lock.objects.filter(user=user) if not lock.is_expired]
    names = {lock.name for lock in locks}
    return names.pop() if len(names) == 1 else ""


def lock(work: Work) -> None:
    """Lock the instruments for the submitter."""
    for name in sorted({file.instrument for file in work.submission.files.all()} - {""}):
        try:
            locking.acquire(name, work.submission.user)
        except locking.LockHeld as exc:
            work.find(Level.ERROR, "locked", exc.message, "Your uploads are kept; submit again"
                      " when the lock is gone.", stage="lock")


# ---- whether they are right --------------------------------------------------------


def certify(work: Work) -> None:
    """Certify the files."""
    certify_files(work, work.uploaded(), {file.uploaded_as: work.upload(file)
                                          for file in work.uploaded()})


def certify_files(work: Work, files: list[SubmittedFile], paths: dict, *,
                  names: dict | None = None, coming=(), context: str = "") -> None:
    """Certify ``files`` in parallel; outcomes are written as they come.

    ``paths`` are by name at upload, ``names`` under which they are certified if not that one;
    files called as in ``coming`` are published together with them.  ``context`` is the one of the
    submission unless given.
    """
    from rules.certifying import Candidate

    submission = work.submission
    by_name = {(names or {}).get(file.uploaded_as, file.uploaded_as): file for file in files}
    for name in by_name:
        work.say(f"Certifying '{name}'")
    done = 0

    def finished(certified) -> None:
        nonlocal done
        done += 1
        _write_outcome(work, by_name[certified.name], certified)
        work.progress(done, len(by_name), f"{done} of {len(by_name)} files certified")
        reach("process.certified")

    work.workshop(context).certify(
        [Candidate(paths[file.uploaded_as], name) for name, file in by_name.items()],
        compare_old_reference=submission.compare_old_reference,
        unknown=lambda asked: unknown(asked - set(coming)), on_finished=finished)


def _write_outcome(work: Work, file: SubmittedFile, certified) -> None:
    file.verdict, file.log = certified.verdict, certified.log[-1_000_000:]
    if certified.instrument and not file.instrument:
        file.instrument = certified.instrument.lower()
    if certified.filekind and not file.filekind:
        file.filekind = certified.filekind.lower()
    work.save(file, "verdict", "log", "instrument", "filekind")
    work.find_all(certified.findings, stage="certify", file=file)


def unknown(names: set[str]) -> list[str]:
    """Those of ``names`` that are not in the catalogue."""
    wanted, known = sorted(names), set()
    for start in range(0, len(wanted), CHUNK):
        known.update(CatalogFile.objects.published().filter(
            name__in=wanted[start:start + CHUNK]).values_list("name", flat=True))
    return [name for name in wanted if name not in known]


# ---- duplicates --------------------------------------------------------------------


def duplicates(work: Work) -> None:
    """Look for files that CRDS has already."""
    files = work.uploaded()
    found = identical(files)
    for file in files:
        if file.uploaded_as in found:
            work.find_all(found[file.uploaded_as], stage="duplicates", file=file)
            _mark(work, file)


def identical(files: list[SubmittedFile]) -> dict[str, list]:
    """Errors of files that are the same as others of them, or of CRDS, by name at upload."""
    from rules import duplicates as same

    return same.find({file.uploaded_as: file.uploaded_sha1sum for file in files}, _known)


def _mark(work: Work, file: SubmittedFile) -> None:
    if file.verdict != Verdict.ERRORS:
        file.verdict = Verdict.ERRORS
        work.save(file, "verdict")


def _known(sums: set[str]) -> dict[str, set[str]]:
    """Published names by sha1; also of references whose bytes changed with their renaming."""
    found: dict[str, set[str]] = defaultdict(set)
    wanted = sorted(sums)
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start:start + CHUNK]
        for sha1sum, name in [
                *SubmittedFile.objects.filter(
                    uploaded_sha1sum__in=chunk, origin=Origin.UPLOADED,
                    submission__state=State.CONFIRMED).values_list("uploaded_sha1sum", "name"),
                *CatalogFile.objects.published().filter(sha1sum__in=chunk)
                .values_list("sha1sum", "name")]:
            found[sha1sum].add(name)
    return found
