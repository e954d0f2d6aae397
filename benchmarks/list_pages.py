#!/usr/bin/env python3
"""Lists, searches and file pages with 1,000,000 catalogued files, beside the same with 1,000.

Two generated catalogues (benchmarks/catalogue.py) behind two servers of the same kind.  Each
page is asked in several variants, one at a time, the two servers in turn.  The number of
queries is counted in processes of their own.  ``--database mariadb`` measures with MariaDB
instead of SQLite; it starts a server of its own on a socket.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import urllib.parse
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bootstrap
import catalogue
import instances
import load
import measuring
from measuring import Goal, Series

from control.checkout import instance_environment

SMALL = 1000

#: Milliseconds that 95 of 100 answers may take, and queries of one.
LATENCY, QUERIES = 150, 12

#: Pages by what they are, each in the variants that people ask for.
PAGES = {
    "browse database": [
        "/browse_db/", "/browse_db/?extension=*", "/browse_db/?instrument=acs&filekind=biasfile",
        "/browse_db/?status=submitted&instrument=cos", "/browse_db/?filename=*_bia.fits&sort=name",
        "/browse_db/?start_date=2005-01-01&stop_date=2005-12-31&extension=*&sort=-useafter_date",
        "/browse_db/?bad=yes", "/browse_db/?extension=.fits&sort=size&page=12"],
    "search": [
        "/search/?q=acs+bias", "/search/?q=F606W", "/search/?q=dark", "/search/?q=*_bia.fits",
        "/search/?q=flat+field+pixels+hot", "/search/?q=%22{phrase}%22",
        "/search/?q=filter%3AF606W+ccdgain%3A2.0", "/search/?q=nothinglikeit",
        "/search/?q=type%3Abiasfile+is%3Alatest+-cos", "/search/?q=acs&state=archived&page=3"],
    "recent activity": [
        "/recent_activity/", "/recent_activity/?extension=*",
        "/recent_activity/?action=submit+file&instrument=acs",
        "/recent_activity/?filename=hst_*&start_date=2010-01-01"],
    "file page": ["/browse/{name}"],
    "REST files": [
        "/api/v1/files", "/api/v1/files?instrument=acs&filekind=biasfile&limit=100",
        "/api/v1/files?name=*_bia.fits&sort=-delivery_date",
        "/api/v1/files?delivered_since=2015-01-01&rejected=true"],
    "REST search": ["/api/v1/search?q=acs+bias", "/api/v1/search?q=filter1%3AF606W"],
}

#: Counts queries of addresses in the process of an instance: {address: [status, queries]}.
COUNTING = """
import json
from django.conf import settings
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
settings.ALLOWED_HOSTS = ["*"]
client, found = Client(), {{}}
for address in json.load(open({path!r})):
    client.get(address)
    with CaptureQueriesContext(connections["default"]) as captured:
        response = client.get(address)
    found[address] = [response.status_code, len(captured)]
print("RESULT" + json.dumps(found))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--database", choices=("sqlite", "mariadb"), default="sqlite")
    options = parser.parse_args()
    instances.supported()
    measuring.title(f"Lists and searches: {options.files:,} files beside {SMALL:,}")
    with ExitStack() as stack:
        sides = []
        for count in (SMALL, options.files):
            instance = stack.enter_context(instance_with(options.database, count))
            seconds = measuring.timed(lambda i=instance, n=count: fill(i, n))
            print(f"{count:,} files on {options.database}: made in {seconds:.0f} s", flush=True)
            sides.append((count, instance))
        servers = [(count, stack.enter_context(instances.Server(instance)))
                   for count, instance in sides]
        queries = [count_queries(instance, addresses(count)) for count, instance in sides]
        return measure(servers, queries, options)


@contextmanager
def instance_with(database: str, count: int):
    """An instance without content, on the database that is asked for."""
    configuration = mariadb(f"crds_{count}") if database == "mariadb" else ""
    with instances.scratch("hst", databases=configuration) as instance:
        yield instance


