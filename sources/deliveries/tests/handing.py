"""Files that are stored and confirmed, and an archive that does what it is told."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from deliveries.services import making
from interactive.models import FileState
from interactive.services import revision, store
from interactive.tests import catalogue


def submitted(*names: str):
    """Confirmed files called ``names`` with bytes of their own in the store."""
    files = []
    for name in names:
        source = settings.INSTANCE.root / f"source-{name}"
        source.write_text(f"bytes of {name}")
        path = store.place(source, name)
        files.append(catalogue.file(name, state=FileState.SUBMITTED, size=path.stat().st_size,
                                    sha1sum=store.checksum(path)))
    revision.current()
    return files


def delivery(*names: str, user: str = "someone"):
    """A delivery of new files, as it stands when the confirmation is committed."""
    files = submitted(*names)
    with transaction.atomic():
        return making.create(files=files, user=user, description="New darks")


class Archive:
    """The other end: works on the folder ``deliveries``."""

    @property
    def folder(self):
        return settings.INSTANCE.deliveries

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}

    def begin(self, catalog: str, ending: str = "_PROC") -> None:
        (self.folder / catalog).rename(self.folder / (catalog + ending))

    def fail(self, catalog: str) -> None:
        (self.folder / f"{catalog}_PROC").rename(self.folder / f"{catalog}_ERROR")

    def remove(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink()
