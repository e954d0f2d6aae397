"""People with accounts."""

from __future__ import annotations

import pytest

from accounts.services import roles

PASSWORD = "correct horse"


@pytest.fixture
def people(db, django_user_model):
    """``people("anne", "operator")``: an account, with a role if one is named."""
    def make(name: str, role: str = "", instrument: str = "", **fields):
        user = django_user_model.objects.create_user(
            name, email=f"{name}@example.invalid", password=PASSWORD, **fields)
        if role:
            roles.grant(user, role, instrument, by="test")
        return user

    return make
