"""Differences of references by content, held against astropy's own comparison."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import asdf
import numpy as np
import pytest
from astropy.io import fits
from django.conf import settings
from django.core.cache import cache

from differences.services import references
from differences.services.references import arrays, pictures, tables

from .content import A, B, C

RANDOM = np.random.default_rng(5)


@pytest.fixture
def compare(tmp_path):
    """``compare(old, new, keys)``: the difference of two files or lists of HDUs."""
    def run(old, new, keys=(), suffix=".fits"):
        paths = [tmp_path / f"{name}{suffix}" for name in ("old", "new")]
        for path, content in zip(paths, (old, new), strict=True):
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, dict):
                asdf.AsdfFile(content).write_to(path)
            else:
                fits.HDUList([fits.PrimaryHDU(), *content]).writeto(path)
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        found = references.compare(folder, *paths, list(keys), lambda *_: None)
        # The result is kept as JSON, which has no NaN.
        return json.loads(json.dumps(found, allow_nan=False))

    return run


def table(**columns) -> fits.BinTableHDU:
    kinds = {"U": "10A", "f": "D", "i": "K"}
    return fits.BinTableHDU.from_columns([
        fits.Column(name, kinds[np.asarray(values).dtype.kind], array=np.asarray(values))
        for name, values in columns.items()], name="DATA")


# ---- files ---------------------------------------------------------------------


def test_identical_files_are_recognised(compare):
    hdus = [fits.ImageHDU(np.ones((3, 3)))]
    assert compare(hdus, hdus)["format"] == "same"


@pytest.mark.parametrize("old, new, keys", [
    ("hst_acs_biasfile_0001.fits", "hst_acs_biasfile_0002.fits", 3),
    ("s7g1700gl_dead.fits", "s7g1700hl_dead.fits", 1),
    ("16j16005o_apd.fits", "2381905mm_tmg.fits", None),
])
def test_real_headers_differ_as_astropy_says(tmp_path, test_data, old, new, keys):
    folder = test_data / "references" / "hst"
    found = references.compare(tmp_path, folder / old, folder / new, [], lambda *_: None)
    with fits.open(folder / old) as one, fits.open(folder / new) as other:
        for unit in found["hdus"]:
            if None in (unit["old_number"], unit["new_number"]):
                continue
            expected = fits.HeaderDiff(
                one[unit["old_number"]].header, other[unit["new_number"]].header,
                ignore_keywords=["HISTORY", "COMMENT", ""])
            changed = {card[0] for card in unit["header"]["changed"]}
            assert changed == set(expected.diff_keyword_values)
            assert unit["header"]["total"] == 0 or not expected.identical or any(
                card[0] in ("HISTORY", "COMMENT") for card in unit["header"]["added"])
    if keys is not None:
        assert sum(unit["header"]["total"] for unit in found["hdus"]) == keys
    report = (tmp_path / "report.txt").read_text()
    assert "fitsdiff" in report and str(folder) not in report


def test_history_is_compared_by_lines(compare):
    units = []
    for lines in (["first", "second"], ["first", "third", "second"]):
        hdu = fits.ImageHDU()
        for line in lines:
            hdu.header["HISTORY"] = line
        units.append([hdu])
    header = compare(*units)["hdus"][1]["header"]
    assert header["added"] == [["HISTORY", "third", ""]]
    assert header["total"] == 1


def test_units_belong_together_by_name(compare):
    one, other = fits.ImageHDU(np.zeros((2, 2)), name="SCI"), fits.ImageHDU(name="ERR")
    found = compare([one, other], [fits.ImageHDU(name="ERR"), fits.ImageHDU(name="DQ"),
                                   fits.ImageHDU(np.zeros((2, 2)), name="SCI")])
    assert [(unit["name"], unit["old_number"], unit["new_number"], unit["status"])
            for unit in found["hdus"]] == [
        ("PRIMARY", 0, 0, "same"), ("ERR", 2, 1, "same"), ("DQ", None, 2, "added"),
        ("SCI", 1, 3, "same")]


@pytest.mark.parametrize("content", [b"", b"SIMPLE", b"no FITS file", b"\0" * 5760])
def test_broken_files_are_reported(compare, content):
    found = compare([fits.ImageHDU(np.ones((3, 3)))], content)
    assert "cannot be read" in found["problem"] and found["broken"] == ["new.fits"]
    assert found["bytes"]["identical"] is False


def test_damaged_data_do_not_hide_the_rest(tmp_path, compare):
    hdus = [fits.ImageHDU(np.ones((400, 400)), name="SCI")]
    file = tmp_path / "whole.fits"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    found = compare(hdus, file.read_bytes()[:20000])
    text = json.dumps(found)
    assert "truncated" in text and str(tmp_path) not in text


def test_a_file_of_another_kind_is_compared_by_bytes(compare):
    found = compare(b"abcdef", b"abcXef", suffix=".r1d")
    assert (found["format"], found["bytes"]["first"]) == ("bytes", 3)


def test_texts_are_compared_by_lines(compare):
    found = compare(b"one\ntwo\n", b"one\n2\nthree\n", suffix=".dat")
    assert (found["text"]["added"], found["text"]["deleted"]) == (2, 1)


# ---- images --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u2", "u1", "i4"])
def test_pixels_differ_as_astropy_counts_them(compare, dtype):
    old = RANDOM.integers(0, 100, (3, 50, 40)).astype(dtype)
    new = old.copy()
    new[1, 10:20, 5] += 7
    new[2, 3, 4] += 20
    image = compare([fits.ImageHDU(old)], [fits.ImageHDU(new)])["hdus"][1]["image"]
    assert image["differs"] == fits.ImageDataDiff(old, new).diff_total == 11
    assert image["fraction"] == pytest.approx(11 / 6000)
    assert (image["max"], image["max_at"]) == (20, [5, 4, 3])
    assert image["mean"] == pytest.approx(90 / 11)
    assert (image["plane"], image["planes"]) == ([2], {"all": 3, "changed": 2})
    assert sum(image["histogram"]["counts"]) == 11


def test_pixels_that_are_no_numbers_are_counted_apart(compare):
    old = np.zeros((4, 4), dtype="f4")
    new = old.copy()
    old[0] = new[0] = np.nan
    old[1, 0], new[1, 1], new[2, 2] = np.nan, np.inf, 3
    image = compare([fits.ImageHDU(old)], [fits.ImageHDU(new)])["hdus"][1]["image"]
    assert (image["differs"], image["not_numbers"], image["max"]) == (3, 2, 3)


def test_images_of_different_sizes_are_shown_and_not_compared(compare):
    found = compare([fits.ImageHDU(np.ones((3, 4)))], [fits.ImageHDU(np.ones((5, 4)))])
    unit = found["hdus"][1]
    assert unit["status"] == "changed" and "different sizes" in unit["note"]
    assert set(unit["pictures"]) == {"old", "new"}


@pytest.mark.parametrize("shape", [(7,), (1, 9), (9, 1), (2, 2, 2, 3)])
def test_images_of_any_number_of_axes_are_compared(compare, shape):
    old = np.zeros(shape, dtype="f4")
    new = old.copy()
    new.flat[-1] = 1
    image = compare([fits.ImageHDU(old)], [fits.ImageHDU(new)])["hdus"][1]["image"]
    assert (image["differs"], image["max_at"]) == (1, list(reversed(
        shape if len(shape) > 1 else (1, *shape))))


def test_compressed_images_are_compared(compare):
    old = RANDOM.integers(0, 9, (30, 30)).astype("i2")
    new = old.copy()
    new[3, 3] += 1
    found = compare([fits.CompImageHDU(old, name="C")], [fits.CompImageHDU(new, name="C")])
    assert found["hdus"][1]["image"]["differs"] == 1


def test_a_single_pixel_of_a_large_image_is_seen_in_the_picture(tmp_path):
    old = np.zeros((1500, 1300), dtype="f4")
    new = old.copy()
    new[700, 650] = 5
    stacks = [arrays.Stack(plane.shape, plane.__getitem__) for plane in (old, new)]
    made = pictures.draw(tmp_path, "x", *stacks)
    assert max(made["difference"]["width"], made["difference"]["height"]) <= pictures.SIDE
    pixels = pictures.shrunk(pictures.Difference(*stacks), (), largest=True)
    assert pixels[700 // 3, 650 // 3] == 5 and np.count_nonzero(pixels) == 1
    assert (tmp_path / "x-difference.png").read_bytes().startswith(b"\x89PNG")


MEMORY = """
import json, resource, sys
from pathlib import Path
limit = int(sys.argv[1]) * 1024 * 1024
from differences.services import references
from differences.services.references import fits_files
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
folder = Path(sys.argv[2])
found = references.compare(folder, folder / "a.fits", folder / "b.fits", [], lambda *_: None)
print(json.dumps({"problem": found.get("problem"), "image": found["hdus"][1].get("image"),
                  "trouble": found["hdus"][1].get("problem")}))
