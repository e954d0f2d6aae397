"""Headers as text: what is read equals what the library and astropy read from the files."""

from __future__ import annotations

import contextlib
import gzip
import json
import time

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from bestrefs.services import reading, uploads
from common.errors import BadRequest
from rules import dataset_headers

CARDS = "\n".join([
    "SIMPLE  =                    T", "filter  = 'F606W   '           / a comment",
    "QUOTED  = 'it''s / here'", "LONG    = 'begins &'", "CONTINUE  'goes on &'",
    "CONTINUE  'ends' / so", "HIERARCH ESO DET NAME = 'q'", "NUMBER  =               1.5E3",
    "EMPTY   =", "COMMENT   SIMPLE", "HISTORY = 'no'", "FILTER  = 'second'", "END",
    "XTENSION= 'IMAGE   '", "EXTNAME = 'SCI'", "EXTVER  =                    2",
    "NUMBER  =                    7", "CCDCHIP =                    2", "END",
])


def collected(data: bytes, step: int) -> str:
    collector = uploads.Collector()
    for at in range(0, len(data), step):
        collector.feed(data[at:at + step])
    assert not collector.problem
    return collector.text()


def as_dict(parts) -> dict[str, str]:
    return dataset_headers.union(parts, "hst")


# ---- FITS ----------------------------------------------------------------


def test_cards_of_every_kind():
    primary, extension = reading.read(CARDS).parts
    assert primary.header == {
        "SIMPLE": "True", "FILTER": "F606W", "QUOTED": "it's / here",
        "LONG": "begins goes on ends", "ESO DET NAME": "q", "NUMBER": "1500.0",
        "EMPTY": "UNDEFINED"}
    assert (extension.name, extension.version, extension.label) == ("SCI", 2, "SCI,2")


@pytest.mark.parametrize(("extension", "number", "chip"), [
    ("", "1500.0", "2"), ("all", "1500.0", "2"), ("0", "1500.0", None),
    ("primary", "1500.0", None), ("1", "7", "2"), ("SCI", "7", "2"), ("sci,2", "7", "2"),
    ("[SCI, 2]", "7", "2"), ("EXT1", "7", "2"),
])
def test_the_extension_that_is_chosen_comes_first(extension, number, chip):
    header = as_dict(reading.read(CARDS).chosen(extension))
    assert header["NUMBER"] == number and header.get("CCDCHIP") == chip
    assert header["FILTER"] == "F606W"


@pytest.mark.parametrize("extension", ["SCI,1", "7", "ERR", "<script>", "(" * 80, ",", "SCI,x"])
def test_extensions_that_are_not_there_name_those_that_are(extension):
    with pytest.raises(BadRequest, match="It has PRIMARY, SCI,2"):
        reading.read(CARDS).chosen(extension)


def fits_files(test_data):
    files = [*sorted(test_data.glob("datasets/*/*.fits")),
             *sorted(test_data.glob("references/*/*.fits"))]
    assert len(files) > 15
    return files


def test_real_files_are_read_as_the_library_reads_them(test_data):
    from crds.io.fits import FitsFile

    for path in fits_files(test_data):
        # The library refuses what is cut off, and takes long for large tables.
        if path.name == "truncated.fits" or path.stat().st_size > 500_000:
            continue
        ours = dataset_headers.union(
            reading.read(collected(path.read_bytes(), 65536)).chosen(), path.parent.name)
        theirs = FitsFile(str(path)).get_header((), checksum=False)
        # The library writes an object's name for keywords without a value.
        expected = {
            key: "UNDEFINED" if "Undefined object" in value else value.strip()
            for key, value in theirs.items()
            if not key.endswith(("COMMENT", "HISTORY", "FILE_FORMAT"))}
        assert {key: ours.get(key) for key in expected} == expected, path.name


@pytest.mark.parametrize("step", [13, 1000, 10**7])
def test_headers_are_found_however_the_bytes_come(test_data, step):
    path = test_data / "datasets/hst/j8bt06o6q_raw.fits"
    data = path.read_bytes()
    if step == 13:
        data = data[:300_000]
    whole = reading.read(collected(data, step))
    packed = reading.read(collected(gzip.compress(data, 1), step))
    assert [part.label for part in whole.parts][:2] == ["PRIMARY", "SCI,1"]
    assert whole == packed
    assert len(whole.parts) == (4 if step > 13 else 2)
    with fits.open(path) as units:
        for part, unit in zip(whole.parts, units, strict=False):
            assert part.header["BITPIX"] == str(unit.header["BITPIX"])


