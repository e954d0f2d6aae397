"""Leading slashes and the observatory's prefix, before Django sees the path."""

from __future__ import annotations

import pytest

from common.paths import PathNormalizer


@pytest.mark.parametrize(("asked", "path", "script"), [
    ("/", "/", ""),
    ("/json/", "/json/", ""),
    ("//upload/list/", "/upload/list/", ""),
    ("////json/x/y/", "/json/x/y/", ""),
    ("/hst", "/", "/hst"),
    ("/hst/", "/", "/hst"),
    ("/hst/json/", "/json/", "/hst"),
    ("//hst//json/", "/json/", "/hst"),
    ("/hstx/json/", "/hstx/json/", ""),
    ("/jwst/json/", "/jwst/json/", ""),
    ("/browse//x", "/browse//x", ""),
    ("", "", ""),
])
def test_path_and_script_name(asked, path, script):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        return []

    PathNormalizer(application, "/hst")({"PATH_INFO": asked}, None)
    assert seen["PATH_INFO"] == path
    assert seen.get("SCRIPT_NAME", "") == script
