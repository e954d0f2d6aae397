"""Forms of submissions.

Names and values of the inputs are those that the command-line client sends, so that people
and programs post to the same addresses.  A form's :meth:`SubmissionForm.start_fields` are what
:mod:`.services.starting` takes, which has the last word on them.
"""

from __future__ import annotations

import re

from django import forms

from interactive import context_chooser
from interactive.context_chooser import ContextChooserField, Offer
from interactive.models import ChangeLevel

from .models import Kind, Submission
from .services import questionnaire

#: What a description may not have; clients of command line and scripts check the same.
FORBIDDEN = re.compile(r"[^A-Za-z0-9._\s/,=\-+]")

#: Fields by other names that :class:`.services.fields.FieldErrors` gives them.
ALIASES = {"pmap_mode": "context", "pmap_text": "context", "added_files": "names",
           "deleted_files": "names"}

#: Answers of the questionnaire that are written in several lines.
LONG_ANSWERS = frozenset({
    "old_reference_files", "table_rows_changed", "modes_affected", "correctness_testing",
    "additional_considerations"})


class DescriptionField(forms.CharField):
    """Free text of the characters that catalogues of deliveries can bear."""

    def __init__(self, **options):
        super().__init__(max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}), **options)

    def clean(self, value):
        value = super().clean(value)
        wrong = sorted(set(FORBIDDEN.findall(value)))
        if wrong:
            raise forms.ValidationError(
                f"Invalid character{'s' if len(wrong) > 1 else ''}: {' '.join(wrong[:20])}"
                ". Only letters, digits, blanks and . _ / , = - + are allowed."
                " Write it without and submit again; your uploads stay.")
        return value


