"""Fixtures of all tests: instances, caches to import, live servers' content.

``CRDS_TEST_DATA`` names the folder with real test data (default
``../shared/data`` beside the checkout); tests on it skip where it is absent.
``CRDS_TEST_DATABASE=mariadb`` runs every test on MariaDB.
``CRDS_REQUIRE_SERVICES=1`` makes a missing service an error.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.operations import BaseDatabaseOperations

from config import CHECKOUT, Instance
from settings import scratch

#: Datasets for each instrument of live instances on the real cache.
REAL_DATASETS = 60

#: Seconds to make the content of an instance, on a busy machine.
CONTENT_TIMEOUT = 900


def skip_or_fail(reason: str):
    """Skip the test, or fail it where everything must be there."""
    if os.environ.get("CRDS_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_collection_modifyitems(config, items):
    """On MariaDB only tests that use the database; the others were run on SQLite already."""
    if os.environ.get("CRDS_TEST_DATABASE") != "mariadb":
        return
    using = [item for item in items
             if item.get_closest_marker("django_db")
             or {"db", "transactional_db"} & set(item.fixturenames)]
    config.hook.pytest_deselected(items=[item for item in items if item not in using])
    items[:] = using


# ---- emptying tables whose rows the database guards --------------------------


@pytest.fixture(scope="session", autouse=True)
def liftable_guards():
    """Tests that commit empty the tables afterwards; lift the triggers meanwhile."""
    from interactive.models import triggers

    plain = BaseDatabaseOperations.execute_sql_flush

    def flush(operations, statements):
        connection = operations.connection
        if connection.alias != "default":
            return plain(operations, statements)
        with connection.cursor() as cursor:
            for statement in triggers.drop_statements():
                cursor.execute(statement)
        try:
            return plain(operations, statements)
        finally:
            with connection.cursor() as cursor:
                for statement in triggers.create_statements(connection.vendor):
                    cursor.execute(statement)

    patch = pytest.MonkeyPatch()
    patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush)
    yield
    patch.undo()


# ---- instances ---------------------------------------------------------------


def instance_at(root: Path, observatory: str = "hst") -> Instance:
    """A new instance with folders and configuration, for the process of the tests."""
    return dataclasses.replace(scratch.make_instance(observatory, root))


@pytest.fixture
def instance(tmp_path, settings) -> Instance:
    """An instance of its own for one test, in place of that of the test run: HST, empty store."""
    return use_instance(settings, tmp_path / "instance", "hst")


@pytest.fixture
def instance_of(tmp_path, settings):
    """As :func:`instance`, for the observatory that is named: ``instance_of("jwst")``."""
    return lambda observatory: use_instance(settings, tmp_path / observatory, observatory)


def use_instance(settings, root: Path, observatory: str) -> Instance:
    made = instance_at(root, observatory)
    settings.INSTANCE = made
    settings.CRDS_OBSERVATORY = observatory
    return made


# ---- caches ------------------------------------------------------------------


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the real test data; skips where it is absent."""
    folder = Path(os.environ.get("CRDS_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"The real test data are not at {folder}; set CRDS_TEST_DATA.")
    return folder.resolve()


@pytest.fixture(scope="session")
def real_cache(test_data) -> Path:
    """The real public cache, cut down.  Never changed."""
    return test_data / "crds-cache"


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture(scope="session")
def demo_cache(shared_folder):
    """``demo_cache("hst")``: folder of the demonstration cache, made once.  Never change it."""
    def make(observatory: str) -> Path:
        folder = shared_folder / f"demo-cache-{observatory}"
        _once(folder, lambda partial: _build_demo(observatory, partial))
        return folder

    return make


def _build_demo(observatory: str, folder: Path) -> None:
    from rules import environment

    environment.prepare(observatory, folder)
    from rules.demo import build_demo_cache

    build_demo_cache(observatory, folder)


def _once(folder: Path, make) -> None:
    """Make ``folder`` if no process of this run has yet."""
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        make(partial)
        partial.rename(folder)


@pytest.fixture
def hst_demo(db, instance, demo_cache):
    """The demonstration content of HST in the test's database and store; its import summary."""
    return import_demo("hst", demo_cache)


@pytest.fixture
def demo_of(db, instance_of, demo_cache):
    """``demo_of("jwst")``: as :func:`hst_demo`, for any observatory."""
    def load(observatory: str):
        instance_of(observatory)
        return import_demo(observatory, demo_cache)

    return load


#: Where the rules come from that this process keeps loaded.
_loaded_from: list[Path] = []


def rules_of(source: Path) -> None:
    """Forget loaded rules unless they come from ``source``: other content has the same names."""
    from rules import loading

    if _loaded_from != [source]:
        loading.shared_cache.cache_clear()
        _loaded_from[:] = [source]


def import_demo(observatory: str, demo_cache):
    from interactive.services.importing import CacheSource, import_catalog

    rules_of(demo_cache(observatory))
    # Linked: nothing changes the bytes, and copying them for each test would take time.
    return import_catalog(CacheSource(demo_cache(observatory), observatory, link=True))


# ---- instances for live servers -----------------------------------------------


@pytest.fixture(scope="session")
def make_instance(shared_folder, tmp_path_factory):
    """``make_instance("hst", "demo")``: root of a new instance that is ready to serve.

    ``content`` is ``demo``, ``real`` (the real cache, with generated datasets) or
    ``empty``.  Each is made once for the test run and copied, the stored files
    as hard links; SQLite, with collected static files.
    """
    def make(observatory: str, content: str = "demo") -> Path:
        data = None
        if content == "real":
            data = Path(os.environ.get("CRDS_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
            if not data.is_dir():
                pytest.skip(f"The real test data are not at {data}; set CRDS_TEST_DATA.")
        template = shared_folder / f"instance-{observatory}-{content}"
        _once(template, lambda partial: _build_instance(observatory, content, partial, data))
        root = tmp_path_factory.mktemp(f"{observatory}-{content}") / "instance"
        _copy_instance(template, root)
        return root

    return make


@pytest.fixture(scope="session")
def live_instance(make_instance):
    return make_instance


def _build_instance(observatory: str, content: str, root: Path, data: Path | None) -> None:
    instance = instance_at(root, observatory)
    environment = {
        **{name: value for name, value in os.environ.items()
           if not name.startswith(("CRDS_", "DJANGO_"))},
        "CRDS_ROOT": str(root), "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": str(CHECKOUT / "sources")}
    steps = [["migrate", "-v0", "--noinput"], ["migrate", "-v0", "--noinput", "--database=archive"],
             ["collectstatic", "-v0", "--noinput"]]
    if content == "demo":
        steps.append(["load_demo", "--quiet"])
    elif content == "real":
        steps.append(["import_cache", str(data.resolve() / "crds-cache"), "--quiet",
                      "--with-datasets", str(REAL_DATASETS)])
    for step in steps:
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "sources" / "manage.py"), *step], env=environment,
            cwd=instance.root, capture_output=True, text=True, timeout=CONTENT_TIMEOUT)
        if done.returncode:
            raise RuntimeError(f"manage {' '.join(step)} failed:\n{done.stdout}{done.stderr}")


def _copy_instance(template: Path, root: Path) -> None:
    def ignored(folder, names):
        return [name for name in names if name.endswith(("-wal", "-shm"))]

    def copy(source, target):
        path = Path(source)
        if path.suffix == ".sqlite3":
            with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
                one.backup(other)
            one.close()
            other.close()
        elif {"mappings", "references", "static"} & set(path.relative_to(template).parts):
            os.link(source, target)
        else:
            shutil.copy2(source, target)
        return target

    shutil.copytree(template, root, copy_function=copy, ignore=ignored, symlinks=True)


# ---- databases -----------------------------------------------------------------


@pytest.fixture(scope="session")
def database_vendor() -> str:
    """``sqlite`` or ``mysql`` (MariaDB)."""
    return connections["default"].vendor


__all__ = ["instance_at", "settings", "skip_or_fail"]
