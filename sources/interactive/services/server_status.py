"""How this server is doing: software, catalogue, jobs, disk.  Nothing here is secret."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Count, Q, Sum

from interactive.models import CatalogFile, CatalogRevision, ImportFinding

#: Distributions whose versions decide about answers, by the name shown.
PACKAGES = {
    "CRDS server": "crds-server",
    "crds": "crds",
    "Django": "Django",
    "astropy": "astropy",
    "asdf": "asdf",
    "numpy": "numpy",
    "stdatamodels": "stdatamodels",
    "roman_datamodels": "roman_datamodels",
    "gunicorn": "gunicorn",
    "django-q2": "django-q2",
    "django-ninja": "django-ninja",
}


def versions() -> list[tuple[str, str]]:
    """Name and version of Python and of every package of ours that is installed."""
    found = [("Python", platform.python_version())]
    for name, distribution in PACKAGES.items():
        try:
            found.append((name, version(distribution)))
        except PackageNotFoundError:
            continue
    return found


def server_version() -> str:
    """Version of this software, ``development`` when it was not installed as a package."""
    try:
        return version("crds-server")
    except PackageNotFoundError:
        return "development"


def files() -> dict:
    """Numbers of catalogue files: ``rows`` by type and state, and the totals."""
    rows = list(
        CatalogFile.objects.values("type", "state").order_by("type", "state").annotate(
            number=Count("pk"),
            here=Count("pk", filter=Q(stored=True)),
            bytes=Sum("size", filter=Q(stored=True)),
        ))
    for row in rows:
        row["elsewhere"] = row["number"] - row["here"]
    columns = ("number", "here", "elsewhere", "bytes")
    return {"rows": rows, **{key: sum(row[key] or 0 for row in rows) for key in columns}}


def catalogue_revision() -> CatalogRevision | None:
    return CatalogRevision.objects.filter(pk=1).first()


def findings() -> list[dict]:
    """Import findings counted by code, and how many of the files are published all the same."""
    return list(
        ImportFinding.objects.values("code").order_by("code").annotate(
            number=Count("pk"), published_number=Count("pk", filter=Q(published=True))))


def jobs() -> list[dict] | None:
    """Jobs counted by state, None where this server runs none."""
    try:
        model = apps.get_model("jobs", "Job")
    except LookupError:
        return None
    return list(model.objects.values("state").order_by("state").annotate(number=Count("pk")))


def databases() -> list[dict]:
    """Kind and version of each database; no names, no addresses."""
    return [{"alias": alias, "kind": _kind(connections[alias])} for alias in settings.DATABASES]


def _kind(connection) -> str:
    try:
        if connection.vendor == "sqlite":
            return "SQLite " + ".".join(map(str, connection.Database.sqlite_version_info))
        numbers = ".".join(map(str, connection.get_database_version()))
        maria = getattr(connection, "mysql_is_mariadb", False)
        return f"{'MariaDB' if maria else connection.display_name} {numbers}"
    except DatabaseError:
        return "does not answer"


def disk() -> dict | None:
    """Bytes ``usable`` and ``free`` where the file cache lies, None when it cannot be read."""
    try:
        usage = shutil.disk_usage(settings.INSTANCE.file_cache)
    except OSError:
        return None
    # Quotas and reserved blocks make used and free less than the total.
    usable = usage.used + usage.free
    return {"usable": usable, "free": usage.free,
            "percent": round(100 * usage.used / usable, 1) if usable else 0}


# ---- health ----------------------------------------------------------------


def health() -> dict[str, str]:
    """``ok`` or what is wrong, for each thing without which nothing works."""
    checks = {f"database {alias}": _database(alias) for alias in settings.DATABASES}
    return {**checks, "file cache": _file_cache()}


def _database(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return "does not answer"
    return "ok"


def _file_cache() -> str:
    try:
        next(settings.INSTANCE.file_cache.iterdir(), None)
    except OSError as exc:
        return exc.strerror or "cannot be read"
    return "ok"
