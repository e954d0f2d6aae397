"""What a form, the client or the REST API sends, checked and turned into values.

Names are those that the client posts; truth values come as booleans or as the words True, False,
on, off, yes, no, 1 and 0.  What is wrong is collected for each field, not told one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from common.errors import BadRequest, ServiceError
from interactive import context_chooser
from interactive.models import CatalogFile, ChangeLevel, RuleLink
from rules.reading import is_catalog_name

from ..models import BaseMode, Kind
from . import questionnaire

#: Characters of texts that are kept.
DESCRIPTION_LIMIT, ANSWER_LIMIT, CREATOR_LIMIT = 20_000, 10_000, 128

#: Most names that one submission adds to rules or takes out of them.
MOST_NAMES = 2000

TRUE, FALSE = ("true", "on", "yes", "1"), ("false", "off", "no", "0", "")

#: Other names of modes of the context chooser, as clients of former times send them.
MODE_ALIASES = {"pmap_operational": "pmap_latest", "pmap_ops": "pmap_latest"}

#: Kinds whose files become rules that derive from a context.
WITH_RULES = (Kind.BATCH, Kind.EXTENDED, Kind.MAPPINGS, Kind.ADD_REFERENCES,
              Kind.DELETE_REFERENCES)
BY_NAME = (Kind.ADD_REFERENCES, Kind.DELETE_REFERENCES)


class FieldErrors(BadRequest):
    """Some fields are wrong; ``fields`` has one message for each, by the name of the field."""

    def __init__(self, fields: dict[str, str]):
        self.fields = fields
        super().__init__(" ".join(
            f"{name}: {text}" for name, text in fields.items()))


@dataclass
class Values:
    """Checked fields of a submission, by the names of its model."""

    base_mode: str = BaseMode.EDIT
    base_context: str = ""
    asked_context: str = ""
    instrument: str = ""
    change_level: str = ChangeLevel.SEVERE
    creator: str = ""
    description: str = ""
    auto_rename: bool = True
    compare_old_reference: bool = True
    generate_contexts: bool = True
    names: list[str] = field(default_factory=list)
    questionnaire: dict = field(default_factory=dict)
    other_email: str = ""


def check(kind: str, sent: dict) -> Values:
    """Values of a submission of ``kind``; :class:`FieldErrors` names everything that is wrong."""
    return _Check(Kind(kind), sent).values()


class _Check:
    def __init__(self, kind: Kind, sent: dict):
        self.kind, self.sent = kind, sent
        self.errors: dict[str, str] = {}
        self.found = Values()

    def values(self) -> Values:
        found = self.found
        self._context()
        if self.kind != Kind.CERTIFY:
            self._level()
            found.description = self._text("description", DESCRIPTION_LIMIT, required=True)
            found.creator = self._text("creator", CREATOR_LIMIT)
        for name in ("auto_rename", "compare_old_reference", "generate_contexts"):
            setattr(found, name, self._truth(name))
        if self.kind not in (Kind.MAPPINGS, Kind.CERTIFY):
            found.generate_contexts = self.kind != Kind.REFERENCES
        if self.kind in BY_NAME:
            self._names()
        if self.kind == Kind.EXTENDED:
            self._questionnaire()
        found.other_email = self._addresses()
        self._instrument()
        if self.errors:
            raise FieldErrors(self.errors)
        return found

    # ---- single fields -----------------------------------------------------

    def _text(self, name: str, limit: int, required: bool = False) -> str:
        value = self.sent.get(name)
        text = "" if value is None else str(value).replace("\r\n", "\n").strip()
        if required and not text:
            self.errors[name] = "This is needed. Say it in a few words."
        elif len(text) > limit:
            self.errors[name] = f"At most {limit} characters; these are {len(text)}."
        elif any(not (c.isprintable() or c in "\n\t") for c in text):
            self.errors[name] = "It contains characters that cannot be printed. Remove them."
        return text

    def _truth(self, name: str, default: bool = True) -> bool:
        value = self.sent.get(name)
        if value is None:
            return default
        text = str(value).strip().lower()
        if text not in TRUE + FALSE:
            self.errors[name] = f"{str(value)[:40]!r} is neither True nor False."
        return text in TRUE

    def _level(self) -> None:
        level = str(self.sent.get("change_level") or ChangeLevel.SEVERE).strip().lower()
        if level not in ChangeLevel.values:
            self.errors["change_level"] = "It is one of SEVERE, MODERATE, TRIVIAL."
        self.found.change_level = level

    def _context(self) -> None:
        mode = str(self.sent.get("pmap_mode") or BaseMode.EDIT)
        mode = MODE_ALIASES.get(mode, mode)
        if mode not in BaseMode.values:
            self.errors["pmap_mode"] = (
                f"{mode[:40]!r} is no way to choose a context; it is one of"
                f" {', '.join(BaseMode.values)}.")
            return
        text = self.sent.get("pmap_text") or self.sent.get("pmap_name") or ""
        choice = {"mode": mode, "text": str(text), "menu": str(self.sent.get("pmap_menu") or text)}
        try:
            self.found.base_context = context_chooser.chosen(choice)
        except ServiceError as exc:
            self.errors["pmap_text" if mode == BaseMode.TEXT else "pmap_mode"] = exc.message
        except forms.ValidationError as exc:
            self.errors["pmap_text" if mode == BaseMode.TEXT else "pmap_mode"] = exc.messages[0]
        else:
            self._context_is_stored()
        self.found.base_mode = mode
        asked = str(self.sent.get("pmap_name") or "")
        if is_catalog_name(asked) and asked.endswith(".pmap"):
            self.found.asked_context = asked

    def _context_is_stored(self) -> None:
        name = self.found.base_context
        if not CatalogFile.objects.downloadable().filter(name=name).exists():
            self.errors["pmap_mode"] = (
                f"The context {name} is known, but not stored on this server. Choose another.")

    def _instrument(self) -> None:
        name = str(self.sent.get("instrument") or "").strip().lower()
        if name in ("", "none"):
            return
        known = set(RuleLink.objects.filter(parent__name=self.found.base_context)
                    .values_list("key", flat=True)) | set(questionnaire.instruments())
        if name not in known:
            self.errors["instrument"] = (
                f"{name[:40]!r} is no instrument of {self.found.base_context or 'the rules'};"
                f" it is one of {', '.join(sorted(known - {''})) or 'none'}.")
        self.found.instrument = name

    def _addresses(self) -> str:
        text = self._text("other_email", 2000)
        addresses = [part for part in re.split(r"[,;\s]+", text) if part]
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                self.errors["other_email"] = (
                    f"{address[:60]!r} is no mail address. Separate addresses by commas.")
        return ", ".join(addresses)

    # ---- names of the catalogue ----------------------------------------------

    def _names(self) -> None:
        field_name = ("added_files" if self.kind == Kind.ADD_REFERENCES else "deleted_files")
        sent = next((self.sent[key] for key in (field_name, "names", "files")
                     if self.sent.get(key)), "")
        words = sent if isinstance(sent, list | tuple) else re.split(r"[\s,;]+", str(sent))
        names = list(dict.fromkeys(str(word).strip() for word in words if str(word).strip()))
        problem = _problem_of(names)
        if problem:
            self.errors[field_name] = problem
        self.found.names = names

    # ---- questionnaire ---------------------------------------------------------

    def _questionnaire(self) -> None:
        for question in questionnaire.fields():
            key = question["key"]
            if question["type"] == "BooleanField":
                answer = self._truth(key, default=bool(question.get("initial")))
            elif question["type"] == "TypedChoiceField":
                answer = self._choice(question)
            else:
                answer = self._text(key, ANSWER_LIMIT, required=question["required"])
            self.found.questionnaire[key] = answer

    def _choice(self, question: dict) -> str:
        key, choices = question["key"], question["choices"]
        sent = str(self.sent.get(key) or "").strip()
        match = [choice for choice in choices if choice.lower() == sent.lower()]
        if match:
            return match[0]
        if sent:
            self.errors[key] = f"It is one of {', '.join(choices)}."
        elif question["required"]:
            self.errors[key] = f"This is needed: one of {', '.join(choices)}."
        return sent


def _problem_of(names: list[str]) -> str:
    """Why ``names`` cannot be added to rules or deleted from them; empty when they can."""
    if not names:
        return "Write the names of the files, separated by spaces, commas or lines."
    if len(names) > MOST_NAMES:
        return f"At most {MOST_NAMES} files at once; these are {len(names)}."
    wrong = [name for name in names if not is_catalog_name(name)]
    if wrong:
        return f"{wrong[0][:60]!r} is not the name of a file."
    known = set(CatalogFile.objects.published().references().filter(name__in=names)
                .values_list("name", flat=True))
    unknown = [name for name in names if name not in known]
    if unknown:
        return (f"Not among the references of this server: {', '.join(unknown[:10])}"
                f"{' and others' if len(unknown) > 10 else ''}. Check the spelling.")
    return ""
