"""Arrays in one block of bytes that processes can map instead of copying."""

from __future__ import annotations

import json

import numpy as np

#: Arrays begin at multiples of this, so that a mapped block can be used as it is.
ALIGNMENT = 64


def pack(arrays: dict[str, np.ndarray], **notes) -> bytes:
    """``arrays`` (of one dimension) with ``notes`` of plain JSON values, as bytes."""
    plan, offset = {}, 0
    for name, array in arrays.items():
        offset = _aligned(offset)
        plan[name] = [array.dtype.str, len(array), offset]
        offset += array.nbytes
    head = json.dumps({"arrays": plan, "notes": notes}).encode()
    block = bytearray(_aligned(8 + len(head)) + offset)
    start = len(block) - offset
    block[:8] = len(head).to_bytes(8, "little")
    block[8:8 + len(head)] = head
    for name, array in arrays.items():
        at = start + plan[name][2]
        block[at:at + array.nbytes] = np.ascontiguousarray(array).tobytes()
    return bytes(block)


def unpack(block: bytes | memoryview) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and notes of a packed ``block``; they share its bytes and cannot be written."""
    length = int.from_bytes(block[:8], "little")
    head = json.loads(bytes(block[8:8 + length]))
    start = _aligned(8 + length)
    arrays = {
        name: np.frombuffer(block, np.dtype(kind), count, start + offset)
        for name, (kind, count, offset) in head["arrays"].items()}
    return arrays, head["notes"]


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
