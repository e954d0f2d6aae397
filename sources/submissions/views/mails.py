"""Mails about submissions, to be read here where none leave the server, or one was lost."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import submitter

from ..services import mails as service

#: Mails of one page.
SHOWN = 50


@submitter
@require_safe
def mails(request):
    """Mails about the user's own submissions; operators see all."""
    pages = Paginator(service.visible_to(request.user), SHOWN)
    return render(request, "submissions/mails.html", {
        "page": pages.get_page(request.GET.get("page"))})
