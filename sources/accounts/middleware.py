"""What every request of somebody who is signed in passes."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from locking import services as locking

from .models import ApiToken
from .services.signing_in import TOKEN_OF_SESSION


class AccountMiddleware:
    """Ends sessions whose token was revoked, and renews the locks of who is at work.

    Both happen when something asks for ``request.user``: requests that do not care who sends
    them, and pages that tell of a failure, cost nothing.  Locks are looked at once a minute in
    each process; ``request.lasting_locks`` are those that were seen.
    """

    #: Sessions that a process remembers.
    most = 10_000

    def __init__(self, get_response):
        self.get_response = get_response
        self.seen: dict[str, float] = {}

    def __call__(self, request):
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            user = request.user
            request.user = SimpleLazyObject(lambda: self._checked(request, user))
        return self.get_response(request)

    def _checked(self, request, user):
        if not user.is_authenticated:
            return user
        if TOKEN_OF_SESSION in request.session and not self._is_valid(request):
            request.session.flush()
            return AnonymousUser()
        self._renew(request, user)
        return user

    def _is_valid(self, request) -> bool:
        token = ApiToken.objects.filter(pk=request.session[TOKEN_OF_SESSION]).first()
        return token is not None and token.is_valid

    def _renew(self, request, user) -> None:
        now, session = time.monotonic(), request.session.session_key
        if now - self.seen.get(session, float("-inf")) < locking.RENEWED_EVERY.total_seconds():
            return
        if len(self.seen) >= self.most:
            self.seen.clear()
        request.lasting_locks = locking.renew_all(user)
        self.seen[session] = now
