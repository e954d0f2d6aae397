"""Sign-in by OpenID Connect: the provider says who somebody is, an account here what they may.

Authlib does the protocol: state, nonce, PKCE, signature and claims of the id token.  The
provider is asked only when somebody uses the button; nothing is fetched before.
"""

from __future__ import annotations

import stat
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from common.errors import ServiceError, Unavailable

from . import names

#: Seconds that the provider may take for one answer.
TIMEOUT = 10

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SignInFailed(ServiceError):
    """The provider did not vouch for somebody who has an account here."""

    status = 403


def configured() -> str:
    """What the button calls the provider; empty while none is configured."""
    return settings.OIDC_NAME if settings.OIDC_ISSUER else ""


def start(request, redirect_uri: str):
    """The redirect to the provider."""
    with _talking():
        return _client(*_configuration()).authorize_redirect(request, redirect_uri)


def finish(request):
    """The active user of this server whom the provider vouches for, by verified mail address.

    Raises SignInFailed, or Unavailable if the provider does not answer.
    """
    with _talking():
        client = _client(*_configuration())
        token = client.authorize_access_token(request)
        if client.server_metadata.get("issuer") != settings.OIDC_ISSUER:
            raise SignInFailed(
                "The provider calls itself by another address than OIDC_ISSUER in"
                " site_config.py. Ask the team that runs this server.")
        claims = token.get("userinfo")
        if not claims:
            raise SignInFailed("The provider did not say who you are (no id token)."
                               " Ask the team that runs this server.")
        if "email" not in claims and "userinfo_endpoint" in client.server_metadata:
            more = client.userinfo(token=token)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
    return _account(claims)


def problems() -> list[str]:
    """What is wrong with the configuration; nothing is fetched."""
    if not settings.OIDC_ISSUER:
        return []
    found = []
    issuer = urlsplit(settings.OIDC_ISSUER)
    if issuer.scheme != "https" and issuer.hostname not in LOOPBACK:
        found.append("OIDC_ISSUER must begin with https://.")
    if not settings.OIDC_CLIENT_ID:
        found.append("OIDC_CLIENT_ID is empty.")
    try:
        _secret(settings.OIDC_CLIENT_SECRET_FILE)
    except SignInFailed as exc:
        found.append(exc.message)
    try:
        import authlib  # noqa: F401
    except ImportError:
        found.append("Authlib is not installed; it is in the extra \"oidc\" of pyproject.toml.")
    return found


def _account(claims: dict):
    address = str(claims.get("email") or "")
    # Some providers send the flag as text.
    if not address or claims.get("email_verified") not in (True, "true"):
        raise SignInFailed(
            "The provider has not verified your mail address, by which this server knows you."
            " Verify it there and try again, or log in with name and password.")
    users = list(names.with_mail(address)[:2])
    if len(users) != 1 or not users[0].is_active:
        raise SignInFailed(
            f"There is no account here for {address}, or it is disabled. Ask the team that runs"
            " this server for one; submitting needs it, looking files up does not.")
    return users[0]


def _configuration() -> tuple[str, str, str, int]:
    """Of the client; the time of its file is part of it, so that a new secret is read."""
    if not settings.OIDC_ISSUER:
        raise SignInFailed("This server has no sign-in by OpenID Connect."
                           " Log in with name and password.")
    path = settings.OIDC_CLIENT_SECRET_FILE
    _secret(path)
    return settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, path, Path(path).stat().st_mtime_ns


@cache
def _client(issuer: str, client_id: str, secret_file: str, _changed: int):
    from authlib.integrations.django_client import OAuth

    registry = OAuth()
    registry.register(
        "crds", client_id=client_id, client_secret=_secret(secret_file),
        server_metadata_url=issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256",
                       "default_timeout": TIMEOUT})
    return registry.crds


def _secret(path: str) -> str:
    try:
        mode = Path(path).stat().st_mode
        text = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError, ValueError):
        text, mode = "", 0
    if not text:
        raise SignInFailed("The file OIDC_CLIENT_SECRET_FILE is missing, empty or cannot be read."
                           " Ask the team that runs this server.")
    if stat.S_IMODE(mode) & 0o077:
        raise SignInFailed("The file OIDC_CLIENT_SECRET_FILE can be read by others; its mode must"
                           " be 0600. Ask the team that runs this server.")
    return text


class _talking:
    """Turns everything that can go wrong with the provider into errors for people."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _traceback):
        if error is None or isinstance(error, ServiceError):
            return False
        if isinstance(error, ImportError):
            raise Unavailable("Sign-in by OpenID Connect is configured but not installed. Log in"
                              " with name and password.") from error
        import requests
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        if isinstance(error, requests.RequestException):
            raise Unavailable(
                f"The sign-in of {settings.OIDC_NAME} does not answer at the moment. Try again"
                " shortly, or log in with name and password.") from error
        if isinstance(error, (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError,
                              RuntimeError)):
            raise SignInFailed(
                "The answer of the provider does not fit the sign-in that began here:"
                f" {_words(error)}. Begin again from the login page.") from error
        return False


def _words(error: Exception) -> str:
    text = getattr(error, "description", "") or getattr(error, "error", "") or str(error)
    return str(text).strip().rstrip(".")[:200] or type(error).__name__