def mariadb(name: str) -> str:
    """Make the databases ``name`` and ``name_archive``; the text of their configuration."""
    from settings import scratch

    socket = os.environ.get("CRDS_TEST_MARIADB_SOCKET")
    if not socket:
        socket = os.environ["CRDS_TEST_MARIADB_SOCKET"] = str(scratch.start_mariadb())
    names = {"default": name, "archive": f"{name}_archive"}
    statements = "".join(f"CREATE DATABASE {one} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
                         for one in names.values())
    subprocess.run(["mariadb", f"--socket={socket}", "--user=root", "-e", statements], check=True)
    databases = {alias: {
        "ENGINE": "django.db.backends.mysql", "NAME": one, "USER": "root", "HOST": socket,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"charset": "utf8mb4", "isolation_level": "read committed"},
    } for alias, one in names.items()}
    return f"DATABASES = {databases!r}\n"


def environment(instance) -> dict[str, str]:
    return {**instance_environment(instance), "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": os.pathsep.join([str(bootstrap.SOURCES), str(bootstrap.BENCHMARKS)])}


def fill(instance, count: int) -> None:
    subprocess.run([sys.executable, str(Path(catalogue.__file__)), str(count)], check=True,
                   env=environment(instance), cwd=bootstrap.SOURCES)


def addresses(count: int) -> dict[str, list[str]]:
    """The pages with names of files that the catalogue of ``count`` has."""
    rules, pmaps, _ = catalogue.levels(count)
    names = [row[1] for row, _ in zip(catalogue.files(count), range(rules + 40), strict=False)]
    wanted = [names[pmaps - 1], names[rules - 3], *names[-6:]]
    # Deliveries of the same number have the same texts in every catalogue.
    phrase = "+".join(catalogue.delivery(10)["history"].split()[:2])
    return {page: [variant.format(name=urllib.parse.quote(name), phrase=phrase)
                   for variant in variants
                   for name in (wanted if "{name}" in variant else [""])]
            for page, variants in PAGES.items()}


def count_queries(instance, pages: dict[str, list[str]]) -> dict[str, int]:
    """Most queries of each page, after it was asked once."""
    wanted = instance.root / "addresses.json"
    wanted.write_text(json.dumps([one for variants in pages.values() for one in variants]))
    program = COUNTING.format(path=str(wanted))
    done = subprocess.run(
        [sys.executable, str(bootstrap.SOURCES / "manage.py"), "shell", "-v0", "-c", program],
        env=environment(instance), cwd=bootstrap.SOURCES, check=True, capture_output=True,
        text=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    wrong = [address for address, (status, _) in found.items() if status != 200]
    if wrong:
        sys.exit(f"These pages were not answered: {', '.join(wrong)}")
    return {page: max(found[one][1] for one in variants) for page, variants in pages.items()}


def measure(servers, queries, options) -> int:
    goals = []
    for page in PAGES:
        slow = {count: Series(f"{count:,} files", "ms") for count, _ in servers}
        work = {count: Series(f"{count:,} files", "ms") for count, _ in servers}
        for round_ in range(-1, options.rounds):
            for count, server in servers:
                requests = [load.get(one) for one in addresses_of(count)[page]]
                before = server.processor_seconds()
                # Time enough for every variant, however slow they are.
                result = load.run(server.port, requests, concurrency=1,
                                  seconds=max(options.seconds, 0.06 * len(requests)))
                if round_ >= 0:
                    slow[count].values.append(result.milliseconds(0.95))
                    spent = server.processor_seconds() - before
                    work[count].values.append(1000 * spent / len(result.latencies))
        measuring.table(f"{page}: latency that 95 % keep", slow.values())
        measuring.table(f"{page}: processor time of an answer", work.values())
        small, large = slow.values()
        few, many = queries[0][page], queries[1][page]
        print(f"  {measuring.ratio(large, small):.1f} times as long;"
              f" queries: {few} and {many}", flush=True)
        goals += [
            Goal(f"{page}: p95 with {options.files:,} files", large.median, LATENCY, True, "ms"),
            Goal(f"{page}: queries with {options.files:,} files", many, min(QUERIES, few), True),
        ]
    return measuring.verdict(
        goals, "The pages of a large catalogue may take longer than those of a small one, but no\n"
        "longer than people wait without noticing, and they never ask more.")


_addresses: dict[int, dict] = {}


def addresses_of(count: int) -> dict[str, list[str]]:
    if count not in _addresses:
        _addresses[count] = addresses(count)
    return _addresses[count]


if __name__ == "__main__":
    sys.exit(main())
