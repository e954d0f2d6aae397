"""./install: environment, folders, configuration, databases, static files."""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from . import django as management
from . import layout, packages, production, server, siteconfig, templates, unixuser
from .checkout import (
    CHECKOUT,
    INSTANCE_EPILOG,
    LAST_INSTALL,
    LOCK_FILE,
    PROJECT_FILE,
    SOURCES,
    add_instance_arguments,
    choose_instance,
    instance_environment,
    python,
    stack,
)
from .console import CommandError, say, warn
from .locks import exclusive

CONFIGS = CHECKOUT / "configs"
SITE_TEMPLATE = CONFIGS / "site_config.py.template"
DATABASES = ("sqlite", "mariadb")


def database_template(kind: str) -> Path:
    return CONFIGS / f"crds_database.{kind}.py.template"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./install", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make or update an instance: Python environment, folders, env.sh and env.csh,"
        "\nsite configuration, databases, static files. Can be repeated at any time; edited\n"
        "configuration is kept.", epilog=INSTANCE_EPILOG)
    add_instance_arguments(parser)
    parser.add_argument("--database", choices=DATABASES,
                        help="which form of crds_database.py to make (default: keep, else sqlite"
                        " for django and mariadb for dev, test and ops)")
    options = parser.parse_args(arguments)
    instance = choose_instance(options.observatory, options.usecase)
    install(instance, options.database)
    say(f"Installed {instance.name} in {instance.root}.")
    say(f"Environment: source {CHECKOUT / 'env.csh'}, or for bash . {CHECKOUT / 'env.sh'}")
    return 0


def install(instance, database: str | None = None) -> None:
    """Bring ``instance`` to the state of the checkout."""
    layout.make(instance)
    with exclusive(instance.run / "install.lock", f"installing {instance.name}"):
        log = _new_log(instance)
        try:
            _install(instance, database, log)
        except Exception as exc:
            with open(log, "a") as file:
                file.write(f"\nFailed: {exc}\n")
            raise


def _new_log(instance) -> Path:
    """An empty ``install.<obs>.<use>.err`` at the top of the checkout.

    A new file each time: ``./install ... |& tee install.<obs>.<use>.err`` of the
    maintenance guide has the old one open and must not write into this one.
    """
    log = CHECKOUT / f"install.{instance.observatory}.{instance.usecase}.err"
    if not os.access(CHECKOUT, os.W_OK):
        log = instance.logs / log.name
    log.unlink(missing_ok=True)
    log.write_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} ./install"
                   f" {instance.observatory} {instance.usecase}\n")
    return log


def _install(instance, database: str | None, log: Path) -> None:
    layout.check(instance)
    database = database or _database(instance)
    interpreter = sys.executable
    if instance.usecase != "django":
        interpreter = production.prepare_system(instance, log)
    packages.prepare(stack(instance), packages.extras_of(instance, database), log, interpreter)
    generated = configure(instance, database)
    if instance.usecase == "django":
        _fill(instance, log)
    else:
        production.place_configuration(instance, generated)
        with server.database_running(instance):
            _fill(instance, log)
        unixuser.give(instance, unixuser.serving(instance))
        unixuser.share(instance)
        production.check_configuration(instance)
    generated.values.update(database=database, fingerprint=fingerprint())
    generated.save()
    _link(LAST_INSTALL, instance.root)
    for name in ("env.sh", "env.csh"):
        _link(CHECKOUT / name, instance.root / name)


def _database(instance) -> str:
    """The form of crds_database.py that the instance has, else the one that fits its use case."""
    default = "sqlite" if instance.usecase == "django" else "mariadb"
    return templates.Generated(instance.conf).values.get("database", default)


def _fill(instance, log: Path) -> None:
    """Tables, static files, documentation."""
    say(f"Preparing databases and static files of {instance.name} ...")
    # An existing archive's tables are only read; its database gets none of ours.
    external = getattr(instance.site, "ARCHIVE_SCHEMA", None) is not None
    for alias in ("default",) if external else ("default", "archive"):
        management.call(instance, "migrate", "--noinput", f"--database={alias}", log=log)
    management.call(instance, "collectstatic", "--noinput", "--verbosity=1", log=log)
    management.call(instance, "check", log=log)
    _build_documentation(instance, log)


