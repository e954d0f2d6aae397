"""Explanations on pages and in the REST API."""

from __future__ import annotations

import re

import pytest

HEADER = "INSTRUME=ACS&DETECTOR=WFC&CCDAMP=ABCD&CCDGAIN=2.0&DATE-OBS=2010-05-01&TIME-OBS=12:00:00"

pytestmark = pytest.mark.django_db


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_it_opens(client, hst_demo):
    page = client.get("/explain/?" + HEADER)
    assert page.status_code == 200, text(page)
    print(text(page)[:3000])
    page = client.get("/explain/?" + HEADER+"&type=biasfile")
    print(text(page)[:3000])
    page = client.get("/explain/?" + HEADER+"&type=biasfile&context2=hst_0001.pmap")
    print(text(page)[:3000])
    page = client.get("/api/v1/explain?" + HEADER+"&type=biasfile&context2=hst_0001.pmap")
    print(page.content[:3000])
    assert client.get("/api/v1/docs").status_code==200
    page = client.get("/explain/")
    print(text(page)[:3000])
