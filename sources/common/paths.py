"""What must happen to a request path before Django looks at it."""

from __future__ import annotations

import re

LEADING_SLASHES = re.compile(r"^/{2,}")


class PathNormalizer:
    """WSGI middleware: folds leading slashes, and answers below the observatory's prefix too.

    Clients concatenate base URLs that end in a slash with absolute paths, so
    ``//upload/list/`` arrives; a redirect would lose the body of a POST.  The
    prefix, ``/hst`` say, lets a client learn the observatory from the URL; it
    becomes the script name, so that links on pages keep it.
    """

    def __init__(self, application, prefix: str):
        self.application = application
        self.prefix = prefix

    def __call__(self, environ, start_response):
        path = LEADING_SLASHES.sub("/", environ.get("PATH_INFO", "/"))
        if path == self.prefix or path.startswith(self.prefix + "/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self.prefix
            path = LEADING_SLASHES.sub("/", path[len(self.prefix):]) or "/"
        environ["PATH_INFO"] = path
        return self.application(environ, start_response)
