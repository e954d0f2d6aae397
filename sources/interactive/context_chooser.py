"""The context chooser: a form field that several pages share.

Names and values of its inputs are those that clients and old forms send: ``pmap_mode`` is
``pmap_edit``, ``pmap_latest`` (formerly ``pmap_operational``), ``pmap_menu`` or
``pmap_text``; the last two take their context from an input of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django import forms
from django.conf import settings
from django.db.models import F
from django.forms.widgets import Script

from common.errors import ServiceError
from interactive.models import CatalogFile, ContextPointer
from interactive.services import contexts

#: Contexts that the menu of recent ones offers.
RECENT = 40

EDIT, LATEST, RECENT_MODE, TEXT = "pmap_edit", "pmap_latest", "pmap_menu", "pmap_text"
#: Other names of a mode, as former forms wrote them.
ALIASES = {"pmap_operational": LATEST, "pmap_ops": LATEST}


@dataclass(frozen=True)
class Offer:
    """What the chooser offers: the pointers by kind, and recent contexts as catalogue rows."""

    pointers: dict[str, ContextPointer] = field(default_factory=dict)
    recent: list[CatalogFile] = field(default_factory=list)

    def context(self, kind: str) -> CatalogFile | None:
        pointer = self.pointers.get(kind)
        return pointer.context if pointer else None


def offer() -> Offer:
    """Two queries; pass the result to every chooser of a page."""
    recent = (CatalogFile.objects.published().filter(extension=".pmap")
              .order_by(F("delivery_date").desc(nulls_last=True), "-name")
              .only("name", "delivery_date", "stored", "state", "rejected", "blacklisted"))
    return Offer(contexts.pointers(), list(recent[:RECENT]))


class ContextChooserWidget(forms.Widget):
    """Radio buttons for the four ways to name a context, in a part that opens."""

    template_name = "interactive/context_chooser.html"

    class Media:
        css = {"all": ["crds/pages/chooser.css"]}
        js = [Script("crds/chooser.js", defer=True)]

    def __init__(self, default: str = LATEST, attrs=None):
        super().__init__(attrs)
        self.default = default
        self.label = "Context"
        self.offer: Offer | None = None

    def value_from_datadict(self, data, files, name):
        mode = data.get("pmap_mode") or ""
        mode = ALIASES.get(mode, mode)
        # Addresses name the context plainly, under the field's own name.
        text = data.get(TEXT) or (data.get(name) if not mode else "") or ""
        if not mode and text:
            mode = TEXT
        return {"mode": mode or self.default, "text": text,
                "menu": data.get(RECENT_MODE) or ""}

    def value_omitted_from_data(self, data, files, name):
        return False

    def use_required_attribute(self, initial):
        return False

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        offered = self.offer or offer()
        value = _as_value(value, self.default)
        edit, latest = offered.context("edit"), offered.context("latest")
        options = [
            {"mode": EDIT, "label": "Editing", "context": edit, "floating": True},
            {"mode": LATEST, "label": "Latest", "context": latest, "floating": True},
            {"mode": RECENT_MODE, "label": "Recent", "menu": offered.recent},
            {"mode": TEXT, "label": "User specified", "text": True},
        ]
        for option in options:
            option["checked"] = option["mode"] == value["mode"]
        known = {row.name: row for row in offered.recent}
        named = {EDIT: edit, LATEST: latest, RECENT_MODE: known.get(value["menu"])}
        context["widget"].update({
            "options": options,
            "value": value,
            "label": self.label,
            "shown": named.get(value["mode"]),
            "shown_text": value["text"] if value["mode"] == TEXT else value["menu"],
            "chosen": next((o["label"] for o in options if o["checked"]), ""),
            "open": bool((attrs or {}).get("aria-invalid")),
            "example": latest.name if latest else "",
            "observatory": settings.CRDS_OBSERVATORY,
        })
        return context


def _as_value(value, default: str) -> dict[str, str]:
    """A name, as a page sets it in advance, stands for what the user would have written."""
    if isinstance(value, str) and value:
        return {"mode": TEXT, "text": value, "menu": ""}
    return value or {"mode": default, "text": "", "menu": ""}


class ContextChooserField(forms.Field):
    """The name of a published pipeline context.

    ``default`` is the choice that is made where the user makes none: ``LATEST`` or ``EDIT``.
    A context may be named by file, role or date.
    """

    widget = ContextChooserWidget

    def __init__(self, *, default: str = LATEST, **options):
        options.setdefault("label", "Context")
        options.setdefault("required", False)
        super().__init__(widget=ContextChooserWidget(default), **options)
        self.widget.label = self.label

    def clean(self, value) -> str:
        try:
            return chosen(value)
        except ServiceError as exc:
            raise forms.ValidationError(exc.message) from exc


def chosen(value: dict[str, str]) -> str:
    """Name of the context that the inputs of a chooser stand for."""
    mode = value["mode"]
    if mode in (EDIT, LATEST):
        return contexts.default_context("edit" if mode == EDIT else "latest")
    if mode not in (RECENT_MODE, TEXT):
        raise forms.ValidationError(f"'{mode[:40]}' is no way to choose a context.")
    name = value["menu" if mode == RECENT_MODE else "text"].strip()
    if not name:
        raise forms.ValidationError(
            "Choose one of the recent contexts." if mode == RECENT_MODE
            else "Write the name of a context, or choose another way.")
    if len(name) > 128 or not name.isprintable():
        raise forms.ValidationError("That is not the name of a context.")
    return contexts.resolve_pmap(name)
