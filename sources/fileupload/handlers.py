"""Where the bytes of posted files go while a form is read: into a part file, not into memory."""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload


class PartFile(UploadedFile):
    """A posted file that lies in ``part``; ``sha1sum`` was computed as it came."""

    def __init__(self, stream, name, size, content_type, part, sha1sum):
        super().__init__(stream, name, content_type, size)
        self.part, self.sha1sum = part, sha1sum


class PartHandler(FileUploadHandler):
    """Writes each file straight into the folder of uploads, so that it is renamed and not copied.

    Whoever uses it calls :meth:`remove` at the end: parts that were not taken go.
    """

    chunk_size = 1024 * 1024

    def __init__(self, request=None):
        super().__init__(request)
        self.parts = []
        self.stream = None
        self.error: OSError | None = None

    def new_file(self, *args, **options):
        super().new_file(*args, **options)
        self.part = settings.INSTANCE.uploads / f"{uuid.uuid4()}.part"
        self.digest = hashlib.sha1(usedforsecurity=False)
        try:
            self.stream = open(self.part, "x+b")  # noqa: SIM115 (closed with the request)
        except OSError as exc:
            self._stop(exc)
        self.parts.append((self.part, self.stream))

    def receive_data_chunk(self, raw_data, start):
        self.digest.update(raw_data)
        try:
            self.stream.write(raw_data)
        except OSError as exc:
            self._stop(exc)

    def file_complete(self, file_size):
        try:
            self.stream.flush()
        except OSError as exc:
            self._stop(exc)
        self.stream.seek(0)
        return PartFile(self.stream, self.file_name, file_size, self.content_type, self.part,
                        self.digest.hexdigest())

    def _stop(self, exc: OSError):
        # Kept for the view: Django turns the end of an upload into an empty form.
        self.error = exc
        raise StopUpload(connection_reset=True) from exc

    def remove(self) -> None:
        """Close and remove what is left."""
        for part, stream in self.parts:
            stream.close()
            part.unlink(missing_ok=True)
