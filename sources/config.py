"""The instance this process belongs to: observatory, use case, places and ports.

Standard library only, because the commands at the top of the checkout use it
before any package is installed.  What differs between sites lies in two files
that ``./install`` makes from ``configs/`` into ``$CRDS_ROOT/server/conf``:
``site_config.py`` (names, addresses, ports, recipients) and
``crds_database.py`` (database connections).  Nothing is written into
``sources/``.
"""

from __future__ import annotations

import os
import runpy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parent.parent

OBSERVATORIES = ("hst", "jwst", "roman", "tobs")
USECASES = ("django", "dev", "test", "ops")

#: Spellings of the maintenance guide that mean one of ours.
USECASE_ALIASES = {"prod": "ops"}

#: Variables that override one folder of the instance (maintenance guide, .setenv).
#: The same names in ``site_config.py`` keep the override for commands that run without them.
FOLDER_VARIABLES = {
    "server_files": "CRDS_SERVER_FILES",
    "file_cache": "CRDS_FILE_CACHE",
}

#: Parent of both of these folders on a separate file system.
FILE_SYSTEM_VARIABLE = "CRDS_IFS"


class ConfigurationError(Exception):
    """The instance cannot start; the message says what is wrong and what to do."""


class MissingValue(ConfigurationError, AttributeError):
    """A configuration file lacks a name (``getattr`` with a default still works)."""


