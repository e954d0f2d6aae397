"""Checking who somebody is, within the limits of attempts."""

from __future__ import annotations

from django.contrib.auth import authenticate

from common.addresses import client_address, network
from common.errors import ServiceError

from . import limits, names, tokens

#: Of a session that a token opened: the key of the token.
TOKEN_OF_SESSION = "api_token"


class Refused(ServiceError):
    """Name and password do not fit together."""

    status = 403


def check(request, name: str, password: str):
    """The active user that name (or mail address) and password (or token) belong to.

    Raises Refused, or TooManyAttempts before the password is looked at.
    """
    known = names.find(name)
    account, place = known.get_username() if known else name, network(client_address(request))
    if tokens.looks_like_one(password):
        # It cannot be guessed, so it is looked at even while passwords have to wait.
        user = authenticate(request, username=name, password=password)
        if user is None:
            limits.charge_token(place)
    else:
        limits.charge(account, place)
        user = authenticate(request, username=name, password=password)
        if user is not None:
            limits.succeeded(account, place)
    if user is None:
        raise Refused(
            "User name and password do not fit together, or the account is disabled. Mind upper"
            " and lower case; in place of the password a token that has not expired works too.")
    return user
