"""How names and passwords lead to accounts, and what roles allow on the admin site."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password

from .models import Role
from .services import names, roles, tokens

#: What the admin site and the page of load ask for, by role.
OPERATOR_PERMISSIONS = frozenset({"stats.view_requestrecord"})
#: Their admin pages go through services, which check and audit.
ADMINISTERED = frozenset({"auth.add_user", "auth.change_user", "accounts.add_grant",
                          "accounts.delete_grant", "accounts.change_apitoken"})


class PasswordBackend(ModelBackend):
    """The password of an account, which is named by its name or mail address."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username is None or password is None:
            return None
        user = names.find(username)
        if user is None:
            # As slow as for an account that exists, so that nobody learns which do.
            make_password(password)
            return None
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
        return None

    def has_perm(self, user_obj, perm, obj=None):
        return super().has_perm(user_obj, perm, obj=obj) or _allows(user_obj, perm)

    def has_module_perms(self, user_obj, app_label):
        return super().has_module_perms(user_obj, app_label) or (
            user_obj.is_staff and _has(user_obj, Role.ADMINISTRATOR))


class TokenBackend(ModelBackend):
    """A token in place of the password; ``user.api_token`` is the one that was used."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if not username or not password or not tokens.looks_like_one(password):
            return None
        token = tokens.recognise(password)
        if token is None or names.find(username) != token.user:
            return None
        token.user.api_token = token
        return token.user

    def has_perm(self, user_obj, perm, obj=None):
        # The other backend answers.
        return False

    def has_module_perms(self, user_obj, app_label):
        return False


def _allows(user, permission: str) -> bool:
    if permission in OPERATOR_PERMISSIONS:
        return _has(user, Role.OPERATOR)
    if permission in ADMINISTERED or permission.partition(".")[2].startswith("view_"):
        return _has(user, Role.ADMINISTRATOR)
    return False


def _has(user, role: Role) -> bool:
    """Whether ``user`` has the role for all instruments; asked once for each request."""
    if not user.is_active or user.is_anonymous:
        return False
    known = user.__dict__.setdefault("_roles_for_all", {})
    if role not in known:
        known[role] = roles.has(user, role, "")
    return known[role]
