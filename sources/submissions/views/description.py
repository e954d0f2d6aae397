"""The description of the extended form, as clients read it."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ..services import questionnaire


@require_safe
def description(request) -> HttpResponse:
    """YAML; for everybody, since clients ask for it before they log in."""
    return HttpResponse(questionnaire.as_yaml(), content_type="text/yaml; charset=utf-8")
