"""The software this server computes with: packages, versions, and what each is for."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions

from . import server_status

#: What the packages that decide about answers do here, by distribution name in lower case.
PURPOSES = {
    "crds-server": "this server",
    "crds": "the rules: parsing, selection of references, certifying, differences",
    "django": "pages, database access, accounts",
    "django-ninja": "REST API",
    "django-q2": "queue of long work",
    "django-tables2": "tables of lists, their sorting and downloads",
    "django-filter": "filters of lists",
    "django-htmx": "parts of pages that are loaded later",
    "gunicorn": "web server of the use case django",
    "whitenoise": "static files",
    "mysqlclient": "MariaDB",
    "pymemcache": "cache shared by several machines",
    "astropy": "FITS files, tables, times, VOTable downloads",
    "asdf": "ASDF files",
    "numpy": "numbers of files",
    "matplotlib": "pictures of the contents of files",
    "stdatamodels": "data models of JWST: certifying its references",
    "jwst": "calibration pipeline of JWST",
    "roman_datamodels": "data models of Roman: certifying its references",
    "roman-datamodels": "data models of Roman: certifying its references",
    "rad": "schemas of Roman",
    "romancal": "calibration pipeline of Roman",
    "stsynphot": "synthetic photometry: tests of throughput tables",
    "synphot": "synthetic photometry",
    "pyarrow": "Parquet files of headers",
    "sphinx": "user guide",
}


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    purpose: str


def main() -> list[Package]:
    """Python, the databases, and the packages that decide about answers, in that order."""
    rows = [Package("Python", platform.python_version(), "language and standard library")]
    rows += [Package(f"Database {each['alias']}", each["kind"], _database(each["alias"]))
             for each in server_status.databases()]
    known = {package.name.lower(): package for package in installed()}
    return rows + [
        Package(known[name].name, known[name].version, purpose)
        for name, purpose in PURPOSES.items() if name in known]


def _database(alias: str) -> str:
    return {"default": "the catalogue", "archive": "parameters of datasets"}.get(alias, "")


def others() -> list[Package]:
    """Everything else that is installed, by name, with the package's own summary."""
    return [package for package in installed() if package.name.lower() not in PURPOSES]


@cache
def installed() -> tuple[Package, ...]:
    """All installed packages by name; they do not change while a process runs."""
    found = {}
    for each in distributions():
        name = each.metadata["Name"]
        if name and name.lower() not in found:
            found[name.lower()] = Package(name, each.version, _summary(each.metadata["Summary"]))
    return tuple(found[name] for name in sorted(found))


def _summary(text: str | None) -> str:
    text = " ".join((text or "").split())
    return "" if text.upper() == "UNKNOWN" else text[:200]