def configure(instance, database: str) -> templates.Generated:
    """Secrets, configuration and environment files; what is known of the written files."""
    generated = templates.Generated(instance.conf)
    _make_secrets(instance, database)
    _place_configuration(instance, generated, database)
    _place_environment_files(instance)
    return generated


def _make_secrets(instance, database: str) -> None:
    """What only this server knows.  Kept for ever: sessions and tokens depend on it."""
    layout.make_secret(instance.database_dir / "secret_key")
    if database == "mariadb":
        layout.make_secret(instance.database_dir / "mariadb_password", secrets.token_urlsafe(24))


def _place_configuration(instance, generated: templates.Generated, database: str) -> None:
    conf = instance.conf
    generated.place(conf / "site_config.py",
                    templates.fill(SITE_TEMPLATE, siteconfig.site_values(instance), repr),
                    SITE_TEMPLATE)
    template = database_template(database)
    generated.place(conf / "crds_database.py",
                    templates.fill(template, siteconfig.database_values(instance, database), repr),
                    template)
    generated.save()
    instance.__dict__.pop("site", None)
    instance.__dict__.pop("databases", None)
    _check_configuration(instance)


def _check_configuration(instance) -> None:
    """Errors in edited files, found here rather than by the first request."""
    site = instance.site
    if (instance.observatory, instance.usecase) != (site.CRDS_PROJECT, site.CRDS_USECASE):
        raise CommandError(
            f"{site.__file__} is for {site.CRDS_PROJECT} {site.CRDS_USECASE}, the instance is"
            f" {instance.observatory} {instance.usecase}. Mend CRDS_PROJECT and CRDS_USECASE.")
    for name in siteconfig.site_values(instance):
        getattr(site, name)
    for name in ("CRDS_PORT", "CRDS_PLAIN_PORT", "CRDS_BACKUP_PORT"):
        instance.port(name)
    _ = instance.databases


def _place_environment_files(instance) -> None:
    values = siteconfig.environment_values(instance)
    for template, quote, name in (
        (CONFIGS / "env.sh.template", templates.quote_sh, "env.sh"),
        (CHECKOUT / "env.csh.template", templates.quote_csh, "env.csh"),
    ):
        templates.write(instance.root / name, templates.fill(template, values, quote))


def _link(path: Path, target: Path) -> None:
    """Links of the last install are a convenience; a checkout may be read-only."""
    try:
        templates.link(path, target)
    except OSError as exc:
        warn(f"{path} could not be linked to {target} ({exc.strerror}).")


def _build_documentation(instance, log: Path) -> None:
    """The user guide is served with the static files; a fault in it stops no server."""
    source = CHECKOUT / "docs"
    if not (source / "conf.py").is_file():
        return
    with open(log, "ab") as output:
        status = subprocess.run(
            [str(python(instance)), "-m", "sphinx", "-q", "-b", "html",
             "-d", str(instance.run / "doctrees"), str(source),
             str(instance.static / "users_guide")],
            env=instance_environment(instance), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, check=False).returncode
    if status:
        warn(f"The documentation could not be built; see {log}.")


def fingerprint() -> str:
    """Changes with everything that ./install turns into files or tables of an instance."""
    digest = hashlib.sha256()
    files = [LOCK_FILE, PROJECT_FILE, CHECKOUT / "env.csh.template"]
    files += sorted(CONFIGS.glob("*"))
    files += sorted(p for p in production.SERVERS.glob("*") if p.is_file())
    files += sorted(SOURCES.glob("*/migrations/*.py"))
    files += sorted(p for p in SOURCES.glob("**/static/**/*") if p.is_file())
    files += sorted(p for p in (CHECKOUT / "docs").glob("**/*")
                    if p.suffix in {".rst", ".py", ".css", ".html", ".svg"})
    for file in files:
        digest.update(str(file.relative_to(CHECKOUT)).encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(instance) -> bool:
    """True if ./install has nothing to do for ``instance``."""
    generated = templates.Generated(instance.conf)
    database = _database(instance)
    return (
        generated.values.get("fingerprint") == fingerprint()
        and (instance.conf / "site_config.py").is_file()
        and (instance.conf / "crds_database.py").is_file()
        and (instance.database_dir / "secret_key").is_file()
        and all(folder.is_dir() for folder in instance.folders())
        and not packages.is_missing(stack(instance), packages.extras_of(instance, database))
    )
