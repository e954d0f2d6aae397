"""Taking bad files out of use, step by step; people can leave and come back at any step.

1. A clean context is built: a submission takes the references out of the rules, or replaces
   files.
2. An operator sets a context without the files latest.
3. An operator marks the files bad.

Where a clean-up stands is worked out from the catalogue at each look.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import Role
from accounts.services import roles
from common.errors import BadRequest, NotFound, ServiceError
from interactive.models import BadFile, CatalogFile, FileType
from interactive.services import audit, contexts, rule_graph
from interactive.services.standing import order
from submissions.models import Kind, State, Submission

from ..models import CleanUp
from . import marking_files, previews

BUILD, SET, MARK, DONE, GIVEN_UP = "build", "set", "mark", "done", "given-up"


class NotNow(ServiceError):
    """The clean-up is not at this step."""

    status = 409


@dataclass(frozen=True)
class Standing:
    """Where a clean-up stands.

    ``clean`` is the newest context that was delivered since the latest one and contains none of
    the files, ``waits`` why it cannot become latest yet.
    """

    clean_up: CleanUp
    step: str
    latest: str
    in_latest: tuple[str, ...] = ()
    clean: str = ""
    waits: tuple[str, ...] = ()
    submission: Submission | None = None
    can_delete: bool = False


def start(names: list[str], *, user, reason: str) -> CleanUp:
    """Begin to take the files ``names`` out of use; nothing is changed yet."""
    roles.require(user, Role.SUBMITTER)
    if not reason.strip():
        raise BadRequest("Say why: the reason is shown with the files for ever.")
    files = marking_files.find(names)
    clean_up = CleanUp.objects.create(
        files=[file.name for file in files], reason=reason.strip()[:previews.LONGEST_REASON],
        user=user)
    audit.record("start clean-up", user=user, why=clean_up.reason, files=clean_up.files,
                 clean_up=clean_up.pk)
    return clean_up


def get(key) -> CleanUp:
    found = CleanUp.objects.filter(pk=key).select_related("user", "submission").first()
    if found is None:
        raise NotFound(f"There is no clean-up {key}.")
    return found


def open_ones() -> list[CleanUp]:
    return list(CleanUp.objects.filter(closed_at__isnull=True).select_related("user", "submission"))


def standing(clean_up: CleanUp) -> Standing:
    """Where it stands now."""
    latest = contexts.pointer("latest")
    submission = clean_up.submission
    common = {"clean_up": clean_up, "latest": latest, "submission": submission}
    if clean_up.closed_at:
        return Standing(step=GIVEN_UP if clean_up.given_up else DONE, **common)
    files = marking_files.find(clean_up.files)
    inside = tuple(marking_files.contained_in(clean_up.files, latest))
    if not inside:
        return Standing(step=MARK, **common)
    clean = _clean_context(files, latest)
    if clean:
        preview = previews.preview("latest", clean)
        return Standing(step=SET, in_latest=inside, clean=clean, waits=tuple(preview.refusals),
                        **common)
    only_references = all(file.type == FileType.REFERENCE for file in files)
    running = submission is not None and submission.state not in (
        State.FAILED, State.CANCELLED)
    return Standing(step=BUILD, in_latest=inside, can_delete=only_references and not running,
                    **common)


def _clean_context(files: list[CatalogFile], latest: str) -> str:
    """The newest context after ``latest`` that contains none of ``files`` and no other bad file."""
    with_them = rule_graph.ancestors(file.pk for file in files) | {file.pk for file in files}
    later = [row for row in CatalogFile.objects.published().filter(
                 extension=".pmap", blacklisted=False).only("pk", "name", "extension")
             if order(row.name) > order(latest) and row.pk not in with_them]
    return max(later, key=lambda row: order(row.name)).name if later else ""


def build(clean_up: CleanUp, user, channel: str = "") -> Submission:
    """Start the submission that takes the references out of the rules of the edit context."""
    from submissions.services import starting

    now = standing(clean_up)
    if now.step != BUILD or not now.can_delete:
        raise NotNow("References can be taken out of the rules only while no clean context is"
                     " there or on its way, and rules have to be replaced by hand.")
    inside = marking_files.contained_in(clean_up.files, contexts.pointer("edit"))
    submission = starting.start(Kind.DELETE_REFERENCES, user, channel=channel, fields={
        "pmap_mode": "pmap_edit", "deleted_files": " ".join(inside),
        "change_level": "SEVERE",
        "description": f"Bad files are taken out of the rules: {clean_up.reason}"})
    CleanUp.objects.filter(pk=clean_up.pk).update(submission=submission)
    clean_up.submission = submission
    return submission


def mark(clean_up: CleanUp, user) -> marking_files.Effects:
    """The last step: the marks, and the clean-up is done."""
    found = marking_files.mark(clean_up.files, bad=True, user=user, reason=clean_up.reason)
    close(clean_up, user)
    return found


def give_up(clean_up: CleanUp, user) -> None:
    """End it without marks; its owner and operators may."""
    if clean_up.user_id != user.pk:
        roles.require(user, Role.OPERATOR)
    if close(clean_up, user, given_up=True):
        audit.record("give up clean-up", user=user, why=clean_up.reason, clean_up=clean_up.pk)


def close(clean_up: CleanUp, user, given_up: bool = False) -> bool:
    done = CleanUp.objects.filter(pk=clean_up.pk, closed_at__isnull=True).update(
        closed_at=timezone.now(), closed_by=user.get_username(), given_up=given_up)
    clean_up.refresh_from_db()
    return bool(done)


def close_marked(user) -> None:
    """Close clean-ups whose files are all marked by now, however that came."""
    for clean_up in open_ones():
        marked = BadFile.objects.filter(file__name__in=clean_up.files).count()
        if marked == len(clean_up.files):
            close(clean_up, user)
