"""``manage accounts`` (tools/accounts): accounts of people, from the command line."""

from __future__ import annotations

import getpass
import os
import sys

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Grant, Role
from accounts.services import accounts, names, roles, tokens
from common.errors import ServiceError

#: Who acts, in the audit log.
BY = "tools/accounts"


class Command(BaseCommand):
    help = "Add, change, disable and list accounts, their roles and tokens."

    def add_arguments(self, parser):
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")

        def act(name: str, text: str):
            made = acts.add_parser(name, help=text, description=text)
            made.add_argument("name", metavar="NAME", help="user name, or mail address")
            return made

        def role_of(made, flag: bool):
            made.add_argument("--role" if flag else "role", choices=Role.values,
                              **({"required": True} if flag else {}))
            made.add_argument("--instrument", default="", metavar="I",
                              help="for this instrument only")

        add = act("add", "Add an account; its password is the first line of standard input.")
        role_of(add, True)
        add.add_argument("--email", required=True, metavar="E")
        add.add_argument("--no-password", action="store_true",
                         help="the account signs in by OpenID Connect, or with tokens")
        act("password", "Set the password: the first line of standard input.")
        role = act("role", "Make ROLE the user's only one, for all instruments or for one.")
        role_of(role, False)
        role.add_argument("--remove", action="store_true", help="take this role back instead")
        token = act("token", "Print a new token; it is shown only now.")
        token.add_argument("--label", default="", metavar="TEXT", help="what it is for")
        token.add_argument("--days", type=int, default=tokens.DAYS,
                           help="how long it lasts; 0 for ever (default: %(default)s)")
        revoke = act("revoke-token", "Revoke a token, or --all.")
        which = revoke.add_mutually_exclusive_group(required=True)
        which.add_argument("prefix", nargs="?", metavar="TOKEN",
                           help="its beginning, as in the list: crds_XXXXXXXX")
        which.add_argument("--all", action="store_true")
        disable = act("disable", "Close an account: sessions, tokens and locks end.")
        disable.add_argument("--reason", default="", metavar="TEXT")
        act("enable", "Open a disabled account again.")
        acts.add_parser("list", help="List all accounts, with roles and tokens.")

    def handle(self, *, act: str, **options):
        try:
            getattr(self, act.replace("-", "_"))(**options)
        except ServiceError as exc:
            raise CommandError(exc.message) from exc

    def add(self, name, email, role, instrument, no_password, **_):
        password = None if no_password else self._password(f"Password of {name}: ")
        user = accounts.add(name, email=email, password=password, role=role,
                            instrument=instrument, by=_by())
        self.stdout.write(f"Account {user.get_username()} added as {role}"
                          f"{f' for {instrument.lower()}' if instrument else ''}.")

    def password(self, name, **_):
        user = names.get(name)
        accounts.set_password(user, self._password(f"New password of {name}: "), by=_by())
        self.stdout.write(f"Account {user.get_username()}: the password is set.")

    def role(self, name, role, instrument, remove, **_):
        user = names.get(name)
        if remove:
            roles.revoke(user, role, instrument, by=_by())
        else:
            roles.assign(user, role, instrument, by=_by())
        self.stdout.write(f"Account {user.get_username()}: {_roles(user, roles.of(user))}.")

    def token(self, name, label, days, **_):
        user = names.get(name)
        if not user.is_active:
            raise CommandError(f"The account {user.get_username()} is disabled; enable it first.")
        _, text = tokens.create(user, label or "tools/accounts", days=days or None, by=_by())
        # The token alone, so that scripts can take it.
        self.stdout.write(text)

    def revoke_token(self, name, prefix, **options):
        user = names.get(name)
        if options["all"]:
            count = tokens.revoke_all(user, by=_by())
            self.stdout.write(f"{count} token{'' if count == 1 else 's'} revoked.")
        else:
            self.stdout.write(f"Token {tokens.revoke(user, prefix, by=_by()).shown} revoked.")

    def disable(self, name, reason, **_):
        user = names.get(name)
        accounts.disable(user, by=_by(), reason=reason)
        self.stdout.write(f"Account {user.get_username()} is disabled.")

    def enable(self, name, **_):
        user = names.get(name)
        accounts.enable(user, by=_by())
        self.stdout.write(f"Account {user.get_username()} is enabled. Its tokens stay revoked;"
                          " make a new one if it needs one.")

    def list(self, **_):
        for user in accounts.listing():
            state = "" if user.is_active else "  DISABLED"
            last = f"{user.last_login:%Y-%m-%d}" if user.last_login else "never"
            self.stdout.write(f"{user.get_username()}  <{user.email}>"
                              f"  {_roles(user, user.grants.all())}  last login {last}{state}")
            for token in user.api_tokens.all():
                if token.is_valid:
                    ends = f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never"
                    self.stdout.write(f"    {token.shown}  {token.label}  expires {ends}")

    def _password(self, prompt: str) -> str:
        if sys.stdin.isatty():
            return getpass.getpass(prompt)
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError(
                "There is no password on standard input. Give it as the first line of it, such"
                " as: tools/accounts add NAME … < file-with-password")
        return password


def _by() -> str:
    """The person at the keyboard, as far as the system knows."""
    who = os.environ.get("SUDO_USER") or os.environ.get("USER") or ""
    return f"{BY} {who}".strip()[:150]


def _roles(user, grants: list[Grant]) -> str:
    if user.is_superuser:
        return "superuser"
    return ", ".join(f"{grant.role}{f' ({grant.instrument})' if grant.instrument else ''}"
                     for grant in grants) or "no role"
