"""The REST API below ``/api/v1/``: one root that every app adds its router to.

An app's ``api.py`` defines ``router``; it is named in :data:`ROUTERS`.
Errors have the form ``{"detail": text}``.
"""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.openapi.docs import DocsBase

from .errors import ServiceError

#: Modules whose ``router`` is served, each at the root of the API.
#: Of two that fit an address the first one answers: contexts/history is no context.
ROUTERS = (
    "interactive.api_contexts",
    "interactive.api",
    "interactive.api_file_page",
    "interactive.api_finding",
    "bestrefs.api",
    "bestrefs.api_explain",
    "contents.api",
    "differences.api",
    "accounts.api",
    "fileupload.api",
    "submissions.api",
    "deliveries.api",
    "operations.api",
    "affected.api",
)


class Documentation(DocsBase):
    """A page of our own: readable without scripts, and it runs none that are inline."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs):
        from .api_documentation import operations

        # "Try it" sends the token of this cookie for operations that change something.
        get_token(request)
        schema = api.get_openapi_schema()
        return render(request, "api_documentation.html", {
            "api": api,
            "operations": operations(schema),
            "schema_address": self.get_openapi_url(api, kwargs),
        })


api = NinjaAPI(
    title=f"{settings.CRDS_OBSERVATORY.upper()} CRDS REST API",
    version="1",
    description=(
        "Contexts, files and rules for everybody; submissions and operations with an account:"
        " send a token of the account page as Authorization: Bearer TOKEN."
        " Lists are paged with limit and offset."
        " Answers carry an ETag; send it as If-None-Match and an unchanged answer is a short 304."
        " Errors are JSON objects with the text under detail. Times are UTC."
    ),
    docs=Documentation(),
    urls_namespace="api-1",
)


@api.exception_handler(ServiceError)
def service_error(request, exc: ServiceError):
    response = api.create_response(request, {"detail": exc.message}, status=exc.status)
    if exc.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(ValidationError)
def invalid_request(request, exc: ValidationError):
    """Names each parameter that is wrong, in one readable text."""
    text = "; ".join(f"{_parameter(error['loc'])}: {error['msg']}" for error in exc.errors)
    return api.create_response(request, {"detail": text}, status=422)


def _parameter(place: tuple) -> str:
    """The name of what is wrong; numbers are places in a list of that name."""
    return next((part for part in reversed(place) if isinstance(part, str)), "value")


for _module in ROUTERS:
    api.add_router("", import_module(_module).router)
