"""Posts with files: who posts is known before a byte is read, and bytes go where they stay."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts.access import submitter
from common.errors import BadRequest

from ..handlers import PartHandler
from ..services import space

LATER_PIECE = re.compile(r"bytes [1-9]")


def takes_files(view: Callable) -> Callable:
    """A view for submitters that may be posted files of any size.

    The CSRF token lies in the body, which Django would read before the view and without
    asking who sends it.  Here role and room are looked at first, then the body is read, then
    the token is checked, and parts that the view did not take are removed.
    """
    protected = csrf_protect(view)

    @submitter
    @csrf_exempt
    @functools.wraps(view)
    def prepared(request, *args, **kwargs) -> HttpResponse:
        if request.method != "POST":
            return protected(request, *args, **kwargs)
        with space.explained():
            if not _goes_on(request):
                space.require(request.user, _announced(request))
            handler = PartHandler(request)
            request.upload_handlers = [MemoryFileUploadHandler(request), handler]
            try:
                response = protected(request, *args, **kwargs)
                if handler.error is not None:
                    raise handler.error
                return response
            finally:
                handler.remove()

    return prepared


def _goes_on(request) -> bool:
    """Whether this is a later piece of an upload, which asked for its room with the first."""
    return (LATER_PIECE.match(request.headers.get("Content-Range", "")) is not None
            and _announced(request) <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE)


def _announced(request) -> int:
    try:
        return max(int(request.META.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        raise BadRequest("The header Content-Length is no number.") from None
