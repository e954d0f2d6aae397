"""Submissions by the id of an address."""

from __future__ import annotations

import uuid

from common.errors import NotFound

from ..models import Submission


def visible(text: str) -> Submission | None:
    """The submission with the id ``text``, None without one."""
    try:
        key = uuid.UUID(text)
    except ValueError:
        return None
    return (Submission.objects.select_related("user", "job", "decision_job", "delivery")
            .filter(pk=key).first())


def submission_at(text: str) -> Submission:
    """As :func:`visible`; raises NotFound where there is none."""
    found = visible(text)
    if found is None:
        raise NotFound(
            f"There is no submission {text[:60]}. Follow the link of a mail or of the page"
            " My submissions.")
    return found
