"""Accounts and locks in the REST API."""

from __future__ import annotations

from datetime import datetime

from ninja import Router, Schema

from locking import services as locking

from .api_auth import signed_in
from .services import roles

router = Router(tags=["Accounts"])


class RoleOut(Schema):
    role: str
    #: Empty means all instruments.
    instrument: str


class LockOut(Schema):
    """Somebody's claim on an instrument."""

    instrument: str
    user: str
    created_on: datetime
    expires: datetime

    @staticmethod
    def resolve_instrument(lock) -> str:
        return lock.name

    @staticmethod
    def resolve_user(lock) -> str:
        return lock.user.get_username()


class AccountOut(Schema):
    user: str
    superuser: bool
    roles: list[RoleOut]
    locks: list[LockOut]


class Released(Schema):
    #: False if you did not have it.
    released: bool


@router.get("/account", auth=signed_in, response=AccountOut, summary="Who you are")
def account(request):
    """The account of the token or session, its roles and its locks."""
    user = request.user
    return {"user": user.get_username(), "superuser": user.is_superuser,
            "roles": roles.of(user), "locks": locking.lasting(user)}


@router.get("/locks", auth=signed_in, response=list[LockOut], summary="Who works on what")
def locks(request):
    """Locks that last, of everybody."""
    return locking.lasting()


@router.post("/locks/{instrument}", auth=signed_in, response=LockOut,
             summary="Lock an instrument, or renew your lock")
def lock(request, instrument: str):
    """Needs a submitter of the instrument; 409 while somebody else has it."""
    return locking.take(instrument, request.user)


@router.delete("/locks/{instrument}", auth=signed_in, response=Released,
               summary="Give your lock back")
def unlock(request, instrument: str):
    """Locks of others stay."""
    return {"released": locking.release(instrument, request.user)}
