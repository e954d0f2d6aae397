"""Decorators of views: who may open a page.

People who are not signed in are sent to the login page and come back; who lacks the role gets
a page that says so.  Every answer sets the CSRF cookie, as the command-line client needs it.
"""

from __future__ import annotations

import functools

from django.contrib.auth.decorators import login_required
from django.db.models import prefetch_related_objects
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie

from .models import Role
from .services import roles


def _needs(role: Role):
    def decorate(view):
        @functools.wraps(view)
        def checked(request, *args, **kwargs):
            prefetch_related_objects([request.user], "grants")
            roles.require(request.user, role)
            return view(request, *args, **kwargs)

        return ensure_csrf_cookie(never_cache(login_required(checked)))

    return decorate


#: For pages of submitters, operators and administrators.
submitter = _needs(Role.SUBMITTER)
#: For pages of operators and administrators.
operator = _needs(Role.OPERATOR)
#: For pages of administrators.
administrator = _needs(Role.ADMINISTRATOR)
