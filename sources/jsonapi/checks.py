"""Checks of parameters that come from outside, with errors that name the parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.conf import settings

from .errors import InvalidParams

#: Longest text that any name, context or key may have.
MAX_TEXT = 256
MAX_HEADER_VALUE = 4096

HEADER_KEY = re.compile(r"[A-Za-z0-9_.:\- ]{1,128}")
DATASET_ID = re.compile(r"[A-Za-z0-9.:\-+_]{1,128}")


def text(value, what: str, *, longest: int = MAX_TEXT) -> str:
    """``value`` as a string without control characters."""
    if not isinstance(value, str):
        raise InvalidParams(f"{what} must be a string, not {_kind(value)}.")
    if len(value) > longest:
        raise InvalidParams(f"{what} is longer than {longest} characters.")
    if not value.isprintable():
        raise InvalidParams(f"{what} contains characters that cannot be printed.")
    return value


def optional_text(value, what: str) -> str | None:
    return None if value is None or value == "" else text(value, what)


def flag(value, what: str) -> bool:
    if not isinstance(value, bool | int):
        raise InvalidParams(f"{what} must be true or false, not {_kind(value)}.")
    return bool(value)


def texts(value, what: str, *, most: int | None = None) -> list[str]:
    """``value`` as a list of strings."""
    if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, dict):
        raise InvalidParams(f"{what} must be a list of strings, not {_kind(value)}.")
    values = [text(item, f"each of {what}") for item in value]
    if most is not None and len(values) > most:
        raise InvalidParams(
            f"{what} has {len(values)} entries; at most {most} are taken in one call. Split it.")
    return values


def optional_texts(value, what: str) -> list[str] | None:
    return None if value is None else texts(value, what)


def dataset_ids(value) -> list[str]:
    """Ids of datasets: short, of harmless characters, not too many."""
    ids = texts(value, "dataset ids", most=settings.MAX_IDS_PER_RPC)
    for item in ids:
        _dataset_id(item)
    return ids


def _dataset_id(value: str) -> str:
    if not DATASET_ID.fullmatch(value):
        raise InvalidParams(
            f"Invalid dataset id {value!r}: it must be 1-128 chars of A-Z, a-z, 0-9, . : - + _.")
    return value


def header(value, what: str = "header") -> dict[str, str]:
    """Parameters of an exposure: keys and values as strings; ``null`` counts as UNDEFINED."""
    if not isinstance(value, dict):
        raise InvalidParams(f"{what} must be an object of keywords and values, not {_kind(value)}.")
    return {_header_key(key, what): _header_value(key, item, what) for key, item in value.items()}


def _header_key(key: str, what: str) -> str:
    if not HEADER_KEY.fullmatch(key):
        raise InvalidParams(f"Invalid keyword {key[:130]!r} in {what}.")
    return key


def _header_value(key: str, value, what: str) -> str:
    if value is None:
        return "UNDEFINED"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, str | int | float):
        return _short(str(value), f"The value of {key!r} in {what}")
    raise InvalidParams(f"The value of {key!r} in {what} must be a string or number,"
                        f" not {_kind(value)}.")


def _short(value: str, what: str) -> str:
    # What a header may hold is for the rules to judge; only its size is limited here.
    if len(value) > MAX_HEADER_VALUE:
        raise InvalidParams(f"{what} is longer than {MAX_HEADER_VALUE} characters.")
    return value


def header_map(value) -> dict[str, dict[str, str]]:
    """``{dataset id: header}``, not too many."""
    if not isinstance(value, dict):
        raise InvalidParams(f"header_map must be an object of ids and headers, not {_kind(value)}.")
    if len(value) > settings.MAX_IDS_PER_RPC:
        raise InvalidParams(
            f"header_map has {len(value)} headers; at most {settings.MAX_IDS_PER_RPC} are taken"
            " in one call. Split it.")
    return {_dataset_id(key): header(item, f"header of {key!r}") for key, item in value.items()}


def _kind(value) -> str:
    return {
        type(None): "null", bool: "a boolean", int: "a number", float: "a number",
        str: "a string", list: "a list", dict: "an object",
    }.get(type(value), type(value).__name__)