class NamesField(forms.CharField):
    """Names of published references, separated by blanks, commas or line ends."""

    def __init__(self, **options):
        super().__init__(
            widget=forms.Textarea(attrs={
                "rows": 5, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
            help_text="Official names, separated by blanks, commas or line ends.", **options)


class SubmissionForm(forms.Form):
    """What every form has: the context to work on, and the upload area."""

    kind: Kind
    #: Names of the fields in groups, each group with its heading.
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: Whether the files come from an upload area.
    uploads = True

    context = ContextChooserField(default=context_chooser.EDIT, label="Derive from context")

    def __init__(self, *args, offer: Offer | None = None, **options):
        super().__init__(*args, **options)
        self.fields["context"].widget.offer = offer
        self.label_suffix = ""

    @property
    def grouped(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(heading, [self[name] for name in names]) for heading, names in self.groups]

    @property
    def error_text(self) -> str:
        """All errors as one text, as programs read it."""
        found = []
        for name, messages in self.errors.items():
            label = self.fields[name].label if name in self.fields else ""
            found += [f"{label}: {message}" if label else message for message in messages]
        return "\n".join(found)

    def start_fields(self) -> dict:
        """The values for ``starting.start``, by the names that clients send."""
        found = {name: value for name, value in self.cleaned_data.items() if name != "context"}
        sent = ("pmap_mode", "pmap_name", "pmap_text", "pmap_menu", "instrument")
        return {**{name: self.data[name] for name in sent if name in self.data}, **found}

    def refuse(self, errors: dict[str, str]) -> None:
        """Show what the service found wrong, beside the fields."""
        for name, text in errors.items():
            name = ALIASES.get(name, name)
            self.add_error(name if name in self.fields else None, text)

    @classmethod
    def initial_of(cls, submission: Submission) -> dict:
        """The answers of ``submission``, to begin another one with."""
        return {
            "change_level": submission.change_level.upper(), "creator": submission.creator,
            "description": submission.description, "auto_rename": submission.auto_rename,
            "compare_old_reference": submission.compare_old_reference,
            "generate_contexts": submission.generate_contexts,
            "names": "\n".join(submission.names)}


class AnyCaseChoice(forms.ChoiceField):
    """A choice that may be written in any case, as clients do."""

    def to_python(self, value):
        value = super().to_python(value)
        return next((key for key, _ in self.choices if key.lower() == value.lower()), value)


class DescribedForm(SubmissionForm):
    """Submissions that change the catalogue say why, how much, and by whom."""

    change_level = AnyCaseChoice(
        choices=[(level.upper(), level.upper()) for level in ChangeLevel.values],
        initial="SEVERE", label="Change level",
        help_text="How much the new files are expected to change science results.")
    creator = forms.CharField(
        required=False, max_length=128, label="Creator",
        help_text="Who made the files; in general not the one who submits them.")
    description = DescriptionField(
        label="Description", help_text="What changed and what it will do; name instrument and"
        " type. Letters, digits, blanks and . _ / , = - + only.")


class _Renaming(forms.Form):
    auto_rename = forms.BooleanField(
        required=False, initial=True, label="Auto-rename",
        help_text="Give the files official names.")


class _Comparing(forms.Form):
    compare_old_reference = forms.BooleanField(
        required=False, initial=True, label="Compare old reference",
        help_text="Compare each table with the reference that it would replace.")


class CertifyForm(SubmissionForm, _Comparing):
    kind = Kind.CERTIFY
    groups = (("How to check", ("compare_old_reference", "context")),)

    context = ContextChooserField(default=context_chooser.EDIT, label="Comparison context")


class BatchForm(DescribedForm, _Renaming, _Comparing):
    kind = Kind.BATCH
    groups = (
        ("About the files", ("description", "change_level", "creator")),
        ("How to process them", ("context", "auto_rename", "compare_old_reference")))


class ExtendedForm(BatchForm):
    """A batch submission with the questionnaire; its fields come from the description."""

    kind = Kind.EXTENDED

    #: Questions in groups; what the description has beside these comes last.
    questions = (
        ("Who and what", ("deliverer", "other_email", "instrument", "file_type")),
        ("Checklist", ("history_updated", "pedigree_updated", "keywords_checked",
                       "descrip_updated", "useafter_updated", "useafter_matches",
                       "compliance_verified")),
        ("Purpose and effects", (
            "ingest_files", "etc_delivery", "jwst_etc", "calpipe_version", "modes_affected",
            "table_rows_changed", "correctness_testing")),
        ("Files that are replaced", (
            "replacement_files", "old_reference_files", "replacing_badfiles")),
        ("More", ("jira_issue", "additional_considerations")))

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.described = questionnaire.fields()
        for question in self.described:
            self.fields[question["key"]] = _field(question)
        self.fields["description"].label = "Reason for delivery"
        self.groups = self._with_questions()

    def _with_questions(self):
        known = {question["key"] for question in self.described}
        groups = [(heading, tuple(key for key in keys if key in known))
                  for heading, keys in self.questions]
        placed = {key for _, keys in groups for key in keys}
        rest = tuple(q["key"] for q in self.described if q["key"] not in placed)
        groups[-1] = (groups[-1][0], groups[-1][1] + rest)
        return (*[group for group in groups if group[1]], *type(self).groups)

    @classmethod
    def initial_of(cls, submission: Submission) -> dict:
        return {**super().initial_of(submission), **submission.questionnaire}


def _field(question: dict) -> forms.Field:
    """The form field for a field of the description."""
    options = {"label": question["label"], "required": question["required"],
               "help_text": question.get("help_text", ""), "initial": question.get("initial")}
    if question["type"] == "BooleanField":
        return forms.BooleanField(**{**options, "required": False})
    if question["type"] == "TypedChoiceField":
        return AnyCaseChoice(choices=[(each, each) for each in question["choices"]], **options)
    if question["key"] in LONG_ANSWERS:
        options["widget"] = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(max_length=10_000, **options)


class MappingsForm(DescribedForm, _Renaming):
    kind = Kind.MAPPINGS
    groups = (
        ("About the files", ("description", "change_level", "creator")),
        ("How to process them", ("generate_contexts", "context", "auto_rename")))

    generate_contexts = forms.BooleanField(
        required=False, initial=True, label="Generate contexts",
        help_text="Make the .imap and .pmap that contain the rules submitted here."
        " Without it the files are kept, but no context uses them.")


class ReferencesForm(DescribedForm, _Renaming, _Comparing):
    kind = Kind.REFERENCES
    groups = (
        ("About the files", ("description", "change_level", "creator")),
        ("How to process them", ("context", "compare_old_reference", "auto_rename")))

    context = ContextChooserField(default=context_chooser.EDIT, label="Comparison context")
    auto_rename = forms.BooleanField(
        required=False, initial=False, label="Auto-rename",
        help_text="Give the files official names. Without it their own names must be such.")


class AddReferencesForm(DescribedForm):
    kind = Kind.ADD_REFERENCES
    uploads = False
    groups = (("What to add", ("names", "context")),
              ("Why", ("description", "change_level", "creator")))

    names = NamesField(label="Added files")


class DeleteReferencesForm(DescribedForm):
    kind = Kind.DELETE_REFERENCES
    uploads = False
    groups = (("What to delete", ("names", "context")),
              ("Why", ("description", "change_level", "creator")))

    names = NamesField(label="Deleted files")


FORMS: dict[str, type[SubmissionForm]] = {form.kind: form for form in (
    CertifyForm, BatchForm, ExtendedForm, MappingsForm, ReferencesForm, AddReferencesForm,
    DeleteReferencesForm)}
