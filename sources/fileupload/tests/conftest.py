from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from accounts.models import Grant, Role
from fileupload.services import drafts


def submitter(name: str):
    user = get_user_model().objects.create_user(name, password="a long secret")
    Grant.objects.create(user=user, role=Role.SUBMITTER)
    return user


@pytest.fixture
def user(db, instance):
    return submitter("anna")


@pytest.fixture
def draft(user):
    return drafts.default(user)


@pytest.fixture
def folder(draft):
    return drafts.folder(draft)
