"""Signing in to the REST API: a token, or the session of a browser.

Operations that need an account say ``auth=signed_in``; then ``request.user`` is the user, and
services check the role.  A session counts only together with the CSRF token (header
``X-CSRFToken``), a bearer token needs none.
"""

from __future__ import annotations

from django.conf import settings
from ninja.security import HttpBearer, SessionAuth
from ninja.utils import check_csrf

from common.addresses import client_address, network
from common.errors import ServiceError
from locking import services as locking

from .services import limits, tokens


class NotSignedIn(ServiceError):
    """The caller has to say who it is."""

    status = 401


class CsrfFailed(ServiceError):
    """A browser's session without the proof that its own page asks."""

    status = 403


class BearerToken(HttpBearer):
    """``Authorization: Bearer TOKEN`` with a token of the account page."""

    openapi_bearerFormat = "crds_…"

    def authenticate(self, request, token: str):
        found = tokens.recognise(token.strip())
        if found is None:
            limits.charge_token(network(client_address(request)))
            raise NotSignedIn(
                "This token is not known here, has expired or was revoked."
                " Make a new one on the account page, /account/.")
        request.user = found.user
        locking.renew_all(found.user)
        request.api_token = found
        return found.user


class Session(SessionAuth):
    """The session of a browser, with its CSRF token."""

    def __call__(self, request):
        return self.authenticate(request, None)

    def authenticate(self, request, key):
        if not request.user.is_authenticated:
            raise NotSignedIn(
                "This needs an account. Send a token of the account page as"
                " Authorization: Bearer TOKEN, or log in first.")
        if check_csrf(request):
            raise CsrfFailed(
                "The session came without its CSRF token. Send the value of the cookie"
                f" {settings.CSRF_COOKIE_NAME} as header X-CSRFToken, or use a token of the"
                " account page as Authorization: Bearer TOKEN.")
        return request.user


#: For ``auth=`` of operations: the bearer token counts before the session.
signed_in = [BearerToken(), Session()]
