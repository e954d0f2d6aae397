"""Best references of the server equal the library's, on thousands of generated headers.

The library runs in a process of its own on the same rules, as a pipeline would.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rules.environment import client_environment
from tests.live import LiveServer

#: Headers for each instrument and context; ids of one call are limited to 1000.
COUNT = 300

CONTENT = {
    "demo": {
        "hst": ["hst_0005.pmap", "hst_0001.pmap"],
        "jwst": ["jwst_0005.pmap", "jwst_0001.pmap"],
        "roman": ["roman_0005.pmap", "roman_0001.pmap"],
        "tobs": ["tobs_0003.pmap"],
    },
    "real": {
        "hst": ["hst_0500.pmap", "hst_0300.pmap"],
        "jwst": ["jwst_0300.pmap", "jwst_0150.pmap"],
        "roman": ["roman_0004.pmap"],
    },
}

LIBRARY = """
import json, sys
from crds.core import rmap
sys.path.insert(0, sys.argv[1])
from rules.headers import generate, instruments
context = rmap.get_cached_mapping(sys.argv[2])
for number, instrument in enumerate(instruments(context)):
    headers = list(generate(context, instrument, int(sys.argv[3]), seed=number))
    answers = []
    for header in headers:
        answer = rmap.get_best_references(sys.argv[2], dict(header))
        answers.append({kind: str(name) for kind, name in answer.items()})
    print(json.dumps({"instrument": instrument, "headers": headers, "answers": answers}))
"""


def library_answers(root: Path, observatory: str, context: str):
    env = client_environment(observatory, "https://serverless.example.invalid", root / "file_cache")
    sources = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY, str(sources), context, str(COUNT)],
        env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


CASES = [(content, observatory) for content, all_ in CONTENT.items() for observatory in all_]


@pytest.mark.parametrize(("content", "observatory"), CASES)
def test_no_answer_differs(live_instance, content, observatory):
    root = live_instance(observatory, content)
    compared = found = 0
    with LiveServer(root, observatory) as server:
        for context in CONTENT[content][observatory]:
            for one in library_answers(root, observatory, context):
                ids = [f"x{n}:x{n}" for n in range(len(one["headers"]))]
                served = server.rpc("get_best_references_by_header_map", context,
                                    dict(zip(ids, one["headers"], strict=True)), None)
                wrong = [(one["headers"][n], expected, served[ids[n]])
                         for n, expected in enumerate(one["answers"])
                         if served[ids[n]] != expected]
                assert not wrong, (context, one["instrument"], len(wrong), wrong[0])
                compared += sum(map(len, one["answers"]))
                found += sum(not name.startswith("NOT FOUND")
                             for answer in one["answers"] for name in map(str, answer.values()))
                # One header alone takes another way through the server.
                alone = server.rpc("get_best_references", context, one["headers"][0], None)
                assert alone == one["answers"][0]
    # A comparison of misses alone would prove little.
    assert compared >= COUNT and found > compared * 0.15, (compared, found)
