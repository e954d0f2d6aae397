"""Addresses of callers."""

from __future__ import annotations

import ipaddress

from django.conf import settings


def client_address(request) -> str:
    """The caller's address; a trusted proxy's word for it is taken."""
    address = request.META.get("REMOTE_ADDR", "")
    if address in settings.TRUSTED_PROXIES:
        forwarded = request.headers.get("X-Forwarded-For", "")
        # Only the last entry was written by our proxy; those before it anybody can invent.
        address = forwarded.rpartition(",")[2].strip() or address
    return address


def network(address: str) -> str:
    """The /24 or /48 that ``address`` lies in: enough to see load, not a person."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if mapped := getattr(parsed, "ipv4_mapped", None):
        parsed = mapped
    bits = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, bits), strict=False))
