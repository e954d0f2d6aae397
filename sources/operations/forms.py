"""Forms of the pages of operations."""

from __future__ import annotations

from django import forms

from common.errors import BadRequest
from interactive import context_chooser

from .services import previews, setting_contexts

EXPLAINED = {
    "latest": "what pipelines and people use by default",
    "edit": "what new deliveries start from",
    "build": "what goes with one release of the calibration software",
    "versions": "what names the versions of calibration software",
}


class ChooseForm(forms.Form):
    """What to set to what; sent by GET, so that a preview has an address."""

    kind = forms.ChoiceField(
        label="Context type", choices=[(kind, kind) for kind in setting_contexts.KINDS],
        initial="latest")
    cal_ver = forms.CharField(
        label="CAL version", required=False, max_length=24,
        help_text="For build only: a known release or any other, such as 1.16.0.")
    context = context_chooser.ContextChooserField(
        default=context_chooser.EDIT, label="Set to")

    def clean(self):
        data = super().clean()
        if data.get("kind") == setting_contexts.BUILD and "cal_ver" not in self.errors:
            try:
                setting_contexts.check_cal_ver(data["cal_ver"])
            except BadRequest as exc:
                self.add_error("cal_ver", exc.message)
        elif data.get("cal_ver"):
            data["cal_ver"] = ""
        return data


class DecideForm(forms.Form):
    """The act itself, on what a preview showed."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in setting_contexts.KINDS])
    context = forms.CharField(max_length=128)
    expected = forms.CharField(max_length=128, required=False)
    cal_ver = forms.CharField(max_length=24, required=False)
    reason = forms.CharField(
        label="Reason for change", required=False, max_length=previews.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}))
    banner = forms.BooleanField(
        label="Update home page banner", required=False)
    acknowledged = forms.BooleanField(
        label="I have seen the bad files that stay in use", required=False)


class MarkForm(forms.Form):
    """Files to be marked; the choice between bad and OK has no default."""

    files = forms.CharField(
        label="Files", max_length=200_000, widget=forms.Textarea(attrs={
            "rows": 4, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text="CRDS names of references or rules, parted by blanks, commas or lines.")
    mark_as = forms.ChoiceField(
        label="Mark as", choices=[("bad", "Bad"), ("ok", "OK")], widget=forms.RadioSelect,
        error_messages={"required": "Choose Bad or OK."})
    reason = forms.CharField(
        label="Reason", max_length=previews.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Shown with the files for ever: what is wrong, and what to use instead.")
