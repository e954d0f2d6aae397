"""Only a trusted proxy may tell the scheme."""

from __future__ import annotations

import pytest

from common.proxies import TrustedProxies


@pytest.mark.parametrize(("caller", "said", "scheme"), [
    ("10.0.0.1", "https", "https"),
    ("10.0.0.2", "https", "http"),
    ("10.0.0.1", "gopher", "http"),
    ("10.0.0.1", "", "http"),
])
def test_scheme(caller, said, scheme):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return []

    TrustedProxies(application, ["10.0.0.1"])(
        {"REMOTE_ADDR": caller, "HTTP_X_FORWARDED_PROTO": said, "wsgi.url_scheme": "http"}, None)
    assert seen["wsgi.url_scheme"] == scheme
