"""Taking a trusted proxy's word for how the caller reached it."""

from __future__ import annotations


class TrustedProxies:
    """WSGI middleware: behind one of ``addresses``, X-Forwarded-Proto tells the scheme.

    From anybody else the header means nothing: whoever invents it must not get
    past the checks that want TLS.
    """

    def __init__(self, application, addresses: list[str]):
        self.application = application
        self.addresses = frozenset(addresses)

    def __call__(self, environ, start_response):
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "")
        if scheme in ("http", "https") and environ.get("REMOTE_ADDR") in self.addresses:
            environ["wsgi.url_scheme"] = scheme
        return self.application(environ, start_response)
