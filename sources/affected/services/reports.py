"""What a run says in words: the log that ``crds query_affected`` shows, and the mail."""

from __future__ import annotations

import pprint
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from ..models import AffectedRun

#: Kinds of errors that the log and the mail name; the file of errors has all.
SHOWN = 100


@dataclass(frozen=True)
class Report:
    """A finished run; ``whole`` is the sum of its :class:`rules.bulk.effects.Effects`."""

    run: AffectedRun
    change: object
    whole: object
    products: int
    finished: datetime
    seconds: float

    @property
    def title(self) -> str:
        """The line by which people find a result, as the original words it."""
        good = "ERROR" if self.whole.errors else "OK"
        return (f"{good}: CRDS {settings.CRDS_OBSERVATORY} {settings.CRDS_USECASE} datasets"
                f" affected {self.run.old_context} --> {self.run.new_context}"
                f" on {self.finished:%Y-%m-%d-%H:%M:%S} : {self.products} affected")

    def text(self) -> str:
        """The log, in the words of ``crds bestrefs``."""
        change, whole = self.change, self.whole
        lines = [
            f"Mapping differences from {change.old!r} --> {change.new!r} affect:\n"
            f" {_pretty({name: list(kinds) for name, kinds in change.types.items()})}"]
        if not change.types:
            lines.append("No instruments were affected.")
        elif change.all_dates:
            lines.append("Checking all dates due to header changes or file deletions.")
        else:
            lines.append(
                f"Possibly affected --datasets-since dates determined by {change.old!r} -->"
                f" {change.new!r} are:\n {_pretty(change.since)}")
        counts: dict[str, dict[str, int]] = {}
        for (instrument, kind), count in sorted(whole.counts.items()):
            counts.setdefault(instrument, {})[kind] = count
        lines += [f"Updated exposure counts:\n {_pretty(counts)}",
                  f"Affected products = {self.products}"]
        lines += self._classes()[:SHOWN]
        if len(whole.errors) > SHOWN:
            lines.append(f"{len(whole.errors) - SHOWN} more in the file errors.txt")
        lines += [f"All unique error types: {len(whole.errors)}",
                  f"{whole.compared} datasets in {self.seconds:.1f} seconds",
                  f"{sum(whole.errors.values())} errors"]
        for (kind, rule, reason), rows in sorted(whole.left.items()):
            lines.append(f"the library itself answered {kind} for {rows}: {rule}, {reason}")
        bar = "-" * 110
        return "\n".join([bar, *(f"CRDS - INFO - {line}" for line in lines),
                          bar, self.title, bar, ""])

    def errors(self) -> str:
        """All kinds of errors, one in a line."""
        return "".join(f"{line}\n" for line in self._classes())

    def kinds_of_errors(self) -> list[dict]:
        """All kinds of errors with the number of datasets and one of them, the most first."""
        return [
            {"datasets": count, "instrument": instrument.lower(), "filekind": kind,
             "message": " ".join(message.split()),
             "example": self.whole.examples[instrument, kind, message]}
            for (instrument, kind, message), count in sorted(
                self.whole.errors.items(), key=lambda item: (-item[1], item[0]))]

    def _classes(self) -> list[str]:
        return [
            f"{count:06d} errors like:: instrument={instrument!r} type={kind.upper()!r}"
            f" data={self.whole.examples[instrument, kind, message]!r} ::  {message}"
            for (instrument, kind, message), count in sorted(self.whole.errors.items())]


def _pretty(value) -> str:
    return pprint.pformat(value, width=100)
