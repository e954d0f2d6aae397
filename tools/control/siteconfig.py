"""Values of the site configuration and of env.sh, for the templates."""

from __future__ import annotations

import json
import os
import tomllib

from .checkout import CHECKOUT, HOST, PORT_VARIABLES, SOURCES, stack
from .console import CommandError

TABLE = CHECKOUT / "configs" / "servers.toml"
PLACEHOLDER = "example.invalid"
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def row(instance) -> dict:
    """The row of configs/servers.toml for ``instance``."""
    try:
        with open(TABLE, "rb") as file:
            return tomllib.load(file)[instance.observatory][instance.usecase]
    except (tomllib.TOMLDecodeError, KeyError) as exc:
        raise CommandError(
            f"{TABLE} has no readable row [{instance.observatory}.{instance.usecase}]: {exc}."
        ) from exc


def _recorded(instance, name: str):
    """What the instance's site_config.py says now, None before it exists."""
    if not (instance.conf / "site_config.py").is_file():
        return None
    return getattr(instance.site, name, None)


def _chosen(instance, name: str, default):
    """Environment first, then what the instance has, then the table of servers."""
    value = os.environ.get(name) or _recorded(instance, name)
    return default if value is None else value


def _port(instance, name: str, default: int) -> int:
    value = _chosen(instance, name, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65536:
        raise CommandError(f"{name} is {value!r}; it must be a port number between 1 and 65535.")
    return number


def _recipients(instance, default: list[str]) -> list[str]:
    """CRDS_AFFECTED_DATASETS_RECIPIENTS is a list of addresses parted by blanks."""
    value = _chosen(instance, "CRDS_AFFECTED_DATASETS_RECIPIENTS", default)
    return value.split() if isinstance(value, str) else list(value)


def site_values(instance) -> dict:
    """What the template of site_config.py asks for."""
    server = row(instance)
    host = _chosen(instance, "CRDS_SERVER", server["host"])
    url = "" if server["url"].endswith(PLACEHOLDER) else server["url"]
    hosts = [host, *([url.split("//", 1)[-1].split("/")[0].split(":")[0]] if url else [])]
    ports = {
        name: _port(instance, name, server[key])
        for name, key in zip(PORT_VARIABLES, ("port", "plain_port", "backup_port"), strict=True)
    }
    return {
        "CRDS_PROJECT": instance.observatory,
        "CRDS_USECASE": instance.usecase,
        "CRDS_SERVER": host,
        "CRDS_STACK": os.environ.get("CRDS_STACK") or _recorded(instance, "CRDS_STACK") or "",
        "CRDS_SERVER_FILES": _override(instance, "server_files"),
        "CRDS_FILE_CACHE": _override(instance, "file_cache"),
        "PUBLIC_URL": url,
        "ALLOWED_HOSTS": list(dict.fromkeys(hosts + LOOPBACK)),
        "CSRF_TRUSTED_ORIGINS": ["/".join(url.split("/")[:3])] if url else [],
        "CRDS_LISTEN": _chosen(instance, "CRDS_LISTEN", ""),
        **ports,
        "DEFAULT_FROM_EMAIL": server["sender"],
        "MAINTAINERS": server["maintainers"],
        "CRDS_AFFECTED_DATASETS_RECIPIENTS": _recipients(instance, server["affected"]),
        "DELIVERY_RECIPIENTS": server["deliveries"],
        "ARCHIVING": "on" if instance.usecase in ("test", "ops") else "off",
    }


def _override(instance, name: str) -> str:
    path = instance.overrides.get(name)
    return "" if path is None or path == instance.root / name else str(path)


def database_values(instance, kind: str) -> dict:
    """Names of the two databases: files, or databases of the server."""
    if kind == "sqlite":
        return {"NAME": "crds", "ARCHIVE_NAME": "archive"}
    name = f"crds_{instance.observatory}_{instance.usecase}"
    return {"NAME": name, "ARCHIVE_NAME": f"{name}_archive"}


def environment_values(instance) -> dict[str, str]:
    """What the templates of env.sh and env.csh ask for, from the final site configuration."""
    same = instance.file_cache.parent == instance.server_files.parent
    environment = stack(instance)
    recipients = instance.site.CRDS_AFFECTED_DATASETS_RECIPIENTS
    values = {
        "NAME": f"{instance.observatory} {instance.usecase}",
        "ROOT": str(instance.root),
        "OBSERVATORY": instance.observatory,
        "USECASE": instance.usecase,
        "SERVER": instance.site.CRDS_SERVER,
        "STACK": str(environment),
        "RECIPIENTS": recipients if isinstance(recipients, str) else " ".join(recipients),
        "IFS": str(instance.file_cache.parent if same else instance.root),
        "FILE_CACHE": str(instance.file_cache),
        "SERVER_FILES": str(instance.server_files),
        "PORT": str(instance.site.CRDS_PORT),
        "PLAIN_PORT": str(instance.site.CRDS_PLAIN_PORT),
        "BACKUP_PORT": str(instance.site.CRDS_BACKUP_PORT),
        "SOURCES": str(SOURCES),
        "HOST": str(HOST),
        "BIN": str(environment / "bin"),
    }
    for name, value in values.items():
        if "\n" in value:
            raise CommandError(f"The value of {name} holds a line break; shells cannot take it.")
    values["SNAPSHOT"] = _snapshot(values)
    return values


def _snapshot(values: dict[str, str]) -> str:
    """The variables that env.sh sets, for commands that must tell them from a person's own."""
    names = {
        "CRDS": "ROOT", "CRDS_ROOT": "ROOT", "CRDS_PROJECT": "OBSERVATORY",
        "CRDS_USECASE": "USECASE", "CRDS_SERVER": "SERVER", "CRDS_STACK": "STACK",
        "META_PREFIX": "STACK", "CRDS_AFFECTED_DATASETS_RECIPIENTS": "RECIPIENTS",
        "CRDS_IFS": "IFS", "CRDS_FILE_CACHE": "FILE_CACHE", "CRDS_SERVER_FILES": "SERVER_FILES",
        "CRDS_PORT": "PORT", "CRDS_PLAIN_PORT": "PLAIN_PORT", "CRDS_BACKUP_PORT": "BACKUP_PORT",
    }
    return json.dumps({name: values[key] for name, key in names.items()})
