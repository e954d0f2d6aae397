"""Forms of the best references pages."""

from __future__ import annotations

from django import forms

from common.errors import ServiceError
from interactive import context_chooser
from interactive.context_chooser import ContextChooserField, Offer
from interactive.services import contexts

from .services import reading
from .services.uploads import MAX_FILES

#: Most characters of a list of ids, a thousand long ones.
MAX_IDS_TEXT = 300_000


class SecondContextField(forms.CharField):
    """A context to compare with, or nothing."""

    def __init__(self, **options):
        super().__init__(
            required=False, max_length=128, label="Compare with", widget=forms.TextInput(attrs={
                "autocomplete": "off", "spellcheck": "false", "list": "recent-contexts"}),
            help_text="Optional: a second context, shown side by side.", **options)

    def clean(self, value):
        value = super().clean(value)
        if not value:
            return ""
        if not value.isprintable():
            raise forms.ValidationError("That is not the name of a context.")
        try:
            return contexts.resolve_pmap(value)
        except ServiceError as exc:
            raise forms.ValidationError(exc.message) from exc


class ContextForm(forms.Form):
    """A context, and perhaps a second one."""

    context = ContextChooserField(default=context_chooser.LATEST)
    context2 = SecondContextField()

    def __init__(self, *args, offer: Offer | None = None, **options):
        super().__init__(*args, **options)
        self.fields["context"].widget.offer = offer


class DatasetForm(ContextForm):
    """Best references of one dataset of the archive."""

    id = forms.CharField(
        label="Dataset ID", max_length=300, widget=forms.TextInput(attrs={
            "autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}))
    field_order = ["id", "context", "context2"]


class MultipleFileInput(forms.FileInput):
    allow_multiple_selected = True


class MultipleFileField(forms.FileField):
    """Any number of files, up to :data:`MAX_FILES`."""

    widget = MultipleFileInput

    def clean(self, data, initial=None):
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > MAX_FILES:
            raise forms.ValidationError(
                f"These are {len(files)} files; at most {MAX_FILES} are taken at once.")
        return list(files)


class HeaderForm(ContextForm):
    """Best references for the header of a file, or for a header that is pasted."""

    file = forms.FileField(
        label="File", required=False, allow_empty_file=True,
        help_text="FITS, ASDF or JSON, gzip-compressed or not.")
    header = forms.CharField(
        label="Header", required=False, strip=False, max_length=reading.MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Or paste it: cards of a FITS header, YAML, JSON, or lines KEYWORD = value.")
    name = forms.CharField(required=False, max_length=256, widget=forms.HiddenInput)
    extension = forms.CharField(
        label="Keywords from", required=False, max_length=80,
        widget=forms.TextInput(attrs={
            "autocomplete": "off", "spellcheck": "false", "placeholder": "all headers"}),
        help_text="Empty: all headers of the file, the first value of a keyword counts, as the"
                  " client reads files. Or 0 for the primary header alone, or an extension such"
                  " as SCI,2, whose keywords then come before those of the primary header.")
    field_order = ["file", "header", "name", "extension", "context", "context2"]

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not cleaned.get("file") and not cleaned.get("header", "").strip():
            self.add_error("file", "Choose a file, or paste a header.")
        return cleaned


class ManyForm(ContextForm):
    """Best references of many datasets, headers and files."""

    ids = forms.CharField(
        label="Dataset IDs", required=False, max_length=MAX_IDS_TEXT,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Separated by blanks, commas or line ends; # begins a comment.")
    list = forms.FileField(
        label="List of IDs as a text file", required=False, allow_empty_file=True)
    files = MultipleFileField(
        label="Files", required=False, allow_empty_file=True,
        help_text="FITS, ASDF or JSON; JSON may hold many headers: {id: {keyword: value}}.")
    headers = forms.CharField(
        required=False, strip=False, widget=forms.HiddenInput)
    extension = forms.CharField(
        label="Keywords from", required=False, max_length=80,
        widget=forms.TextInput(attrs={
            "autocomplete": "off", "spellcheck": "false", "placeholder": "all headers"}),
        help_text="Empty: all headers of each file. Or 0, or an extension such as SCI,1.")
    field_order = ["ids", "list", "files", "headers", "extension", "context", "context2"]


class ExploreForm(ContextForm):
    """The first step of exploring: context and instrument."""

    instrument = forms.ChoiceField(label="Instrument")
    field_order = ["context", "instrument", "context2"]

    def __init__(self, *args, instruments: list[str], **options):
        super().__init__(*args, **options)
        self.fields["instrument"].choices = [(name, name.upper()) for name in instruments]
