"""What the results show beside the rules themselves: collisions, differences, consequences."""

from __future__ import annotations

from dataclasses import asdict

from common.faultpoints import reach
from interactive.models import CatalogFile, FileType
from interactive.services import store

from ...models import Kind, Level, Origin, RuleChange, State, SubmittedFile
from .work import Work

#: States of submissions whose files may still be published.
PENDING = (State.QUEUED, State.RUNNING, State.READY, State.CONFIRMING)

ADVICE = ("Do not confirm this unless the collision is known to be harmless. Changes that do not"
          " touch are brought together when you confirm; else cancel and derive anew.")


def review(work: Work) -> None:
    """Collisions, differences and what would change."""
    collisions(work)
    differences(work)


def collisions(work: Work) -> None:
    """Look for other files derived from the same ones."""
    work.say("Checking for derivation collisions.")
    for file in work.submission.files.filter(type=FileType.MAPPING).exclude(derived_from=""):
        for other, whose in _others(work, file):
            work.find(Level.WARNING, "collision", f"{file.name or file.uploaded_as} and {other}"
                      f"{whose} were both derived from {file.derived_from}.", ADVICE,
                      stage="collisions")
    for file in work.uploaded(FileType.REFERENCE):
        for other in _pending(work).filter(
                uploaded_as=file.uploaded_as, type=FileType.REFERENCE, origin=Origin.UPLOADED,
        ).exclude(uploaded_sha1sum=""):
            work.find(Level.WARNING, "same-upload",
                      f"A file called {file.uploaded_as} is also part of the submission"
                      f" {other.submission_id} of {other.submission.user.get_username()}, which"
                      " is not decided yet.", "Make sure that only one of them is confirmed, or"
                      " that both are wanted.", stage="collisions", file=file)


def _others(work: Work, file: SubmittedFile):
    published = CatalogFile.objects.published().mappings().filter(
        derived_from=file.derived_from).exclude(name__in=[file.name, file.derived_from])
    for name in published.values_list("name", flat=True):
        yield name, ""
    for other in _pending(work).filter(type=FileType.MAPPING, derived_from=file.derived_from):
        yield (other.name or other.uploaded_as,
               f" (of the submission {other.submission_id} of"
               f" {other.submission.user.get_username()}, which is not decided yet)")


def _pending(work: Work):
    return (SubmittedFile.objects.filter(submission__state__in=PENDING)
            .exclude(submission=work.submission).exclude(submission__kind=Kind.CERTIFY)
            .select_related("submission__user"))


def differences(work: Work) -> None:
    """Compute what the new rules change."""
    work.say("Computing file differences.")
    for change in work.submission.rule_changes.all():
        describe(work, change)
        reach("process.difference")


def describe(work: Work, change: RuleChange) -> None:
    """Text difference, match cases that change, and datasets that would get other references."""
    from rules.editing import impact, rule_text, texts

    work.say(f"Differencing '{change.old}' vs. '{change.new}'")
    new = rule_text.decode((work.files / change.new).read_bytes())
    path = store.mapping_path(change.old)
    old = rule_text.decode(path.read_bytes()) if path else ""
    (work.results / f"{change.new}.diff").write_text(
        texts.unified(old, new, change.old, change.new), encoding="utf-8")
    if path and change.new.endswith(".rmap"):
        change.impact = impact.of_texts(change.old, old, change.new, new)
        change.impact["datasets"] = _datasets(work, change, new)
        work.save(change, "impact")


def _datasets(work: Work, change: RuleChange, new: str) -> dict | None:
    """How many known datasets would get other references; None where that cannot be told."""
    from affected.services import previewing

    try:
        found = previewing.preview(change.old, new, context=work.submission.base_context)
    except Exception as exc:  # an estimate for people; nothing depends on it
        work.say(f"Affected datasets could not be estimated: {exc}", "verbose")
        return None
    return asdict(found)
