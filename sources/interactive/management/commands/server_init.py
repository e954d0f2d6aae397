"""``manage server_init``: first content of an instance, and its test user (see ./init)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role
from accounts.services import roles
from interactive.models import CatalogFile

TEST_USER = "test"

#: Its role by use case; on ops it has none.
TEST_USER_ROLES = {"django": Role.OPERATOR, "dev": Role.OPERATOR, "test": Role.SUBMITTER}


class Command(BaseCommand):
    help = "Fill the catalogue of this instance and make its test user."

    def add_arguments(self, parser):
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--demo", action="store_true", help="demonstration content (default)")
        source.add_argument("--cache", metavar="DIR", help="import the CRDS cache in DIR")
        source.add_argument("--server", metavar="URL", help="import from a running CRDS server")
        source.add_argument("--empty", action="store_true", help="no content")
        parser.add_argument("--references", choices=("none", "latest", "all"), default="none",
                            help="with --server: references to download")
        source.add_argument("--is-empty", action="store_true",
                            help="do nothing; exit status 0 if the catalogue is empty, else 3")
        parser.add_argument("--test-user-password-file", metavar="FILE",
                            help="file with the test user's password")

    def handle(self, **options):
        filled = CatalogFile.objects.exists()
        if options["is_empty"]:
            raise SystemExit(3 if filled else 0)
        if filled and not (options["cache"] or options["server"]):
            raise CommandError(
                f"The catalogue of {settings.INSTANCE.name} is not empty. Only --cache DIR and"
                f" --server URL add to it; to start anew, install another instance (CRDS_ROOT).")
        if options["cache"]:
            call_command("import_cache", options["cache"])
        elif options["server"]:
            call_command("import_server", options["server"], references=options["references"])
        elif not options["empty"]:
            call_command("load_demo")
        self._make_test_user(options["test_user_password_file"])

    def _make_test_user(self, password_file: str | None) -> None:
        """An existing test user keeps its password unless a file gives a new one."""
        user = get_user_model().objects.filter(username=TEST_USER).first()
        if user and not password_file:
            _give_role(user)
            return
        user = user or get_user_model()(username=TEST_USER, email="test@example.invalid")
        kept = settings.INSTANCE.database_dir / "test_user_password"
        password = _read(password_file) if password_file else secrets.token_urlsafe(12)
        _keep(kept, password)
        user.set_password(password)
        user.save()
        _give_role(user)
        if password_file:
            self.stdout.write(f"User {TEST_USER}: password as given, kept in {kept}")
        else:
            self.stdout.write(f"User {TEST_USER}: password {password} (kept in {kept})")


def _give_role(user) -> None:
    """The first role of the test user: on servers to try things it may do nearly everything."""
    role = TEST_USER_ROLES.get(settings.CRDS_USECASE)
    if role and not roles.of(user):
        roles.grant(user, role, by="server_init")


def _read(name: str) -> str:
    try:
        password = Path(name).read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"The password file {name} cannot be read: {exc}.") from exc
    if not password:
        raise CommandError(f"The password file {name} is empty.")
    return password


def _keep(path: Path, password: str) -> None:
    """Write the password where only the owner of the instance reads it."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
    partial.replace(path)
