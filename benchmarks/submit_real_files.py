#!/usr/bin/env python3
"""The real client submits every real reference file; each must end as it has to.

For each observatory a scratch instance gets the real cache; people submit with ``crds submit``,
one file at a time, with monitor, wait, wipe and autoconfirm, some with ``crds rc_submit`` and
``crds.submit.Submission``; before that come other options of ``crds submit``.  What certifies
clean must be accepted, exit status 0, with a complete file map, or end in the error of what it
overlaps or repeats; everything else must end in its own error.  Afterwards other clients must see
the new context.  Exit status 1 if anything is different.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bootstrap  # noqa: F401  (puts the sources on the path)
import instances
import measuring

from rules.tests.reference_outcomes import OUTCOMES
from tests import submitting_real as real
from tests.live import LiveServer
from tests.submitting import PREPARE, Desk, Worker

#: A file that certifies clean, and another one beside it, for the options.
FOR_OPTIONS = {
    "hst": ("s7g1700hl_dead.fits", "v8q1445xx_idc.fits"),
    "jwst": ("valid.json", "jwst_miri_ipc_0003.add.fits"),
    "roman": ("roman_wfi16_f158_flat_small.asdf", "roman_wfi_pars-exposurepipeline.asdf")}

#: Files that are submitted in another way than with ``crds submit``.
WAYS = {
    "16j16005o_apd.fits": real.rc_submit, "s7g1700hl_dead.fits": real.extended,
    "niriss_ref_photom.fits": real.rc_submit, "valid.json": real.extended,
    "roman_wfi16_f158_flat_small.asdf": real.extended}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("observatories", nargs="*", default=list(OUTCOMES), metavar="OBSERVATORY")
    parser.add_argument("--files", nargs="*", help="only these")
    parser.add_argument("--people", type=int, default=2, help="who submit side by side")
    parser.add_argument("--logs", type=Path, help="folder for what the clients printed")
    options = parser.parse_args()
    cache = instances.real_cache()
    if cache is None:
        print("The real data are not there; set CRDS_TEST_DATA.")
        return 1
    measuring.title("Real files by the real client")
    wrong = 0
    for observatory in options.observatories:
        with instances.scratch(observatory) as instance:
            instances.fill(instance)
            wrong += Run(instance, cache.parent / "references" / observatory, options).all()
    print(f"\nNot as it must be: {wrong}")
    return 1 if wrong else 0


class Run:
    """All files of one observatory."""

    def __init__(self, instance, folder: Path, options):
        self.observatory, self.folder, self.options = instance.observatory, folder, options
        self.live = LiveServer(instance.root, instance.observatory)
        scratch = instance.root / "clients"
        scratch.mkdir()
        self.desk = Desk(self.live, scratch)

    def all(self) -> int:
        """Number of things that are not as they must be."""
        by_person = self.people()
        with self.live, Worker.of(self.live):
            self.live.shell(PREPARE.format(
                people=list(by_person), password=real.PASSWORD, folder=str(self.desk.folder),
                files={}))
            before, self.published = real.edit_context(self.desk), real.checksums(self.desk)
            self.desk.before = before
            print(f"\n{self.observatory}, edit context {before}", flush=True)
            options = self.options_of_the_command(next(iter(by_person)))
            with ThreadPoolExecutor(self.options.people) as pool:
                ended = [one for part in pool.map(self.one_person, by_person, by_person.values())
                         for one in part]
            accepted = [outcome for outcome, wrong in ended if outcome.context]
            return (options + sum(bool(wrong) for _, wrong in ended)
                    + self.others(before, accepted))

    def options_of_the_command(self, person: str) -> int:
        paths = [self.folder / name for name in FOR_OPTIONS[self.observatory]]
        wrong = real.options(self.desk, person, *paths)
        print("  certify, keep, wipe, no waiting, cancel: "
              f"{'NOT as they must be' if wrong else 'well'}", flush=True)
        self.tell(wrong)
        # The lock of the instrument goes, for others to submit.
        self.desk.command(person, f"submit --files {paths[0]} --logout")
        return len(wrong)

    def tell(self, wrong: list[str]) -> None:
        for one in wrong:
            print(f"      WRONG: {one}", flush=True)

    def people(self) -> dict[str, list[Path]]:
        """Somebody for each instrument, whom its lock does not hinder."""
        found = defaultdict(list)
        for path in sorted(self.folder.iterdir()):
            if not self.options.files or path.name in self.options.files:
                instrument = OUTCOMES[self.observatory][path.name].instrument
                found[f"for-{instrument or 'none'}"].append(path)
        return dict(found)

    def one_person(self, person: str, paths: list[Path]) -> list:
        return [self.one_file(person, path) for path in paths]

    def one_file(self, person: str, path: Path):
        expected = real.expected_errors(self.desk, path, self.published)
        started = time.monotonic()
        outcome = WAYS.get(path.name, real.submit)(self.desk, person, path)
        text, by_client = outcome.text, ""
        if not outcome.told and real.problems(self.desk, outcome, expected):
            by_client = outcome.refusal or "by the client itself"
            outcome = real.send(self.desk, person, path)
        wrong = real.problems(self.desk, outcome, expected)
        self.keep(path.name, text + outcome.text)
        how = (f"accepted: {outcome.official}, {outcome.context}" if outcome.context
               else "refused: " + (", ".join(sorted(outcome.codes)) or outcome.refusal))
        first = f" (at first: {by_client})" if by_client not in ("", outcome.refusal) else ""
        way = f" by {WAYS[path.name].__name__}" if path.name in WAYS else ""
        took = time.monotonic() - started
        print(f"  {path.name:42} {took:4.0f} s  {how}{way}{first}", flush=True)
        self.tell(wrong)
        return outcome, wrong

    def others(self, before: str, accepted: list) -> int:
        if not accepted:
            return 0
        after = real.edit_context(self.desk)
        wrong = real.seen_by_clients(self.desk, before, after, accepted)
        print(f"  other clients see {after}: {'no' if wrong else 'yes'}", flush=True)
        self.tell(wrong)
        return len(wrong)

    def keep(self, name: str, text: str) -> None:
        if self.options.logs:
            self.options.logs.mkdir(parents=True, exist_ok=True)
            (self.options.logs / f"{self.observatory}-{name}.log").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
