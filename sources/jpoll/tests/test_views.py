"""GET /jpoll/open_channel as the submission client uses it."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from jpoll import services
from jpoll.models import Channel

pytestmark = pytest.mark.django_db

URL = "/jpoll/open_channel"


def test_answers_a_bare_string_bound_to_a_new_session(client):
    response = client.get(URL)
    key = json.loads(response.content)
    assert response.status_code == 200
    assert isinstance(key, str)
    session = response.cookies[settings.SESSION_COOKIE_NAME].value
    assert services.channel_for_session(session) == key


def test_every_answer_sets_the_csrf_cookie(client):
    for _ in range(2):
        assert "csrftoken" in client.get(URL).cookies


def test_stays_in_the_session_of_the_user(client, django_user_model):
    user = django_user_model.objects.create_user("someone")
    client.force_login(user)
    session = client.session.session_key
    key = client.get(URL).json()
    channel = Channel.objects.get(key=key)
    assert (channel.session_key, channel.user) == (session, user)


def test_other_methods_are_refused(client):
    assert client.post(URL).status_code == 405
