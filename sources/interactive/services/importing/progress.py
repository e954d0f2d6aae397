"""Shows how far an import is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time

WIDTH = 30


class Progress:
    """Reports stages of a long work on ``stream``; quiet when it is None."""

    def __init__(self, stream=None):
        self.stream = stream
        self.bar = bool(stream) and stream.isatty()
        self.title = ""
        self._shown = 0.0
        self._started = 0.0

    @classmethod
    def on_terminal(cls) -> Progress:
        return cls(sys.stderr)

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin the part called ``title`` with ``total`` steps."""
        self.finish()
        self.title, self.total = title, total
        self._started = self._shown = time.monotonic()
        if self.stream and not self.bar:
            print(title + (f" ({total})" if total else ""), file=self.stream, flush=True)
        self.step(0)

    def step(self, done: int) -> None:
        """``done`` steps of the present part are done."""
        if not self.bar:
            return
        now = time.monotonic()
        if now - self._shown < 0.1 and done and done != self.total:
            return
        self._shown = now
        if self.total:
            filled = WIDTH * done // self.total
            text = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{self.total}"
        else:
            text = f"{done or ''}"
        self.stream.write(f"\r\033[K{self.title} {text}")
        self.stream.flush()

    def finish(self) -> None:
        """End the present part."""
        if self.title and self.bar:
            self.stream.write(
                f"\r\033[K{self.title}: done in {time.monotonic() - self._started:.1f} s\n")
            self.stream.flush()
        self.title = ""
