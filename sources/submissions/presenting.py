"""What the pages of one submission show beside the results themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from jpoll.models import Message
from rules.tables import readable, short_names

from .models import Kind, Level, State, Submission
from .services import deciding, questionnaire, results
from .services.results import Found, Results, RuleChangeResult

#: Lines of the log under a running submission, and of its own page.
LAST_LINES, ALL_LINES = 12, 5000

#: Lines of a text difference that are shown at once.
DIFF_LINES = 2000

#: What people call the levels of findings.
LEVELS = {Level.ERROR: "Must fix", Level.WARNING: "Warnings", Level.NOTE: "Notes"}

MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Step:
    label: str
    #: done, now, stopped, or empty for what is to come
    state: str


@dataclass(frozen=True)
class Shown:
    """A submission as ``user`` sees it."""

    results: Results
    standing: deciding.Standing
    user: object

    @property
    def submission(self) -> Submission:
        return self.results.submission

    @cached_property
    def steps(self) -> list[Step]:
        return _steps(self.submission)

    @cached_property
    def reminders(self) -> list[str]:
        """Questions of the checklist that were not answered with yes."""
        return reminders(self.submission)

    @cached_property
    def levels(self) -> list[dict]:
        found = self.results.all_findings()
        return [{"level": level.value, "label": label,
                 "count": sum(each.level == level for each in found)}
                for level, label in LEVELS.items()]

    @property
    def findings(self) -> list[Found]:
        return self.results.all_findings()

    @cached_property
    def loose(self) -> list[Found]:
        """Findings about the submission as a whole, the worst first."""
        order = list(LEVELS)
        return sorted(self.results.findings, key=lambda found: order.index(Level(found.level)))

    @cached_property
    def changes(self) -> list[ShownChange]:
        return [ShownChange(change, number)
                for number, change in enumerate(self.results.changes, 1)]

    @cached_property
    def last_lines(self) -> list[Message]:
        return log_lines(self.submission, LAST_LINES)

    @property
    def checked(self) -> int:
        return sum(bool(each.verdict) for each in self.results.files)

    @property
    def published(self) -> bool:
        return self.submission.state == State.CONFIRMED

    @property
    def has_decision(self) -> bool:
        """Whether there is or was something to decide."""
        return self.submission.kind != Kind.CERTIFY and self.submission.state == State.READY

    @property
    def old_contexts(self) -> list[str]:
        """Contexts in whose place the new one came: the one asked for, and newer ones."""
        submission = self.submission
        return list(dict.fromkeys(filter(None, (
            submission.asked_context, submission.base_context, submission.rebased_on,
        )))) if submission.new_context else []


@dataclass(frozen=True)
class ShownChange:
    """A changed rule file: its rows as a table, its text in lines."""

    change: RuleChangeResult
    number: int

    @property
    def has_pair(self) -> bool:
        """Whether clients are to read the pair of names from the heading (contract 4.8)."""
        return bool(self.change.old) and self.change.new.endswith(".rmap")

    @cached_property
    def titles(self) -> list[str]:
        return short_names(list(self.change.parameters))

    @cached_property
    def rows(self) -> list[dict]:
        return [{**row, "shown": [readable(str(value)) for value in row.get("case", ())]}
                for row in self.change.rows]

    @cached_property
    def dated(self) -> bool:
        return any(row.get("date") for row in self.change.rows)

    @cached_property
    def headers(self) -> list[dict]:
        """Changes of the header that do not come with every new rule file."""
        return [header for header in self.change.headers if not header.get("routine")]

    @cached_property
    def lines(self) -> list[tuple[str, str]]:
        return [(_line_kind(line), line) for line in self.change.text.splitlines()[:DIFF_LINES]]

    @property
    def cut(self) -> bool:
        return self.change.text_cut or self.change.text.count("\n") > DIFF_LINES


def page_of(submission: Submission, user, *, logs: bool = True) -> Shown:
    found = results.of(submission, logs=logs)
    return Shown(found, deciding.standing(found.submission, user), user)


def log_lines(submission: Submission, last: int = ALL_LINES) -> list[Message]:
    """What the work said on its channel, at most the ``last`` lines."""
    if not submission.channel:
        return []
    said = (Message.objects.filter(channel=submission.channel)
            .exclude(type=Message.Type.DONE).order_by("-number")[:last])
    return list(said)[::-1]


def reminders(submission: Submission) -> list[str]:
    """Questions of the checklist that were not answered with yes, in words."""
    if submission.kind != Kind.EXTENDED:
        return []
    found = []
    for question in questionnaire.fields():
        answer = submission.questionnaire.get(question["key"])
        if (question["key"] in CHECKLIST and answer is False) or (
                question["key"] in CONFIRMED and answer == "No"):
            found.append(question["label"])
    return found


#: Boxes of the questionnaire that remind of what every delivery needs, and its questions.
CHECKLIST = frozenset({"history_updated", "pedigree_updated", "keywords_checked",
                       "descrip_updated", "useafter_updated"})
CONFIRMED = frozenset({"useafter_matches", "compliance_verified"})


def answers(submission: Submission) -> list[tuple[str, str]]:
    """Questions and answers of the questionnaire, without addresses of people."""
    found = []
    for question in questionnaire.fields():
        value = submission.questionnaire.get(question["key"])
        if question["key"] == "other_email" or value in (None, ""):
            continue
        text = {True: "Yes", False: "No"}.get(value, str(value)) if isinstance(
            value, bool) else str(value)
        found.append((question["label"], MAIL_ADDRESS.sub("(address withheld)", text)))
    return found


def _line_kind(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return "place"
    return {"+": "plus", "-": "minus"}.get(line[:1], "")


def _steps(submission: Submission) -> list[Step]:
    """Where it stands on the way from the upload to the catalogue."""
    certify = submission.kind == Kind.CERTIFY
    labels = ["Received", "Checks", *([] if certify else ["Review", "Published"])]
    at, stopped = _STANDS[State(submission.state)]
    if submission.state in (State.FAILED, State.CANCELLED) and submission.ready_at:
        at = 2
    found = []
    for number, label in enumerate(labels):
        if number < at:
            state = "done"
        elif number == at:
            state = "stopped" if stopped else "now"
        else:
            state = ""
        found.append(Step(label, state))
    return found


#: Number of the step that a submission in each state is at, and whether it stopped there.
_STANDS = {
    State.QUEUED: (1, False), State.RUNNING: (1, False), State.READY: (2, False),
    State.CONFIRMING: (3, False), State.CONFIRMED: (4, False), State.DONE: (2, False),
    State.FAILED: (1, True), State.CANCELLED: (1, True)}
