"""Rules of a submission on a newer context: what others confirmed meanwhile is kept.

Rules that the newer context has unchanged stay as they are.  Of the others the change is made
again on the newer rules, if the two changes do not touch; else the confirmation is refused, and
both changes are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import ServiceError
from interactive.models import RuleLink
from rules.names import series

from ...models import Kind, Level, Origin, RuleChange, Submission, SubmittedFile
from . import checking, rulemaking
from .work import Work


class Touching(ServiceError):
    """Others changed the same place of the rules; findings show both changes."""

    status = 409


@dataclass
class Rebuilt:
    """The rule file of ``row`` made anew from ``old`` (of the newer context) as ``name``."""

    row: SubmittedFile
    before: RuleChange
    old: str
    name: str
    path: Path
    change: object

    def settle(self, submission: Submission) -> None:
        """Make the submission's rows speak of the rules that are published."""
        self.row.name, self.row.derived_from = self.name, self.old
        if self.row.origin == Origin.GENERATED:
            self.row.uploaded_as = self.name
        self.row.save(update_fields=["name", "derived_from", "uploaded_as"])
        RuleChange.objects.filter(pk=self.before.pk).update(
            old=self.old, new=self.name, rows=self.change.section)


def rebuild(work: Work, context: str) -> list[Rebuilt]:
    """Make the rules anew where ``context`` has others than they were derived from."""
    done, conflicts = [], _new_twice(work, context)
    for before in work.submission.rule_changes.all():
        current = _current(before, context)
        if current == before.old or before.new.endswith(".pmap"):
            continue  # whether a pmap that people made may count is decided with the context
        row = work.submission.files.get(name=before.new)
        if not current or before.new.endswith(".imap"):
            conflicts.append((before.new, _gone(before, current, context)))
            continue
        rebased, rebuilt = _rebased(work, row, before, current)
        if rebased.conflicts:
            conflicts.append((before.new, [
                (f"conflict-{one.code}", one.text, one.finding().advice)
                for one in rebased.conflicts]))
        else:
            done.append(rebuilt)
    if conflicts:
        _refuse(work, context, conflicts)
    if done:
        _certify(work, done, context)
    return done


ANEW = ("Look at both changes. Cancel this submission, make your change anew on the current rules,"
        " and submit it again.")


def _gone(before: RuleChange, current: str, context: str) -> list[tuple[str, str, str]]:
    """Why rules that others replaced or took out cannot be brought together with ours."""
    what = " ".join(filter(None, (before.instrument, before.filekind)))
    if current:
        return [("conflict-imap", f"{before.old} was replaced by {current} meanwhile; this"
                 f" submission replaces it by {before.new}, which was made by hand.", ANEW)]
    return [("conflict-gone", f"The context {context} has no rules for {what} any more.", ANEW)]


def _new_twice(work: Work, context: str) -> list:
    """Rules for a new type for which somebody else has brought rules meanwhile."""
    changed = set(work.submission.rule_changes.values_list("new", flat=True))
    found = []
    for row in work.uploaded("mapping"):
        if row.name in changed or row.name.endswith(".pmap"):
            continue
        place = RuleChange(new=row.name, instrument=row.instrument, filekind=row.filekind)
        current = _current(place, context)
        if current:
            found.append((row.name, [(
                "conflict-new", f"{current} was added for the same place meanwhile; this"
                f" submission adds {row.name}.", ANEW)]))
    return found


def _current(before: RuleChange, context: str) -> str:
    """What ``context`` has in the place of the rules that ``before`` derives from."""
    if before.new.endswith(".rmap"):
        return rulemaking.rmap_in(context, before.instrument, before.filekind)
    if before.new.endswith(".imap"):
        return (RuleLink.objects.filter(parent__name=context, key=before.instrument)
                .values_list("child__name", flat=True).first() or "")
    return context


def _rebased(work: Work, row: SubmittedFile, before: RuleChange, current: str):
    from rules.editing import merging

    work.say(f"'{before.old}' was replaced by '{current}' meanwhile; '{before.new}' is made anew"
             " from that.")
    name = _name(work, row, current)
    base, theirs = work.stored(before.old), work.stored(current)
    ours, target = work.path(row), work.files / name
    kind = work.submission.kind
    if kind == Kind.DELETE_REFERENCES:
        rebased = merging.rebase_deletion(
            base, theirs, ours, target, name, list(work.submission.names))
    elif kind == Kind.MAPPINGS:
        rebased = merging.rebase(base, theirs, ours, target, name)
    else:
        paths = rulemaking.sources(work)
        inserted = [paths[one] for one in _inserted(work, row) if one in paths]
        rebased = merging.rebase_references(base, theirs, ours, target, name, inserted)
    return rebased, Rebuilt(row, before, current, name, target, rebased.change)


def _inserted(work: Work, row: SubmittedFile) -> list[str]:
    """Official names of the references that were inserted into the rules of ``row``."""
    rows = work.submission.files.exclude(origin=Origin.GENERATED)
    groups = rulemaking.groups(list(rows.filter(type="reference")))
    return [file.name for file in groups.get((row.instrument, row.filekind), [])]


def _name(work: Work, row: SubmittedFile, current: str) -> str:
    """A new name, so that numbers grow along the derivation; a name that people chose stays."""
    if row.origin == Origin.UPLOADED and not work.submission.auto_rename:
        return row.name
    made = work.generated(current, series(row.name), instrument=row.instrument,
                          filekind=row.filekind)
    return made.name


def _certify(work: Work, done: list[Rebuilt], context: str) -> None:
    from rules.certifying import Candidate

    work.submission.findings.filter(stage="rebuild").delete()
    coming = {file.name for file in work.uploaded()} | {one.name for one in done}
    outcomes = work.workshop(context).certify(
        [Candidate(one.path, one.name) for one in done],
        compare_old_reference=work.submission.compare_old_reference,
        unknown=lambda names: checking.unknown(names - coming))
    errors = [found for outcome in outcomes for found in outcome.findings
              if found.level == Level.ERROR]
    if errors:
        work.find_all(errors, stage="rebuild")
        raise Touching("The rules that were made anew on the edit context have errors: "
                       + errors[0].text)


def _refuse(work: Work, context: str, conflicts: list) -> None:
    """Note what touches and refuse the confirmation."""
    with work.transaction():
        work.submission.findings.filter(stage="conflicts").delete()
    first = ""
    for name, found in conflicts:
        row = work.submission.files.filter(name=name).first()
        for code, text, advice in found:
            first = first or text
            work.find(Level.ERROR, code, text, advice, stage="conflicts", file=row)
    raise Touching(
        f"Somebody else changed the same place of the rules, which are now those of {context}."
        f" {first} Both changes are shown with the findings. Cancel this submission, and make your"
        " change anew on the current rules.")