"""


def test_memory_stays_flat_for_large_images(tmp_path):
    """Two files of 400 MB are compared by a process that may write to 350 MB."""
    shape = (25, 2000, 2000)
    for name, value in (("a", 0.0), ("b", 1.0)):
        header = fits.ImageHDU(np.zeros((1, 1, 1), dtype="f4"), name="SCI").header
        header["NAXIS1"], header["NAXIS2"], header["NAXIS3"] = reversed(shape)
        with open(tmp_path / f"{name}.fits", "wb") as file:
            file.write(fits.PrimaryHDU().header.tostring().encode())
            file.write(header.tostring().encode())
            start = file.tell()
            # A hole in the file reads as zeros; one plane has other pixels.
            file.seek(start + 4 * 2000 * 2000)
            file.write(np.full(100_000, value, dtype=">f4").tobytes())
            file.truncate(start + -(-4 * int(np.prod(shape)) // 2880) * 2880)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, "350", str(tmp_path)], capture_output=True, text=True,
        cwd=settings.SOURCES, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["problem"] is None and found["trouble"] is None
    assert found["image"]["differs"] == 100_000 and found["image"]["planes"]["changed"] == 1
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


# ---- tables --------------------------------------------------------------------


def test_rows_in_order_differ_as_astropy_counts_them(compare):
    old = table(NAME=["a", "b", "c"], VALUE=[1.0, np.nan, 3.0], COUNT=[1, 2, 3])
    new = table(NAME=["a", "b", "d"], VALUE=[1.5, np.nan, 3.0], COUNT=[1, 2, 4])
    found = compare([old], [new])["hdus"][1]["table"]
    assert sum(column["differs"] for column in found["statistics"]) == (
        fits.TableDataDiff(old.data, new.data).diff_total) == 3
    assert (found["method"], found["changed"], found["added"], found["deleted"]) == (
        "order", 2, 0, 0)
    assert found["changed_rows"][1]["cells"] == [["NAME", "c", "d"], ["COUNT", "3", "4"]]
    assert found["statistics"][1] == {"column": "VALUE", "differs": 1, "max": 0.5, "mean": 0.5}


def test_rows_are_matched_by_their_keys(compare):
    old = table(MODE=["x", "y", "z"], VALUE=[1.0, 2.0, 3.0])
    new = table(MODE=["z", "w", "x"], VALUE=[3.0, 9.0, 1.25])
    found = compare([old], [new], keys=["mode"])["hdus"][1]["table"]
    assert (found["method"], found["keys"]) == ("keys", ["MODE"])
    assert found["added_rows"] == [[2, "w", "9"]] and found["deleted_rows"] == [[2, "y", "2"]]
    assert found["changed_rows"] == [{
        "old_row": 1, "new_row": 3, "key": [["MODE", "x"]], "cells": [["VALUE", "1", "1.25"]]}]


def test_rows_of_the_same_key_are_matched_one_by_one():
    matching = tables._by_keys([("a",), ("a",), ("b",)], [("b",), ("a",)])
    assert (matching.pairs, matching.deleted, matching.added) == ([(0, 1), (2, 0)], [1], [])


def test_inserted_rows_do_not_make_all_others_differ(compare):
    numbers = list(range(50))
    found = compare([table(N=numbers)], [table(N=[*numbers[:20], 99, *numbers[20:]])])
    found = found["hdus"][1]["table"]
    assert (found["method"], found["changed"], found["added"]) == ("sequence", 0, 1)
    assert found["added_rows"] == [[21, "99"]]


def test_long_tables_of_different_length_are_compared_as_sets(monkeypatch, compare):
    monkeypatch.setattr(tables, "SEQUENCE_LIMIT", 10)
    found = compare([table(N=list(range(40)))], [table(N=[*range(5, 40), 99])])
    found = found["hdus"][1]["table"]
    assert (found["method"], found["deleted"], found["added"]) == ("sets", 5, 1)


def test_columns_that_came_went_or_changed_are_told(compare):
    old, new = table(A=[1, 2], B=[1.0, 2.0]), table(A=[1.0, 2.0], C=["x", "y"])
    found = compare([old], [new])["hdus"][1]["table"]
    assert (found["columns"]["added"], found["columns"]["deleted"]) == (["C"], ["B"])
    assert found["columns"]["changed"] == [["A", "K", "D"]]


def test_cells_with_many_values_are_compared(compare):
    def vectors(last):
        return fits.BinTableHDU.from_columns([
            fits.Column("V", "3E", array=[[1, 2, 3], [4, 5, last]]),
            fits.Column("P", "PJ()", array=np.array([np.array([1]), np.array([2, last])],
                                                    dtype=object))], name="V")

    found = compare([vectors(6)], [vectors(9)])["hdus"][1]["table"]
    assert {column["column"]: column["differs"] for column in found["statistics"]} == {
        "V": 1, "P": 1}
    assert found["changed_rows"][0]["cells"] == [
        ["V", "[4, 5, 6]", "[4, 5, 9]"], ["P", "[2, 6]", "[2, 9]"]]


# ---- trees ---------------------------------------------------------------------


def test_asdf_trees_are_compared_leaf_by_leaf(compare):
    data = np.arange(12.0).reshape(3, 4)
    changed = data.copy()
    changed[1, 2] += 0.5
    found = compare(
        {"roman": {"meta": {"name": "a", "gone": 1, "list": [1, 2]}, "data": data, "dq": data}},
        {"roman": {"meta": {"name": "b", "new": True, "list": [1, 3]}, "data": changed,
                   "dq": data}}, suffix=".asdf")
    assert sorted(found["changed"]) == [
        ["roman.meta.list[1]", "2", "3"], ["roman.meta.name", "a", "b"]]
    assert found["deleted"] == [["roman.meta.gone", "1"]]
    assert found["added"] == [["roman.meta.new", "True"]]
    assert [(part["path"], part["status"]) for part in found["arrays"]] == [
        ("roman.data", "changed"), ("roman.dq", "same")]
    assert (found["arrays"][0]["image"]["differs"], found["arrays"][0]["image"]["max"]) == (1, 0.5)


def test_real_asdf_files_are_compared_or_reported(tmp_path, test_data):
    roman = test_data / "references" / "roman"
    found = references.compare(
        tmp_path, roman / "roman_wfi16_f158_flat_small.asdf",
        roman / "roman_wfi16_f158_flat_invalid_schema.asdf", [], lambda *_: None)
    assert ["roman.meta.useafter", "2020-01-01T00:00:00.000", "yesterday"] in found["changed"]
    jwst = test_data / "references" / "jwst"
    found = references.compare(
        tmp_path, jwst / "valid.asdf", jwst / "invalid.asdf", [], lambda *_: None)
    assert found["broken"] == ["invalid.asdf"] and "cannot be read" in found["problem"]


@pytest.mark.parametrize("suffix, old, new", [
    (".json", b'{"meta": {"a": 1, "b": [1, 2]}}', b'{"meta": {"a": 2, "b": [1]}}'),
    (".yaml", b"meta:\n  a: 1\n  b: [1, 2]\n", b"meta:\n  a: 2\n  b: [1]\n"),
])
def test_documents_are_compared_as_trees_and_as_texts(compare, suffix, old, new):
    found = compare(old, new, suffix=suffix)
    assert found["changed"] == [["meta.a", "1", "2"]]
    assert found["deleted"] == [["meta.b[1]", "2"]]
    assert found["text"]["blocks"]


@pytest.mark.parametrize("broken", [b"{", b'{"a": ' + b"[" * 5000, b"\xff\xfe"])
def test_broken_documents_are_compared_as_texts(compare, broken):
    found = compare(b'{"a": 1}', broken, suffix=".json")
    assert "cannot be read" in found["problem"] and found["text"]["blocks"]


def test_trees_without_end_are_refused(monkeypatch, compare):
    from differences.services.references import trees

    monkeypatch.setattr(trees, "LEAVES", 100)
    found = compare(b"[]", json.dumps(list(range(200))).encode(), suffix=".json")
    assert "more than 100 values" in found["problem"]


# ---- pages ---------------------------------------------------------------------


@pytest.mark.django_db
def test_the_page_of_references_shows_all_parts(client, made, queries, content):
    address = f"/diff/{A}/{C}/"
    page = made(address).content.decode()
    for words in ("Pixels that differ", "24 of 24 (100 %)", "Columns that differ", "SCALE",
                  "FILENAME", "Report of fitsdiff"):
        assert words in page
    assert "error_message" not in page
    for name in ("old", "new", "difference"):
        picture = client.get(f"{address}picture/hdu2-{name}.png")
        assert picture.headers["Content-Type"] == "image/png"
        assert b"".join(picture.streaming_content).startswith(b"\x89PNG")
    assert "fitsdiff" in client.get(f"{address}report.txt").content.decode()
    cache.clear()
    assert queries(address) <= 12


@pytest.mark.django_db
def test_other_addresses_of_references_are_not_found(client, made, content):
    address = f"/diff/{A}/{B}/"
    made(address)
    for part in ("picture/result.json", "picture/nothing.png", "picture/..%2fx.png", "rows.csv",
                 "part/acs/", "text/acs/"):
        assert client.get(f"{address}{part}").status_code == 404


@pytest.mark.django_db
def test_broken_references_have_a_page_that_says_so(client, made, content, instance):
    path = instance.file_cache / "references" / "hst" / C
    path.unlink()
    path.write_bytes(b"damaged")
    page = made(f"/diff/{A}/{C}/").content.decode()
    assert f"{C} cannot be read." in page and "Traceback" not in page


@pytest.mark.django_db
def test_rest_gives_the_content_of_references(client, made, content):
    made(f"/diff/{A}/{C}/")
    found = client.get(f"/api/v1/differences/{A}/{C}").json()
    assert (found["kind"], found["totals"]["pixels"], found["totals"]["rows"]) == (
        "references", 24, 1)
    assert [unit["name"] for unit in found["content"]["hdus"]] == ["PRIMARY", "IDC", "SCI"]


def test_names_of_folders_never_reach_results(tmp_path):
    (tmp_path / "a.asdf").write_bytes(b"#ASDF 1.0.0\n")
    (tmp_path / "b.asdf").write_bytes(b"")
    found = references.compare(
        tmp_path, tmp_path / "a.asdf", Path(tmp_path / "b.asdf"), [], lambda *_: None)
    assert found["problem"] and str(tmp_path) not in json.dumps(found)