def test_memory_stays_small_for_large_files():
    header = ["SIMPLE  =                    T", "BITPIX  =                    8",
              "NAXIS   =                    1", f"NAXIS1  = {10**9:20d}", "INSTRUME= 'ACS'", "END"]
    collector = uploads.Collector()
    collector.feed("".join(card.ljust(80) for card in header).ljust(2880).encode())
    for _ in range(300):
        collector.feed(b"\0" * 1_000_000)
    assert reading.read(collector.text()).parts[0].header["INSTRUME"] == "ACS"
    assert len(collector.text()) < 3000


@pytest.mark.parametrize("cards", [
    ["BITPIX = -32", "NAXIS = 2", "NAXIS1 = 100", "NAXIS2 = 30"],
    ["BITPIX = 8", "NAXIS = 2", "NAXIS1 = 20", "NAXIS2 = 10", "PCOUNT = 5000", "GCOUNT = 1"],
    ["BITPIX = 16", "NAXIS = 3", "NAXIS1 = 0", "NAXIS2 = 4", "NAXIS3 = 5", "GROUPS = T",
     "PCOUNT = 3", "GCOUNT = 7"],
    ["BITPIX = 16", "NAXIS = 0"],
    ["BITPIX = 16", "NAXIS = 1", "NAXIS1 = 0"],
    ["BITPIX = 64", "NAXIS = 1", "NAXIS1 = 360"],
])
def test_size_of_data_equals_astropys(cards):
    lines = [f"{key.strip():<8}= {value.strip():>20}"
             for key, value in (card.split("=") for card in cards)]
    image = "".join(line.ljust(80) for line in ["SIMPLE  =                    T", *lines])
    unit = fits.PrimaryHDU.fromstring((image + "END".ljust(80)).ljust(2880).encode())
    size = uploads.data_size([line.ljust(80).encode() for line in lines])
    assert size == -(-unit.size // 2880) * 2880


# ---- ASDF, JSON, text ---------------------------------------------------------


def test_asdf_files_are_read_as_the_library_reads_them(test_data):
    from crds.io.asdf import AsdfFile

    compared = 0
    for path in [test_data / "references/jwst/valid.asdf",
                 test_data / "references/jwst/jwst_miri_distortion_0022.asdf",
                 test_data / "references/roman/roman_wfi16_f158_flat_small.asdf"]:
        ours = reading.read(collected(path.read_bytes(), 4096)).parts[0].header
        theirs = AsdfFile(str(path)).get_raw_header()
        for key, value in theirs.items():
            if "META." in key and isinstance(value, str) and "SUPRESSED" not in value:
                # The library writes times anew, without a fraction that is zero.
                assert ours.get(key, "").removesuffix(".000") == value, (path.name, key)
                compared += 1
    assert compared > 30


def test_json_and_lines_are_read():
    tree = {"meta": {"instrument": {"name": "MIRI"}, "n": 3, "ok": True, "no": None, "l": [1]}}
    assert reading.read(json.dumps(tree)).parts[0].header == {
        "META.INSTRUMENT.NAME": "MIRI", "META.N": "3", "META.OK": "True", "META.NO": "UNDEFINED"}
    lines = "INSTRUME = 'ACS'  / which\nmeta.instrument.name: MIRI\nDATE-OBS=2002-01-01\nrubbish"
    read = reading.read(lines)
    assert read.parts[0].header == {
        "INSTRUME": "ACS", "META.INSTRUMENT.NAME": "MIRI", "DATE-OBS": "2002-01-01"}
    assert read.notes == ["Not read: rubbish"]


def test_headers_saved_by_the_client_are_several():
    one, two = {"INSTRUME": "ACS"}, {"INSTRUME": "COS"}
    for text in (json.dumps({"A:A": one, "B:B": two}),
                 json.dumps({"A:A": one}) + "\n" + json.dumps({"B:B": two})):
        found = reading.several(text)
        assert {name: file.parts[0].header for name, file in found.items()} == {
            "A:A": one, "B:B": two}
    assert reading.several(json.dumps({"meta": {"instrument": {"name": "MIRI"}}})) == {}


# ---- hostile ------------------------------------------------------------------


def bomb(levels: int) -> str:
    lines = ["#ASDF 1.0.0", "--- ", "k0: &k0 {a: 1}"]
    lines += [f"k{n}: &k{n} {{x: *k{n - 1}, y: *k{n - 1}, z: *k{n - 1}}}"
              for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("text", [
    "", " \n", "\0\0\0", "---\n" + "[" * 200_000, "---\n" + "{a: " * 5000, "{" * 200_000,
    '{"a":' * 20_000 + "1" + "}" * 20_000, bomb(40), "---\n- list", "[1, 2]", "no header at all",
    "---\na: !!python/object/apply:os.system ['false']", "---\nx: &x {y: *x}", "---\n? [a]\n: b",
    "---\na: !!int x", "#ASDF\n%YAML 9.9\n---\na: b: c", "x" * (reading.MAX_TEXT + 1),
    "---\n" + "a: b\n" * 300_000, "END\nEND",
])
def test_hostile_texts_are_refused_with_a_reason(text):
    with pytest.raises(BadRequest):
        reading.read(text)


#: Aliases of mappings without keywords, and aliases that merge mappings, nine to the ninth.
BRANCHES = "---\nk0: &k0 {}\n" + "\n".join(
    f"k{n}: &k{n} {{" + ", ".join(f"x{at}: *k{n - 1}" for at in range(9)) + "}"
    for n in range(1, 10))
MERGED = "---\nk0: &k0 {a: 1}\n" + "\n".join(
    f"k{n}: &k{n} {{<<: [" + ", ".join([f"*k{n - 1}"] * 9) + "]}" for n in range(1, 10))


@pytest.mark.parametrize("text", [
    BRANCHES, MERGED, "A = x" + " " * 200_000 + "y", "A" + " " * 200_000 + "y", " " * 200_000 + "=",
    "---\na: 0x" + "f" * 20_000, "---\na: 1" + ":1" * 200_000, "---\na: 1" + ":1" * 9000 + ".5",
    "---\na: " + "9" * 20_000, '{"a": ' + "9" * 20_000 + "}",
], ids=range(10))
def test_short_texts_take_short_times(text):
    start = time.process_time()
    with contextlib.suppress(BadRequest):
        assert reading.read(text).parts[0].header
    assert time.process_time() - start < 3


def test_many_huge_and_broken_cards_are_left_out():
    text = "SIMPLE  = T\n" + "A" * 500_000 + "\nBAD     = 'open\nB\0D     = 1\nGOOD    = 5\n"
    text += "".join(f"K{n:06d} = {n}\n" for n in range(3000)) + "END"
    (part,) = reading.read(text).parts
    assert part.header["GOOD"] == "5" and len(part.header) > 3000


@limits(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=400), st.binary(max_size=4000).map(
    lambda data: "SIMPLE  = T\n" + data.decode("latin-1")),
    st.text(max_size=200).map(lambda text: "---\n" + text)))
