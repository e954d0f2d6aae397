"""Places in the checkout, and its instances as the commands choose them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "sources"
HOST = CHECKOUT / "host"
LOCK_FILE = CHECKOUT / "requirements.lock"
PROJECT_FILE = CHECKOUT / "pyproject.toml"
LAST_INSTALL = CHECKOUT / "var" / "last"

sys.path.insert(0, str(SOURCES))

import config  # noqa: E402  (sources/config.py needs nothing but the standard library)

from . import unixuser  # noqa: E402

PORT_VARIABLES = ("CRDS_PORT", "CRDS_PLAIN_PORT", "CRDS_BACKUP_PORT")

#: Set by env.sh and env.csh: a JSON object of the variables that they exported.
SNAPSHOT_VARIABLE = "CRDS_ENV"


def add_instance_arguments(parser) -> None:
    parser.add_argument(
        "observatory", nargs="?", metavar="OBS", help=f"one of {', '.join(config.OBSERVATORIES)}"
    )
    parser.add_argument(
        "usecase", nargs="?", metavar="USE",
        help=f"one of {', '.join(config.USECASES)}; prod means ops (default: django)",
    )


INSTANCE_EPILOG = """\
Without OBS and USE the instance is that of CRDS_ROOT, else that of the last install,
else hst django. CRDS_ROOT places an instance elsewhere than var/OBS-USE; CRDS_PORT,
CRDS_SERVER_FILES, CRDS_FILE_CACHE, CRDS_IFS and CRDS_STACK change its port, folders and
Python environment (server/conf/site_config.py of the instance keeps them).
"""


def forget_sourced_values(environ: dict, observatory: str | None, usecase: str | None) -> None:
    """Remove from ``environ`` what a sourced env.sh or env.csh put there.

    Those values are copies of an instance's configuration: stale after an
    edit, and wrong for another instance.  ``CRDS_ROOT`` stays unless the
    arguments name another instance.  Values that were set by hand stay.
    """
    try:
        sourced = json.loads(environ.pop(SNAPSHOT_VARIABLE, "{}"))
    except ValueError:
        sourced = {}
    named = (observatory, config.USECASE_ALIASES.get(usecase, usecase) or "django")
    other = bool(observatory) and named != (
        sourced.get("CRDS_PROJECT"), sourced.get("CRDS_USECASE"))
    for name, value in sourced.items():
        if environ.get(name) == value and (name != "CRDS_ROOT" or other):
            del environ[name]


def choose_instance(observatory: str | None = None, usecase: str | None = None) -> config.Instance:
    """The instance that a command works on; cleans ``os.environ`` of foreign values."""
    environ = dict(os.environ)
    forget_sourced_values(environ, observatory, usecase)
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    return config.find_instance(observatory, usecase)


def stack(instance: config.Instance) -> Path:
    """The folder of the Python environment."""
    recorded = ""
    if (instance.conf / "site_config.py").is_file():
        recorded = getattr(instance.site, "CRDS_STACK", "")
    own = CHECKOUT / ".venv"
    if instance.usecase != "django":
        # One environment for each release, switched by the link (host/build_stack).
        own = instance.root / "crds_stacks" / "current"
    return Path(os.environ.get("CRDS_STACK") or recorded or own).absolute()


def python(instance: config.Instance) -> Path:
    return stack(instance) / "bin" / "python"


def command_name(instance: config.Instance, command: str) -> str:
    """How a person calls ``command`` for this instance, for messages."""
    text = f"./{command} {instance.observatory} {instance.usecase}"
    if instance.root != config.default_root(instance.observatory, instance.usecase):
        text = f"CRDS_ROOT={instance.root} {text}"
    return text


def instance_environment(instance: config.Instance) -> dict[str, str]:
    """The environment of every process of ``instance``."""
    environ = dict(os.environ)
    for name in ("PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"):
        environ.pop(name, None)
    environment = stack(instance)
    path = [str(HOST), str(environment / "bin")]
    path += [p for p in environ.get("PATH", os.defpath).split(os.pathsep) if p not in path]
    environ.update(
        CRDS=str(instance.root),
        CRDS_ROOT=str(instance.root),
        CRDS_PROJECT=instance.observatory,
        CRDS_USECASE=instance.usecase,
        CRDS_STACK=str(environment),
        META_PREFIX=str(environment),
        CRDS_SERVER_FILES=str(instance.server_files),
        CRDS_FILE_CACHE=str(instance.file_cache),
        DJANGO_SETTINGS_MODULE="settings",
        PYTHONPATH=str(SOURCES),
        PATH=os.pathsep.join(path),
    )
    environ.setdefault("LANG", "C.UTF-8")
    if unixuser.serving(instance):
        environ.update(HOME=str(instance.root), USER=unixuser.USER, LOGNAME=unixuser.USER)
    return environ
