"""Looking into files that tests write."""

from __future__ import annotations

import json

import pytest

from contents import looking
from contents.drawing.gallery import Gallery
from contents.parts import Workshop


@pytest.fixture
def look(tmp_path):
    """``look(path)``: the description of the file at ``path``; pictures go to ``look.folder``."""
    folder = tmp_path / "pictures"
    folder.mkdir()

    def looked(path, **options):
        found = looking.describe(path, path.name, Workshop(Gallery(folder)), **options)
        # What is kept must be JSON as others read it, without NaN.
        return json.loads(json.dumps(found, allow_nan=False))

    looked.folder = folder
    return looked
