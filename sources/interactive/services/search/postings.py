"""Sets of primary keys as bytes: a list of numbers, or where that is shorter, one bit a file."""

from __future__ import annotations

import numpy as np

LIST, BITS = b"l", b"b"


def pack(keys: np.ndarray) -> bytes:
    """``keys``: primary keys, sorted and different."""
    if not len(keys):
        return LIST
    top = int(keys[-1]) + 1
    if 4 * len(keys) <= top // 8:
        return LIST + keys.astype("<u4").tobytes()
    bits = np.zeros(top, bool)
    bits[keys] = True
    return BITS + np.packbits(bits, bitorder="little").tobytes()


def unpack(data: bytes | memoryview) -> np.ndarray:
    """The primary keys, sorted."""
    data = bytes(data)
    if data[:1] == LIST:
        return np.frombuffer(data, "<u4", offset=1).astype(np.int64)
    return np.flatnonzero(_bits(data))


def mark(mask: np.ndarray, data: bytes | memoryview) -> None:
    """Set ``mask`` true for the files of ``data``; those beyond its length are left out."""
    data = bytes(data)
    if data[:1] == BITS:
        bits = _bits(data)[:len(mask)]
        mask[:len(bits)] |= bits
        return
    keys = np.frombuffer(data, "<u4", offset=1)
    mask[keys[keys < len(mask)]] = True


def contains(data: bytes | memoryview, key: int) -> bool:
    """Whether ``key`` is in the set."""
    data = memoryview(data)
    if bytes(data[:1]) == BITS:
        at = 1 + key // 8
        return at < len(data) and bool(data[at] >> (key % 8) & 1)
    keys = np.frombuffer(data, "<u4", offset=1)
    at = int(np.searchsorted(keys, key))
    return at < len(keys) and int(keys[at]) == key


def _bits(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8, offset=1), bitorder="little").view(bool)
