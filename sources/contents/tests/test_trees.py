"""ASDF, JSON, YAML, GEIS and text: trees and pictures, and nothing is ever run."""

from __future__ import annotations

import asdf
import numpy as np
import pytest

from contents import trees

EVIL = """#ASDF 1.0.0
#ASDF_STANDARD 1.5.0
%YAML 1.1
%TAG ! tag:stsci.edu:asdf/
--- !core/asdf-1.1.0
a: !!python/object/apply:os.system ["touch {target}"]
b: !unknown/thing-1.0 {{x: 1}}
c: !transform/shift-1.2.0 {{offset: 3, name: there}}
...
"""


def nodes(node):
    yield node
    for child in node["children"]:
        yield from nodes(child)


def by_key(part, key):
    return next(node for node in nodes(part["tree"]) if node["key"] == key)


# ---- ASDF ----------------------------------------------------------------


def test_arrays_of_an_asdf_file_have_statistics_and_pictures(tmp_path, look):
    path = tmp_path / "a.asdf"
    data = np.arange(200, dtype=np.float32).reshape(10, 20)
    asdf.AsdfFile({"roman": {"meta": {"pedigree": "<i>me</i>", "none": None}, "data": data,
                             "dq": (data > 190).astype(np.uint32),
                             "small": np.array([1, 2])}}).write_to(path)
    tree, *arrays = look(path)["parts"]
    assert by_key(tree, "pedigree")["value"] == "<i>me</i>"
    assert by_key(tree, "small")["value"] == "[1, 2]"
    assert [(part["title"], part["image"]["shape"]) for part in arrays] == [
        ("roman.data", [10, 20]), ("roman.dq", [10, 20])]
    assert by_key(tree, "data")["part"] == 1
    assert arrays[0]["image"]["statistics"]["maximum"] == 199 and arrays[0]["image"]["planes"]
    assert arrays[1]["image"]["flags"]["pixels"] == 9


def test_nothing_in_an_asdf_file_is_run(tmp_path, look):
    path, target = tmp_path / "a.asdf", tmp_path / "touched"
    path.write_text(EVIL.format(target=target))
    part = look(path)["parts"][0]
    assert not target.exists()
    assert by_key(part, "a")["tag"] == "python/object/apply:os.system"
    assert by_key(part, "x")["value"] == "1"
    assert part["models"] == [{"path": "c", "name": "there", "tag": "transform/shift-1.2.0",
                               "text": "Shift"}]


def test_an_asdf_file_without_its_blocks(tmp_path, look):
    path = tmp_path / "a.asdf"
    asdf.AsdfFile({"meta": {"pedigree": "me"}, "data": np.arange(500.0)}).write_to(path)
    path.write_bytes(path.read_bytes()[:-3900])
    found = look(path)
    assert found["faults"] and by_key(found["parts"][0], "pedigree")["value"] == "me"


@pytest.mark.parametrize("content", [b"", b"#ASDF 1.0.0\n", b"nothing", b"\xff\xfe" * 300])
def test_what_is_no_asdf_file_is_said(tmp_path, look, content):
    path = tmp_path / "a.asdf"
    path.write_bytes(content)
    assert look(path)["faults"]


def test_real_asdf_files(test_data, look):
    found = look(test_data / "references/jwst/jwst_miri_distortion_0022.asdf")
    models = found["parts"][0]["models"]
    assert models[0]["text"].startswith("Remap axes | (Polynomial & Polynomial)")
    assert not found["faults"]


# ---- JSON and YAML -------------------------------------------------------


def test_json_and_yaml_are_trees(tmp_path, look):
    path = tmp_path / "a.json"
    path.write_text('{"meta": {"n": NaN, "list": [1, 2], "big": [[1], [2]], "t": "<script>"}}')
    part = look(path)["parts"][0]
    assert by_key(part, "n")["value"] == "NaN" and by_key(part, "list")["value"] == "1, 2"
    assert by_key(part, "t")["value"] == "<script>"
    path = tmp_path / "a.yaml"
    path.write_text("day: 2024-01-02\nevil: !!python/object/new:os.system [touch /tmp/x]\n")
    part = look(path)["parts"][0]
    assert by_key(part, "day")["value"] == "2024-01-02"
    assert by_key(part, "evil")["tag"].startswith("python/object")


@pytest.mark.parametrize("name, content, words", [
    ("a.json", '{"a": 1,\n "b" 2}', "line 2, column 6"),
    ("a.json", "[" * 100_000, "nested too deeply"),
    ("a.json", b"\xff\xfe", "UTF-8"),
    ("a.yaml", "a: [1, 2", "line 2, column 1"),
    ("a.yaml", "? [a, b]\n: 1", "YAML"),
    ("a.text", b"\0\1\2\3" * 50, "not a text"),
])
def test_broken_texts_say_where_and_show_the_text(tmp_path, look, name, content, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = look(path)
    assert words in found["faults"][0] and found["parts"][0]["kind"] == "text"


def test_references_that_repeat_without_end_are_cut(tmp_path, look):
    path = tmp_path / "a.yaml"
    lines = ["a0: &a0 [x, y, {z: 1}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path.write_text("\n".join(lines) + "\nself: &s [*s]\n")
    found = look(path)
    assert sum(1 for _ in nodes(found["parts"][0]["tree"])) <= trees.NODES + trees.CHILDREN
    assert "too large" in found["notes"][0]


# ---- GEIS ----------------------------------------------------------------


def write_geis(folder, groups=2):
    cards = ["SIMPLE  =                    F", "BITPIX  =                   32",
             "DATATYPE= 'REAL*4  '", "NAXIS   =                    2",
             "NAXIS1  =                    6", "NAXIS2  =                    5",
             "GROUPS  =                    T", f"GCOUNT  = {groups:>20}",
             "PCOUNT  =                    2", "PSIZE   =                   96",
             "PTYPE1  = 'CRVAL1  '  /right ascension", "PDTYPE1 = 'REAL*8  '",
             "PSIZE1  =                   64", "PTYPE2  = 'NAME    '", "PDTYPE2 = 'CHARACTER*4'",
             "PSIZE2  =                   32", "HISTORY made for a test", "END"]
    header = folder / "a.r4h"
    header.write_text("".join(f"{card:<80}\n" for card in cards))
    data = b""
    for group in range(groups):
        data += (np.arange(30) + group).astype(">f4").tobytes()
        data += np.array([group + 0.5], ">f8").tobytes() + b"abc\0"
    header.with_name("a.r4d").write_bytes(data)
    return header


def test_geis_pairs_with_groups_and_their_parameters(tmp_path, look):
    header, first, second = look(write_geis(tmp_path))["parts"]
    assert header["cards"][-1]["value"] == "made for a test"
    assert first["image"]["statistics"]["maximum"] == 29
    assert second["image"]["statistics"]["maximum"] == 30
    assert [(card["keyword"], card["value"]) for card in second["cards"]] == [
        ("CRVAL1", 1.5), ("NAME", "abc")]
    assert second["cards"][0]["comment"] == "right ascension"


def test_half_a_geis_pair_says_what_is_missing(tmp_path, look):
    header = write_geis(tmp_path)
    data = header.with_name("a.r4d")
    data.write_bytes(data.read_bytes()[:150])
    found = look(header)
    assert len(found["parts"]) == 2 and "1 of the 2 groups" in found["faults"][0]
    data.unlink()
    found = look(header)
    assert len(found["parts"]) == 1 and "a.r4d" in found["faults"][0]
