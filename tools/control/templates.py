"""Files made from templates: quoting, filling in, and keeping what an operator edited."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from pathlib import Path

from .console import CommandError, warn

_PLACE = re.compile(r"@([A-Z_]+)@")


def quote_sh(value) -> str:
    return shlex.quote(str(value))


def quote_csh(value) -> str:
    """``value`` in single quotes; csh expands ``!`` even between them."""
    text = str(value).replace("'", "'\\''").replace("!", "\\!")
    return f"'{text}'"


def fill(template: Path, values: dict, quote) -> str:
    """The text of ``template`` with each ``@NAME@`` replaced by its quoted value."""
    def value(match):
        try:
            return quote(values[match.group(1)])
        except KeyError:
            raise CommandError(
                f"{template} asks for {match.group(0)}, which ./install does not know."
            ) from None
    return _PLACE.sub(value, template.read_text())


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace ``path`` by ``text`` in one step; unchanged content is not touched."""
    if path.is_file() and path.read_text() == text:
        return
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.chmod(mode)
    partial.replace(path)


def link(path: Path, target: Path) -> None:
    """Make ``path`` a symbolic link to ``target`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_symlink():
        raise CommandError(f"{path} is in the way: it should be a link to {target}. Move it aside.")
    partial = path.with_name(f"{path.name}.link-{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Generated:
    """Remembers what ./install wrote, so that an operator's edit is told from an old form."""

    def __init__(self, folder: Path):
        self.record = folder / "generated.json"
        try:
            self.values = json.loads(self.record.read_text())
        except (OSError, ValueError):
            self.values = {}

    def save(self) -> None:
        write(self.record, json.dumps(self.values, indent=1, sort_keys=True) + "\n", 0o640)

    def place(self, path: Path, text: str, template: Path) -> None:
        """Bring ``path`` to ``text``, made from ``template``, unless it was edited.

        An edited file stays; when the template has changed, the newest form is
        put beside it with the ending ``.new``, once for each change.
        """
        known = self.values.setdefault("files", {}).get(path.name, {})
        current = path.read_text() if path.is_file() else None
        newest = path.with_name(path.name + ".new")
        digest, form = _digest(text), _digest(template.read_text())
        if current in (None, text) or _digest(current) == known.get("digest"):
            write(path, text, 0o640)
            newest.unlink(missing_ok=True)
            self.values["files"][path.name] = {"digest": digest, "form": form}
        elif form != known.get("form"):
            write(newest, text, 0o640)
            warn(f"{path} was edited and is kept. The form it is made from has changed:"
                 f" take over what you need from {newest}, then delete that.")
            self.values["files"][path.name] = {**known, "form": form}
        elif newest.exists():
            warn(f"{newest} is waiting to be compared with {path}.")
