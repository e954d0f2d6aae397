"""Addresses of callers."""

from __future__ import annotations

import pytest

from common.addresses import client_address, network


@pytest.mark.parametrize("address, expected", [
    ("192.0.2.17", "192.0.2.0/24"),
    ("2001:db8:1:2::3", "2001:db8:1::/48"),
    ("::ffff:192.0.2.17", "192.0.2.0/24"),
    ("", ""), ("unix:", ""), ("192.0.2.300", ""),
])
def test_network(address, expected):
    assert network(address) == expected


@pytest.mark.parametrize("remote, forwarded, expected", [
    ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
    ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    ("10.0.0.1", "", "10.0.0.1"),
])
def test_only_a_trusted_proxy_is_believed(rf, settings, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    request = rf.get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == expected
