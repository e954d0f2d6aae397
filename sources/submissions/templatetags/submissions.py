"""Parts of pages about submissions."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from accounts.models import Role
from accounts.services import roles

from ..models import Kind, State, Submission

register = template.Library()

#: Address of the form of each kind.
FORMS = {
    Kind.CERTIFY: "certify", Kind.BATCH: "batch_submit", Kind.EXTENDED: "extended_submit",
    Kind.MAPPINGS: "submit_mappings", Kind.REFERENCES: "submit_references",
    Kind.ADD_REFERENCES: "add_references", Kind.DELETE_REFERENCES: "delete_references"}

#: Word and colour of each state.
STATES = {
    State.QUEUED: ("waits", ""), State.RUNNING: ("being checked", ""),
    State.READY: ("ready for review", "warn"), State.CONFIRMING: ("being confirmed", ""),
    State.CONFIRMED: ("confirmed", "good"), State.DONE: ("done", "good"),
    State.FAILED: ("failed", "bad"), State.CANCELLED: ("cancelled", "")}


def state_words(state: str) -> tuple[str, str]:
    """The word for a state, and the class of its tag."""
    return STATES[State(state)]


@register.simple_tag
def submission_tag(submission: Submission):
    word, colour = state_words(submission.state)
    return format_html('<span class="tag {}">{}</span>', colour, word)


@register.simple_tag
def form_address(submission: Submission) -> str:
    """The address of the form that such a submission comes from."""
    return reverse(FORMS[Kind(submission.kind)])


@register.simple_tag
def finding_counts(file) -> str:
    """How many findings a file has, in words."""
    counted = [(file.count("error"), "to fix"), (file.count("warning"), "warning"),
               (file.count("note"), "note")]
    words = [f"{number} {word}{'s' if number > 1 and word != 'to fix' else ''}"
             for number, word in counted if number]
    return ", ".join(words) or "log"


@register.simple_tag
def change_counts(shown) -> str:
    """What a rule change does, in numbers."""
    rows = shown.change.rows
    words = []
    for action in ("added", "replaced", "deleted", "restructured"):
        if number := sum(row.get("action") == action for row in rows):
            words.append(f"{number} {action}")
    return ", ".join(words) or "header only"


#: Services by group: name of the address, role, label, what it is for.
SERVICES = (
    ("Restricted Services", (
        ("certify", Role.SUBMITTER, "Certify Files", "Check files without submitting them."),
        ("difference_files", Role.SUBMITTER, "Difference Files",
         "Compare uploaded and published files."),
        ("delivery_status", Role.SUBMITTER, "Delivery Status", "What the archive has taken."),
        ("set_default_context", Role.OPERATOR, "Set Context",
         "Latest, editing, build, versions."))),
    ("Routine Submission Services", (
        ("extended_submit", Role.SUBMITTER, "Extended Batch Submit References",
         "With the delivery questionnaire."),
        ("batch_submit", Role.SUBMITTER, "Batch Submit References",
         "Check, name and add to the rules."),
        ("submit_mappings", Role.SUBMITTER, "Submit Mappings", "Rules written by hand."),
        ("edit_rmap", Role.SUBMITTER, "Edit Rmap", "Rows and match cases, with a preview."))),
    ("Advanced Services", (
        ("mark_bad", Role.OPERATOR, "Mark Files Bad", "Or good again."),
        ("submit_references", Role.SUBMITTER, "Submit References", "Without changing rules."),
        ("add_references", Role.SUBMITTER, "Add References", "Existing ones, to rules."),
        ("delete_references", Role.SUBMITTER, "Delete References", "From rules."))),
    ("Records", (
        ("my_submissions", Role.SUBMITTER, "My Submissions", "Where they stand."),
        ("submission_history", Role.SUBMITTER, "Submission History", "With questionnaires."),
        ("affected", Role.SUBMITTER, "Affected Datasets", "Of a change of context."),
        ("mails", Role.SUBMITTER, "Mails", "What the server wrote."),
        ("workflow", Role.SUBMITTER, "Server Workflow", "From upload to pipeline, live."))),
)


@register.inclusion_tag("submissions/includes/services.html", takes_context=True)
def services(context):
    """The groups of services that the user's roles allow, numbered through."""
    user = context["user"]
    allowed = {role for role in (Role.SUBMITTER, Role.OPERATOR) if roles.has(user, role)}
    groups, number = [], 1
    for heading, entries in SERVICES:
        links = [link for entry in entries if entry[1] in allowed and (link := _link(*entry))]
        if links:
            for place, link in enumerate(links, number):
                link["number"] = place
            groups.append({"heading": heading, "start": number, "links": links})
            number += len(links)
    return {"groups": groups}


def _link(name: str, role: str, label: str, hint: str) -> dict | None:
    try:
        return {"address": reverse(name), "label": label, "hint": hint}
    except NoReverseMatch:
        return None
