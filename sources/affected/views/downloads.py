"""Files of a result, for programs."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from common.errors import NotFound

from ..models import AffectedRun, RunState
from ..services import computing


@require_safe
def ids(request: HttpRequest, old: str, new: str) -> FileResponse:
    """The products, one in a line, as ``crds bestrefs --affected-datasets`` prints them."""
    return _file(old, new, computing.IDS)


@require_safe
def log(request: HttpRequest, old: str, new: str) -> FileResponse:
    """The log that ``crds query_affected`` shows."""
    return _file(old, new, "bestrefs.log")


@require_safe
def errors(request: HttpRequest, old: str, new: str) -> FileResponse:
    """All kinds of errors."""
    return _file(old, new, "errors.txt")


def _file(old: str, new: str, name: str) -> FileResponse:
    run = AffectedRun.objects.filter(
        old_context=old, new_context=new, state=RunState.DONE).first()
    path = computing.folder_of(run) / name if run else None
    if path is None or not path.is_file():
        raise NotFound(
            f"There is no finished comparison of '{old}' with '{new}'. The page Affected"
            " datasets lists those that there are, and begins others.")
    return FileResponse(open(path, "rb"), content_type="text/plain; charset=utf-8")
