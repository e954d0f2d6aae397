"""A catalogue of any size with a realistic distribution, for benchmarks of lists and searches.

Run as a script it fills the instance of its environment:
``catalogue.py FILES`` writes that many files with rules, links, an audit log and the index of
the search.  Rows are written by plain SQL with the catalogue's triggers lifted: they were
proved elsewhere, and a million of them would take minutes.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

#: Instruments of HST with types of theirs, suffixes of names, and the share of files of each,
#: as in the real catalogue: darks and biases are most of it.
TYPES = {
    ("acs", "darkfile", "drk", "j"): 17, ("acs", "drkcfile", "dkc", "j"): 15,
    ("acs", "biasfile", "bia", "j"): 5, ("acs", "pfltfile", "pfl", "j"): 2,
    ("wfc3", "darkfile", "drk", "i"): 14, ("wfc3", "drkcfile", "dkc", "i"): 8,
    ("wfc3", "biasfile", "bia", "i"): 1, ("wfc3", "pfltfile", "pfl", "i"): 1,
    ("wfpc2", "darkfile", "r3h", "u"): 12, ("wfpc2", "biasfile", "r2h", "u"): 3,
    ("stis", "biasfile", "bia", "o"): 6, ("stis", "darkfile", "drk", "o"): 7,
    ("cos", "flatfile", "flat", "l"): 2, ("cos", "phatab", "phot", "l"): 2,
    ("nicmos", "darkfile", "drk", "n"): 4, ("nicmos", "idctab", "idc", "n"): 1,
}
PARAMETERS = {
    "DETECTOR": ("WFC", "HRC", "SBC", "UVIS", "IR", "CCD", "FUV", "NUV"),
    "FILTER": ("CLEAR", "F606W", *(f"F{number}W" for number in range(200, 900, 23))),
    "CCDGAIN": ("0.5", "1.0", "1.5", "2.0", "4.0"),
    "CCDAMP": ("A", "ABCD", "AD", "B", "BC", "C", "D"),
}

#: What descriptions and histories are made of.
VOCABULARY = """
    flat field bias dark frame superbias superdark reference file created from calibration
    observations taken between and pixels hot cold bad column table update new version
    correction charge transfer efficiency sensitivity throughput zero point geometric
    distortion aperture spectral order trace wavelength detector readout noise gain amplifier
    linearity saturation monthly weekly annealing temperature post launch ground test in-flight
    program proposal cycle delivered replaced improved quality mask shutter overscan"""
WORDS = VOCABULARY.split()

#: What descriptions and histories are made of.
VOCABULARY = """
    flat field bias dark frame superbias superdark reference file created from calibration
    observations taken between and pixels hot cold bad column table update new version
    correction charge transfer efficiency sensitivity throughput zero point geometric
    distortion aperture spectral order trace wavelength detector readout noise gain amplifier
    linearity saturation monthly weekly annealing temperature post launch ground test in-flight
    program proposal cycle delivered replaced improved quality mask shutter overscan"""
WORDS = VOCABULARY.split()

BATCH = 10_000

FIRST = datetime(1997, 1, 1)
SPAN = 25 * 365 * 86400

COLUMNS = (
    "id", "name", "observatory", "instrument", "filekind", "type", "extension", "state",
    "stored", "rejected", "blacklisted", "sha1sum", "size", "uploaded_as", "derived_from",
    "replaced_by_filename", "reference_file_type", "change_level", "delivery_date",
    "activation_date", "useafter_date", "pedigree", "aperture", "description", "comment",
    "history", "blob", "creator_name", "deliverer_user", "deliverer_email", "catalog_link")

#: Files of one delivery, which share their texts.
PER_DELIVERY = 20

#: Rules among all files.
RULES_SHARE = 0.06


def levels(count: int) -> tuple[int, int, int]:
    """Numbers of rules, of pmaps among them, and of imaps."""
    rules = max(20, int(count * RULES_SHARE))
    return rules, max(2, rules // 40), max(6, rules // 6)


def files(count: int) -> Iterator[tuple]:
    """``count`` rows of the catalogue: pmaps, imaps and rmaps first, then references."""
    rng = random.Random(count)
    rules, pmaps, imaps = levels(count)
    rmaps = rules - pmaps - imaps
    types = list(TYPES)
    instruments = sorted({instrument for instrument, *_ in types})
    keys = itertools.count(1)
    for number in range(1, pmaps + 1):
        yield _row(rng, next(keys), f"hst_{number:04d}.pmap", "", "", number == pmaps)
    for number in range(1, imaps + 1):
        instrument = instruments[number % len(instruments)]
        yield _row(rng, next(keys), f"hst_{instrument}_{number:04d}.imap", instrument, "",
                   number > imaps - len(instruments))
    for number in range(1, rmaps + 1):
        instrument, kind, *_ = types[number % len(types)]
        yield _row(rng, next(keys), f"hst_{instrument}_{kind}_{number:04d}.rmap", instrument,
                   kind, number > rmaps - len(types))
    chosen = rng.choices(types, weights=list(TYPES.values()), k=count - rules)
    for number, (instrument, kind, suffix, letter) in enumerate(chosen):
        name = f"{_base36(number * 7919 % 2_000_003 + 40_000_000)}{letter}_{suffix}.fits"
        yield _row(rng, next(keys), name, instrument, kind, rng.random() < 0.7)


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return text.rjust(8, "0")


@lru_cache(maxsize=4)
def delivery(number: int) -> dict[str, str]:
    """What the files of one delivery have in common."""
    rng = random.Random(number)
    delivered = FIRST + timedelta(seconds=rng.randrange(SPAN))
    text = " ".join(rng.choices(WORDS, k=14)).capitalize() + "."
    return {
        "delivery": str(delivered), "activation": str(delivered + timedelta(days=7)),
        "useafter": str(delivered - timedelta(days=rng.randrange(400))), "description": text,
        "history": " ".join(rng.choices(WORDS, k=45)), "comment": text[:40],
        "state": rng.choices(("archived", "delivered", "submitted"), (97, 2, 1))[0],
        "pedigree": rng.choice(("INFLIGHT", "GROUND", "MODEL")),
        "aperture": rng.choice(("WFC1", "WFC2", "ANY", "FULL")),
        "creator": rng.choice(WORDS).capitalize(), "catalog": f"hst_{number:06d}.cat"}


def _row(rng: random.Random, pk: int, name: str, instrument: str, kind: str,
         latest: bool) -> tuple:
    shared = delivery(pk // PER_DELIVERY)
    extension = "." + name.rpartition(".")[2]
    rule = extension != ".fits"
    state = "latest" if latest else shared["state"]
    return (
        pk, name, "hst", instrument, kind, "mapping" if rule else "reference", extension, state,
        rng.random() < 0.2, not rule and rng.random() < 0.004, rule and rng.random() < 0.01,
        f"{rng.getrandbits(160):040x}", int(2_000 + 2e8 * rng.random()),
        f"{kind or 'context'}_{instrument}_{pk}{extension}", "", "", kind.upper()[:8], "severe",
        shared["delivery"], shared["activation"] if state != "submitted" else None,
        None if rule else shared["useafter"], "" if rule else shared["pedigree"],
        "" if rule else shared["aperture"], shared["description"],
        "" if rule else shared["comment"], "" if rule else shared["history"], "",
        shared["creator"], "redcat", "", shared["catalog"])


def links(count: int) -> Iterator[tuple[int, int, str]]:
    """(parent, child, key): every file in two of the rules one level above."""
    rng = random.Random(2)
    rules, pmaps, imaps = levels(count)
    ranges = [(1, pmaps), (pmaps + 1, pmaps + imaps), (pmaps + imaps + 1, rules),
              (rules + 1, count)]
    for (start, stop), (first, last) in itertools.pairwise(ranges):
        for child in range(first, last + 1):
            parent = rng.randrange(start, stop + 1)
            yield parent, child, ""
            yield (parent + 1 if parent < stop else start), child, ""


def cases(count: int) -> Iterator[tuple]:
    """(parameters, values, primary keys of references): every reference has one case."""
    rules, *_ = levels(count)
    every = list(itertools.product(*PARAMETERS.values()))
    random.Random(1).shuffle(every)
    step = -(-(count - rules) // len(every))
    for number, values in enumerate(every):
        start = rules + 1 + number * step
        if start <= count:
            yield tuple(PARAMETERS), values, range(start, min(start + step, count + 1))


def audit(rows: Iterable[tuple]) -> Iterator[tuple]:
    """A third of the files were submitted here, and every context was latest once."""
    for row in rows:
        key, name, extension, delivered, description, delivery = (
            row[0], row[1], row[6], row[18], row[23], row[30])
        if key % 3 == 0:
            yield (delivered, "redcat", "submit file", name, description,
                   json.dumps({"delivery": delivery}))
        if extension == ".pmap":
            yield (delivered, "operator", "set default context", name, description,
                   json.dumps({"context": "latest", "to": name}))


# ---- into the database of the environment -----------------------------------------


def fill(count: int) -> None:
    """Write the catalogue into the database of this process."""
    from django.db import connection, transaction

    from interactive.models import ContextHistory, ContextPointer, triggers
    from interactive.services import revision
    from interactive.services.search import index

    with connection.cursor() as cursor:
        for statement in triggers.drop_statements():
            cursor.execute(statement)
    _, pmaps, _ = levels(count)
    with transaction.atomic(), connection.cursor() as cursor:
        acts = []

        def noted(rows):
            for row in rows:
                acts.extend(audit([row]))
                yield row

        _insert(cursor, "interactive_catalogfile", COLUMNS, noted(files(count)))
        _insert(cursor, "interactive_auditrecord",
                ("date", "user", "action", "file", "why", "details"), acts)
        _insert(cursor, "interactive_rulelink", ("parent_id", "child_id", "key"), links(count))
        for kind in ("latest", "edit"):
            ContextPointer.objects.create(kind=kind, context_id=pmaps)
        ContextHistory.objects.create(
            start_date="2020-01-01T00:00:00Z", context=f"hst_{pmaps:04d}.pmap")
        revision.bump()
        index.rebuild(cases(count))
    with connection.cursor() as cursor:
        for statement in triggers.create_statements(connection.vendor):
            cursor.execute(statement)


def _insert(cursor, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
    quote = cursor.db.ops.quote_name
    places = ", ".join(["%s"] * len(columns))
    statement = (f"INSERT INTO {quote(table)} ({', '.join(map(quote, columns))})"
                 f" VALUES ({places})")
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        cursor.executemany(statement, batch)


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    django.setup()
    fill(int(sys.argv[1]))


if __name__ == "__main__":
    main()
