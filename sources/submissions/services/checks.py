"""What must be true of submissions and the catalogue at every moment; for the invariants check."""

from __future__ import annotations

from collections.abc import Iterator

from interactive.models import CatalogFile, RuleLink
from interactive.services.violations import NOTE, Violation

from ..models import ENDED, Origin, State, Submission, SubmittedFile
from . import sweeping
from .starting import BUSY

#: Names in one query.
CHUNK = 2000


def confirmed_are_published() -> Iterator[Violation]:
    """Every file of a confirmed submission is published with the content that was confirmed."""
    files = (SubmittedFile.objects.filter(submission__state=State.CONFIRMED)
             .exclude(origin=Origin.CATALOGUE).values_list("name", "sha1sum", "submission_id"))
    for chunk in _chunks(files.iterator()):
        published = dict(CatalogFile.objects.published().filter(
            name__in=[name for name, _, _ in chunk]).values_list("name", "sha1sum"))
        for name, sha1sum, submission in chunk:
            if name not in published:
                yield Violation("submissions", name or str(submission), "It belongs to the"
                                f" confirmed submission {submission}, but is not published.")
            elif published[name] != sha1sum:
                yield Violation("submissions", name, "It was published with another content than"
                                f" the submission {submission} has.")


def unconfirmed_are_not_published() -> Iterator[Violation]:
    """No file of a submission is published before it is confirmed."""
    files = (SubmittedFile.objects.exclude(submission__state=State.CONFIRMED)
             .exclude(origin=Origin.CATALOGUE).exclude(name="").values_list(
                 "name", "submission_id", "submission__state"))
    for chunk in _chunks(files.iterator()):
        published = set(CatalogFile.objects.filter(
            name__in=[name for name, _, _ in chunk]).values_list("name", flat=True))
        for name, submission, state in chunk:
            if name in published:
                yield Violation("submissions", name, "It is in the catalogue, but its submission"
                                f" {submission} is {state}.")


def new_contexts_contain_their_rules() -> Iterator[Violation]:
    """The context of a confirmed submission has the rules that were confirmed with it."""
    made = Submission.objects.filter(
        state=State.CONFIRMED, generate_contexts=True).exclude(new_context="")
    for submission in made.iterator():
        imaps = RuleLink.objects.filter(parent__name=submission.new_context).values("child_id")
        there = set(RuleLink.objects.filter(parent__in=imaps).values_list(
            "child__name", flat=True))
        there |= set(CatalogFile.objects.filter(pk__in=imaps).values_list("name", flat=True))
        there.add(submission.new_context)
        rules = submission.files.filter(type="mapping").values_list("name", flat=True)
        for name in set(rules) - there:
            yield Violation("submissions", name, f"It was confirmed with {submission.new_context},"
                            " which does not contain it.")


def areas_are_free() -> Iterator[Violation]:
    """Only submissions that are worked on occupy an upload area, and they have their files."""
    held = Submission.objects.exclude(active_draft=None).exclude(state__in=BUSY)
    for submission in held:
        yield Violation("submissions", str(submission.pk), f"It is {submission.state}, but still"
                        " occupies its upload area.")
    waiting = Submission.objects.exclude(state__in=ENDED)
    for submission in waiting:
        folder = submission.folder
        uploaded = submission.files.filter(origin=Origin.UPLOADED)
        missing = [file.uploaded_as for file in uploaded
                   if not (folder / "uploads" / file.uploaded_as).is_file()]
        if submission.state == State.READY:
            made = submission.files.exclude(origin=Origin.CATALOGUE).exclude(name="")
            missing += [file.name for file in made if not (folder / "files" / file.name).is_file()]
        for name in missing:
            yield Violation("submissions", name, f"It is part of the submission {submission.pk},"
                            " but its bytes are not in the folder of that. Cancel the submission"
                            " and submit again.")


def confirmations_are_complete() -> Iterator[Violation]:
    """What follows a confirmation was done, and no folder is without a submission."""
    for submission in Submission.objects.filter(state=State.CONFIRMED, completed_at=None):
        yield Violation("submissions", str(submission.pk), "It is confirmed, but not everything"
                        " that follows was done. \"manage sweep_submissions\" does it.", NOTE)
    known = {str(pk) for pk in Submission.objects.values_list("pk", flat=True)}
    for folder in sweeping._folders():
        if folder.name not in known:
            yield Violation("submissions", folder.name, "It is a folder of a submission that was"
                            " never recorded; the sweep removes it.", NOTE)


CHECKS = (confirmed_are_published, unconfirmed_are_not_published,
          new_contexts_contain_their_rules, areas_are_free, confirmations_are_complete)


def _chunks(rows) -> Iterator[list]:
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk

