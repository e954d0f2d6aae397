"""The table of the maintenance guide (docs/guide.rst) is complete and names what exists."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from config import CHECKOUT, OBSERVATORIES, USECASES, Instance

GUIDE = CHECKOUT / "docs" / "guide.rst"
pytestmark = pytest.mark.skipif(not GUIDE.is_file(), reason="docs/ is not part of this copy")

STATES = {"done", "with the production issue",
          "with the reprocessing issue", "with the web site issue", "nothing to build"}

FOLDERS = ("sources", "tools", "configs", "servers", "host", "docs", "benchmarks")
COMMANDS = ("install", "init", "run", "stop", "rerun", "runtests", "manage")
FILES = ("env.csh.template", "requirements.lock", "pyproject.toml")

#: What the guide names; each is the subject of some row.
ITEMS = (
    "crds_server", "crdsoper", "Apache", "memcached", "proxy", "site_config.py",
    "crds_team", "crds_datamng", "crds-servers", "crds_hst_ops_reprocessing",
    "crds_hst_test_reprocessing", "crds_jwst_ops_reprocessing", "crds_jwst_test_reprocessing",
    "/home/crds", ".setenv", "rc_script", "env.csh", "CRDS_PROJECT", "CRDS_USECASE", "CRDS_SERVER",
    "CRDS", "PATH", "CRDS_STACK", "CRDS_AFFECTED_DATASETS_RECIPIENTS", "CRDS_IFS",
    "CRDS_FILE_CACHE", "CRDS_SERVER_FILES", "META_PREFIX",
    *(f"alias ``{name}``" for name in (
        "crds", "server", "stack", "installer", "logs", "backups", "libpython", "deliveries",
        "catalogs", "ingest", "file_cache", "ifs", "data1")),
    "server/conf", "server/logs", "server/db_backups", "server/wsgi-scripts", "server/run",
    "database", "sources/configs", "crds_database.py", "sources/config.py", "sources/settings.py",
    "sources/urls.py", "sources/templates", "sources/static",
    *(f"app ``{name}``" for name in (
        "interactive", "jsonapi", "jpoll", "locking", "fileupload", "stats")),
    "``host``", "``tools``", "``servers``", "crds_stacks", "installer3", "old_context.txt",
    "server_files", "``catalogs``", "``deliveries``", "``uploads``", "``ingest``", "ingest_ssb",
    "``file_cache``", "crontab", "nightly.cron.job", "MAILTO", "monitor_reprocessing",
    "clear_expired_locks", "sync_ops_to_grp", "./install", "./init", "./run", "./stop", "./rerun",
    "./runtests", "./manage", "./manage shell", "./manage dbshell", "interactive.models",
    "interactive.tests.Hst.test_index", "tools/backup_server", "tools/restore_server",
    "tools/mirror_server", "tools/orphan_files", "backup port",
)


class Row(NamedTuple):
    item: str
    where: str
    tests: str
    state: str


@cache
def rows() -> list[Row]:
    """The rows of all tables, without their headings."""
    found: list[list[str]] = []
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if line.startswith("   * - "):
            found.append([line[7:]])
        elif re.match(r"     -( |$)", line):
            found[-1].append(line[7:])
        elif line.startswith("       ") and found:
            found[-1][-1] += " " + line.strip()
    assert {len(cells) for cells in found} == {4}
    return [row for row in map(Row._make, found) if row.item != "Item"]


def literals(text: str) -> list[str]:
    return re.findall(r"``([^`]+)``", text)


def identify(row: Row) -> str:
    return row.item.replace("`", "")


@cache
def functions(path: Path) -> set[str]:
    """Tests that pytest collects from the file ``path``, methods as ``Class::name``."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{child.name}" for child in node.body
                      if isinstance(child, ast.FunctionDef) and child.name.startswith("test")}
    return names


def is_path(name: str) -> bool:
    return name.split("/")[0] in FOLDERS or name in FILES or name.split()[0][2:] in COMMANDS


def test_every_item_of_the_guide_has_a_row():
    items = "\n".join(row.item for row in rows())
    missing = [name for name in ITEMS if name not in items]
    assert not missing


def test_the_rows_are_told_apart():
    items = [row.item for row in rows()]
    assert len(items) == len(set(items)) > 100


@pytest.mark.parametrize("row", rows() if GUIDE.is_file() else [], ids=identify)
def test_what_a_row_names_exists(row):
    assert row.state in STATES
    folders = {str(folder) for folder in Instance("hst", "django", Path("$CRDS_ROOT")).folders()}
    for name in literals(row.where):
        if name.startswith("$CRDS_ROOT"):
            assert name in folders
        elif name.startswith("./") or is_path(name):
            path = CHECKOUT / name.split()[0]
            assert path.exists(), f"{name} is not there"
    nodes = literals(row.tests)
    assert len(nodes) == len(row.tests.split()), "tests are literals and nothing else"
    for node in nodes:
        file, _, name = node.partition("::")
        assert name in functions(CHECKOUT / file), f"{node} is no test"


@pytest.mark.parametrize(
    "row", [row for row in rows() if row.state == "done"] if GUIDE.is_file() else [], ids=identify)
def test_what_is_done_is_proven_and_somewhere(row):
    assert row.where
    assert literals(row.tests), "no test proves it"


def test_commands_of_management_exist():
    named = {name.split()[1] for row in rows() for name in literals(row.where)
             if name.startswith("./manage ")}
    from django.core.management import get_commands

    assert named <= {*get_commands(), "createsuperuser"} and "check_invariants" in named


def test_table_of_servers():
    """Every observatory and use case has a row, with the guide's ports and placeholder hosts."""
    table = tomllib.loads((CHECKOUT / "configs" / "servers.toml").read_text())
    assert set(table) == set(OBSERVATORIES)
    for observatory, uses in table.items():
        assert set(uses) == set(USECASES)
        for use, row in uses.items():
            local = use == "django"
            assert row["port"] == (8000 if local else 8001)
            assert len({row["port"], row["plain_port"], row["backup_port"]}) == 3
            assert row["host"] == "localhost" if local else row["host"].endswith("example.invalid")
            assert local or row["url"].endswith("example.invalid")
            lists = [row["sender"], *row["maintainers"], *row["affected"], *row["deliveries"]]
            assert all(address.endswith("@example.invalid") for address in lists)
            if use in ("test", "ops"):
                assert row["affected"] == [f"crds-{observatory}-{use}-reprocessing@example.invalid"]
    hosts = [row["host"] for uses in table.values() for row in uses.values()]
    assert len(set(hosts) - {"localhost"}) == 3 * len(OBSERVATORIES)
