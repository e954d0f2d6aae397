"""Forms of submissions: for people, and for the command-line client that posts to them."""

from __future__ import annotations

from dataclasses import dataclass

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import submitter
from common.errors import ServiceError
from interactive.context_chooser import offer
from jpoll import services as jpoll
from locking.models import Lock

from ..forms import FORMS, ExtendedForm, SubmissionForm
from ..models import Kind, Submission
from ..services import starting
from ..services.fields import FieldErrors
from .finding import visible


@dataclass(frozen=True)
class Page:
    """What a form's page says."""

    title: str
    lead: str
    button: str


PAGES = {
    Kind.CERTIFY: Page(
        "Certify files",
        "Checks the uploaded files as a submission would, and changes nothing.",
        "Certify files"),
    Kind.BATCH: Page(
        "Batch submit references",
        "Checks the uploaded references, names them, and makes the rules that select them. Nothing"
        " is published before you confirm the results.",
        "Submit references"),
    Kind.EXTENDED: Page(
        "Extended batch submit references",
        "As a batch submission, with the questionnaire that is kept with the delivery.",
        "Submit references"),
    Kind.MAPPINGS: Page(
        "Submit mappings",
        "Rules written by hand: .rmap files, or also the .imap and .pmap above them. Files that"
        " name each other may come together.",
        "Submit files"),
    Kind.REFERENCES: Page(
        "Submit references only",
        "Archives references without changing any rules. No dataset will use them until rules"
        " name them.",
        "Submit files"),
    Kind.ADD_REFERENCES: Page(
        "Add references to rules",
        "Puts references of the catalogue into the rules of a context that lacks them.",
        "Add references"),
    Kind.DELETE_REFERENCES: Page(
        "Delete references from rules",
        "Takes references out of the rules of a context. The files themselves stay.",
        "Delete references"),
}


@submitter
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request, kind: str):
    """The form of a kind; what it sends starts a submission and leads to its progress."""
    form_class = FORMS[kind]
    if request.method == "POST":
        form = form_class(request.POST, offer=offer())
        if form.is_valid():
            try:
                return redirect("display_result", str(_start(request, form).pk))
            except FieldErrors as exc:
                form.refuse(exc.fields)
            except ServiceError as exc:
                form.add_error(None, exc.message)
        draft = request.POST.get("draft", "")
    else:
        form = form_class(initial=_initial(request, form_class), offer=offer())
        draft = request.GET.get("draft", "")
    # Status 200 also with errors: the client reads them only from such pages (contract 4.4).
    return render(request, "submissions/form.html", {
        "form": form, "kind": kind, "page": PAGES[kind],
        "former": _former(request) if request.method == "GET" else None,
        **_uploads(request, form, draft)})


def _start(request, form: SubmissionForm) -> Submission:
    from fileupload.services import drafts

    draft = None
    if form.uploads:
        draft = drafts.get(request.user, request.POST.get("draft", ""))
    return starting.start(
        form.kind, request.user, draft=draft, fields=form.start_fields(),
        channel=_channel(request), base_url=request.build_absolute_uri(reverse("home")))


def _channel(request) -> str:
    """The status channel that the client opened for this post, or a new one."""
    session = request.session
    if not session.session_key:
        session.create()
    opened = jpoll.channel_for_session(session.session_key)
    if opened and not Submission.objects.filter(channel=opened).exists():
        return opened
    return jpoll.open_channel(session.session_key, request.user)


def _uploads(request, form: SubmissionForm, name: str) -> dict:
    """The upload area of the form, and the user's others."""
    if not form.uploads:
        return {}
    from fileupload.services import drafts

    try:
        draft = drafts.get(request.user, name)
    except ServiceError:
        draft = drafts.default(request.user)
    others = list(request.user.drafts.order_by("name"))
    return {"draft": draft, "drafts": others if len(others) > 1 else []}


# ---- what a form begins with ---------------------------------------------------


def _initial(request, form_class: type[SubmissionForm]) -> dict:
    former = _former(request)
    found = form_class.initial_of(former) if former else {}
    if names := request.GET.get("names", ""):
        found["names"] = names[:10_000]
    if issubclass(form_class, ExtendedForm):
        found.setdefault("deliverer", request.user.get_full_name())
        if former and former.user_id == request.user.pk:
            found["other_email"] = former.other_email
        if locked := _locked(request.user):
            found["instrument"] = locked
    return {name: value for name, value in found.items() if value not in ("", None)}


def _former(request) -> Submission | None:
    """The submission whose answers are to be used again."""
    return visible(request.GET.get("from", ""))


def _locked(user) -> str:
    """The instrument that ``user`` has locked."""
    locks = Lock.objects.filter(user=user, kind=Lock.Kind.INSTRUMENT).order_by("-renewed")
    return next((lock.name for lock in locks if not lock.is_expired), "")