def test_any_text_is_read_or_refused(text):
    try:
        assert reading.read(text).parts
    except BadRequest as exc:
        assert exc.message


@limits(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=8), st.sampled_from([b"SIMPLE  =", b"#ASDF", b"",
                                                                        b"\x1f\x8b\x08"]))
def test_any_bytes_are_collected_or_refused(pieces, start):
    collector = uploads.Collector()
    for piece in [start, *pieces]:
        collector.feed(piece)
    assert isinstance(collector.text(), str)


def test_a_gzip_bomb_is_not_unpacked_whole(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 3_000_000)
    header = ["SIMPLE  =                    T", "BITPIX  =                    8",
              "NAXIS   =                    1", f"NAXIS1  = {10**12:20d}", "END"]
    start = "".join(card.ljust(80) for card in header).ljust(2880).encode()
    collector = uploads.Collector()
    collector.feed(gzip.compress(start + b"\0" * 60_000_000))
    assert collector.done and collector.unpacked < 5_000_000
    assert reading.read(collector.text()).parts[0].header["NAXIS1"] == str(10**12)


def test_many_gzip_bombs_share_one_limit(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 3_000_000)
    start = "SIMPLE  =                    T".ljust(80) + f"NAXIS1  = {10**12:20d}".ljust(80)
    packed = gzip.compress(start.encode() + b" " * 20_000_000)
    handler = uploads.HeaderUploadHandler()
    for number in range(5):
        handler.new_file("files", f"{number}.fits.gz", "application/gzip", len(packed))
        handler.receive_data_chunk(packed, 0)
        handler.file_complete(len(packed))
    assert 3_000_000 < handler._unpacked < 3_000_000 + 5 * 2**20 + 1