class ConfigurationFile(SimpleNamespace):
    """The names that a configuration file defines."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingValue(
            f"{self.__file__} does not define {name}. Copy it from the newest form of that file"
            f" (configs/, or the copy with the ending .new beside it)."
        )


@dataclass(frozen=True)
class Instance:
    """One server: an observatory, a use case and the folder that holds all it writes.

    ``overrides`` maps a folder name of :data:`FOLDER_VARIABLES` to the path
    that replaces the default one below ``root``.
    """

    observatory: str
    usecase: str
    root: Path
    overrides: dict[str, Path] = field(default_factory=dict)

    # ---- places ---------------------------------------------------------

    def _folder(self, name: str) -> Path:
        return self.overrides.get(name, self.root / name)

    @property
    def name(self) -> str:
        """``hst-django``: names the instance in logs, folders and databases."""
        return f"{self.observatory}-{self.usecase}"

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def conf(self) -> Path:
        return self.server / "conf"

    @property
    def logs(self) -> Path:
        return self.server / "logs"

    @property
    def run(self) -> Path:
        """Process ids, sockets and small state of running processes."""
        return self.server / "run"

    @property
    def db_backups(self) -> Path:
        return self.server / "db_backups"

    @property
    def wsgi_scripts(self) -> Path:
        return self.server / "wsgi-scripts"

    @property
    def static(self) -> Path:
        """Static files as collected by ``./install``."""
        return self.server / "static"

    @property
    def shared_cache(self) -> Path:
        """Answers that the processes of one machine share where there is no memcached."""
        return self.run / "cache"

    @property
    def server_files(self) -> Path:
        return self._folder("server_files")

    @property
    def catalogs(self) -> Path:
        return self.server_files / "catalogs"

    @property
    def deliveries(self) -> Path:
        return self.server_files / "deliveries"

    @property
    def uploads(self) -> Path:
        return self.server_files / "uploads"

    @property
    def ingest(self) -> Path:
        return self.server_files / "ingest"

    @property
    def ingest_ssb(self) -> Path:
        return self.server_files / "ingest_ssb"

    @property
    def kept(self) -> Path:
        """Results that jobs made from published files; may be removed, then they are made again."""
        return self.server_files / "kept"

    @property
    def file_cache(self) -> Path:
        """``CRDS_PATH`` of the server itself: config, mappings, references."""
        return self._folder("file_cache")

    @property
    def database_dir(self) -> Path:
        """Database files and secrets, mode 0700."""
        return self.root / "database"

    @property
    def monitor_reprocessing(self) -> Path:
        return self.root / "monitor_reprocessing"

    def folders(self) -> list[Path]:
        """Every folder the instance needs, parents before children."""
        return [
            self.root, self.server, self.conf, self.logs, self.run, self.db_backups,
            self.wsgi_scripts, self.static, self.shared_cache,
            self.server_files, self.catalogs, self.deliveries, self.uploads,
            self.ingest, self.ingest_ssb, self.kept, self.file_cache, self.database_dir,
            self.monitor_reprocessing,
        ]

    # ---- site configuration --------------------------------------------

    @cached_property
    def site(self) -> ConfigurationFile:
        """Values of ``site_config.py``."""
        return _load(self.conf / "site_config.py")

    @cached_property
    def databases(self) -> dict:
        """``DATABASES`` of ``crds_database.py``: aliases ``default`` and ``archive``."""
        databases = getattr(_load(self.conf / "crds_database.py"), "DATABASES", {})
        missing = {"default", "archive"} - set(databases)
        if missing:
            raise ConfigurationError(
                f"{self.conf / 'crds_database.py'} lacks the database {', '.join(sorted(missing))}."
                f" Compare it with configs/crds_database.*.template and run"
                f" ./install {self.observatory} {self.usecase}."
            )
        return databases

    def port(self, name: str) -> int:
        """The port for ``CRDS_PORT``, ``CRDS_PLAIN_PORT`` or ``CRDS_BACKUP_PORT``.

        The environment wins over ``site_config.py``.
        """
        value = os.environ.get(name) or getattr(self.site, name, None)
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if not 0 < number < 65536:
            raise ConfigurationError(
                f"{name} is {value!r}; it must be a port number between 1 and 65535."
                f" Set it in the environment or in {self.conf / 'site_config.py'}."
            )
        return number

    def secret(self, name: str) -> str:
        """The secret kept in file ``name`` of the database folder (made by ./install)."""
        path = self.database_dir / name
        try:
            return path.read_text().strip()
        except OSError as exc:
            raise ConfigurationError(
                f"The secret {path} cannot be read ({exc.strerror})."
                f" ./install {self.observatory} {self.usecase} makes it."
            ) from exc


def _load(path: Path) -> ConfigurationFile:
    """Run the configuration file at ``path`` and return its names."""
    if not path.is_file():
        raise ConfigurationError(
            f"{path} is missing. Run ./install OBSERVATORY USECASE to make it,"
            f" or set CRDS_ROOT to the folder of an installed instance."
        )
    try:
        values = runpy.run_path(str(path))
    except Exception as exc:
        raise ConfigurationError(f"{path} cannot be read: {type(exc).__name__}: {exc}") from exc
    names = {k: v for k, v in values.items() if not k.startswith("__")}
    return ConfigurationFile(__file__=str(path), **names)


# ---- choosing the instance ---------------------------------------------


def usecase_name(text: str) -> str:
    """The canonical use case for ``text`` (``prod`` is ``ops``)."""
    name = USECASE_ALIASES.get(text, text)
    if name not in USECASES:
        raise ConfigurationError(
            f"Unknown use case {text!r}; it is one of {', '.join(USECASES)} (prod means ops)."
        )
    return name


def observatory_name(text: str) -> str:
    """``text`` if it names an observatory, else an error that lists them."""
    if text not in OBSERVATORIES:
        raise ConfigurationError(
            f"Unknown observatory {text!r}; it is one of {', '.join(OBSERVATORIES)}."
        )
    return text


def default_root(observatory: str, usecase: str) -> Path:
    return CHECKOUT / "var" / f"{observatory}-{usecase}"


def last_install() -> Path | None:
    """Root of the last instance that ./install made, remembered by the link ``var/last``."""
    link = CHECKOUT / "var" / "last"
    return link.resolve() if link.is_dir() else None


def _recorded(root: Path | None) -> ConfigurationFile | None:
    """The site configuration of the instance below ``root``, None before ./install."""
    path = root / "server" / "conf" / "site_config.py" if root else None
    return _load(path) if path and path.is_file() else None


def _overrides(recorded: ConfigurationFile | None, environ) -> dict[str, Path]:
    """Folders that do not lie at their usual place: environment first, then what is recorded."""
    shared = environ.get(FILE_SYSTEM_VARIABLE)
    overrides = {}
    for name, variable in FOLDER_VARIABLES.items():
        value = (
            environ.get(variable)
            or (shared and os.path.join(shared, name))
            or getattr(recorded, variable, "")
        )
        if value:
            overrides[name] = Path(value).absolute()
    return overrides


def find_instance(observatory: str | None = None, usecase: str | None = None,
                  environ=None) -> Instance:
    """The instance of a command.

    Chosen by arguments, else ``CRDS_ROOT``, else the last install, else
    ``hst django``.  ``CRDS_ROOT`` (or ``CRDS``, its name in the maintenance
    guide) also places an instance named by arguments.
    """
    environ = os.environ if environ is None else environ
    place = environ.get("CRDS_ROOT") or environ.get("CRDS")
    root = Path(place).absolute() if place else None
    if observatory:
        observatory, usecase = observatory_name(observatory), usecase_name(usecase or "django")
        root = root or default_root(observatory, usecase)
        recorded = _recorded(root)
        if recorded and (observatory, usecase) != (recorded.CRDS_PROJECT, recorded.CRDS_USECASE):
            raise ConfigurationError(
                f"{root} holds the instance {recorded.CRDS_PROJECT} {recorded.CRDS_USECASE},"
                f" not {observatory} {usecase}. Unset CRDS_ROOT, or set it to another folder."
            )
    else:
        root = root or last_install()
        recorded = _recorded(root)
        named = environ.get("CRDS_PROJECT"), environ.get("CRDS_USECASE")
        if recorded:
            named = recorded.CRDS_PROJECT, recorded.CRDS_USECASE
        elif not all(named):
            named = "hst", "django"
        observatory, usecase = observatory_name(named[0]), usecase_name(named[1])
        root = root or default_root(observatory, usecase)
    return Instance(observatory, usecase, root, _overrides(recorded, environ))
