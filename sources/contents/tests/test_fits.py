"""FITS files: cards, images and tables of every kind, and files that are broken."""

from __future__ import annotations

import gzip
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from config import CHECKOUT
from contents import rows


def write(path, *units, header=()):
    primary = fits.PrimaryHDU()
    primary.header.extend(header)
    fits.HDUList([primary, *units]).writeto(path, output_verify="ignore")
    return path


@pytest.fixture
def image_of(tmp_path, look):
    """``image_of(array, …)``: the description of an image extension with these pixels."""
    def described(pixels, name="SCI", **keywords):
        unit = fits.ImageHDU(pixels, name=name)
        unit.header.update(keywords)
        return look(write(tmp_path / "image.fits", unit))["parts"][1]

    return described


@pytest.fixture
def table_of(tmp_path, look):
    """``table_of(columns)``: description of a table and the path of its file."""
    def described(*columns, kind=fits.BinTableHDU, **keywords):
        unit = kind.from_columns(columns, name="TAB")
        unit.header.update(keywords)
        path = write(tmp_path / "table.fits", unit)
        return look(path)["parts"][1], path

    return described


# ---- cards ---------------------------------------------------------------


def test_cards_keep_types_comments_and_long_texts(tmp_path, look):
    long = "words " * 40
    path = write(tmp_path / "a.fits", header=[
        ("COUNT", 3, "how many"), ("RATE", 1.5e-20), ("GOOD", True), ("NAME", "<b>&x</b>"),
        ("LONG", long), ("HIERARCH ESO LONG NAME", 7), ("NOTHING", None),
        ("HISTORY", "first"), ("HISTORY", "second"), ("COMMENT", "said")])
    cards = {card["keyword"]: card for card in look(path)["parts"][0]["cards"]}
    assert cards["COUNT"] == {"keyword": "COUNT", "value": 3, "comment": "how many",
                              "broken": False}
    assert cards["RATE"]["value"] == 1.5e-20 and cards["GOOD"]["value"] is True
    assert cards["NAME"]["value"] == "<b>&x</b>" and cards["LONG"]["value"] == long.rstrip()
    assert cards["ESO LONG NAME"]["value"] == 7 and cards["NOTHING"]["value"] is None
    assert cards["HISTORY"]["value"] == "first\nsecond" and cards["COMMENT"]["value"] == "said"


def test_a_card_that_is_not_standard_is_shown_as_it_stands(tmp_path, look):
    path = write(tmp_path / "a.fits", header=[("COUNT", 3)])
    content = path.read_bytes().replace(b"COUNT   =                    3",
                                        b"COUNT   = 'never closed       ")
    path.write_bytes(content)
    found = look(path)
    card = next(card for card in found["parts"][0]["cards"] if card["keyword"] == "COUNT")
    assert card["broken"] and "never closed" in card["value"]


# ---- images --------------------------------------------------------------


def test_statistics_of_an_image(image_of):
    pixels = np.arange(100, dtype=np.float32).reshape(10, 10)
    pixels[0, 0], pixels[0, 1] = np.nan, np.inf
    found = image_of(pixels, BUNIT="ELECTRONS")["image"]
    values = pixels[np.isfinite(pixels)].astype(float)
    numbers = found["statistics"]
    assert found["shape"] == [10, 10] and found["unit"] == "ELECTRONS"
    assert (numbers["count"], numbers["nan"], numbers["infinite"]) == (100, 1, 1)
    assert (numbers["minimum"], numbers["maximum"]) == (2, 99)
    assert numbers["mean"] == pytest.approx(values.mean())
    assert numbers["std"] == pytest.approx(values.std())
    assert numbers["median"] == np.median(values)
    assert numbers["sigma"] == pytest.approx(1.4826022 * np.median(abs(values - 50.5)))


@pytest.mark.parametrize("kind, limit", [("u1", 255), ("i2", 32767), ("u2", 65535),
                                         ("i4", 2**31 - 1), ("u4", 2**32 - 1), ("i8", 2**63 - 1),
                                         ("u8", 2**64 - 1), ("i1", 127)])
def test_integers_of_every_kind_keep_their_exact_extremes(image_of, kind, limit):
    pixels = np.full((4, 4), 7, dtype=kind)
    pixels[0, 0], pixels[1, 1] = limit, np.iinfo(kind).min
    numbers = image_of(pixels)["image"]["statistics"]
    assert numbers["minimum"] == np.iinfo(kind).min or kind in ("i8", "u8")
    assert numbers["maximum"] == pytest.approx(limit)
    assert (numbers["limit"], numbers["at_limit"], numbers["nan"]) == (limit, 1, 0)


def test_scaled_and_blank_integers(tmp_path, look):
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.array([[0, 1], [2, -99]], dtype=np.int16)))
    for keyword, value in {"BSCALE": 2.0, "BZERO": 10.0, "BLANK": -99}.items():
        fits.setval(path, keyword, value=value, ext=1)
    numbers = look(path)["parts"][1]["image"]["statistics"]
    assert (numbers["minimum"], numbers["maximum"], numbers["nan"]) == (10, 14, 1)


def test_pictures_are_drawn_for_light_and_dark_and_say_what_they_show(image_of, look):
    part = image_of(np.random.default_rng(1).normal(5, 1, (40, 60)), BUNIT="DN")
    picture = part["image"]["planes"][0]["picture"]
    assert "60 by 40 pixels" in picture["alt"] and "DN" in picture["alt"]
    for theme in ("light", "dark"):
        with Image.open(look.folder / f"{picture['name']}-{theme}.png") as drawn:
            assert drawn.size == (2 * picture["width"], 2 * picture["height"])
    assert part["image"]["histogram"]["alt"].startswith("Histogram of SCI")
    assert (look.folder / f"{part['image']['thumbnail']['name']}.png").is_file()


def test_flags_are_counted_by_bit(image_of):
    pixels = np.zeros((10, 10), dtype=np.int16)
    pixels[0, :5], pixels[1, :2], pixels[9, 9] = 4, 6, -32768
    flags = image_of(pixels, name="DQ")["image"]["flags"]
    assert flags["pixels"] == 8
    assert [(bit["bit"], bit["pixels"]) for bit in flags["bits"]] == [(1, 2), (2, 7), (15, 1)]


def test_nothing_but_nan_has_no_picture_and_says_so(image_of):
    image = image_of(np.full((5, 5), np.nan, dtype=np.float32))["image"]
    assert image["statistics"]["nan"] == 25 and image["statistics"]["mean"] is None
    assert "all are NaN" in image["note"] and not image["planes"]


@pytest.mark.parametrize("shape, planes", [((7,), 1), ((3, 4, 5), 3), ((2, 30, 4, 5), 6)])
def test_images_of_other_dimensions(image_of, shape, planes):
    pixels = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    image = image_of(pixels)["image"]
    assert len(image["planes"]) == planes
    assert image["statistics"]["maximum"] == pixels.max()
    if len(shape) == 4:
        assert image["planes"][-1]["index"] == "[*, *, 30, 2]" and image["medians"]


def test_complex_empty_constant_and_compressed_images(tmp_path, look):
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.full((3, 3), 2.5)),
                 fits.CompImageHDU(np.arange(400, dtype=np.int32).reshape(20, 20)),
                 fits.ImageHDU(np.empty((0, 5), dtype=np.float32)))
    constant, packed, empty = look(path)["parts"][1:]
    assert constant["image"]["note"] == "Every pixel has the value 2.5."
    assert packed["image"]["statistics"]["maximum"] == 399 and packed["image"]["planes"]
    assert empty["image"] is None or "no pixels" in empty["image"]["note"]


def test_an_image_that_stands_for_a_constant_is_explained(tmp_path, look):
    unit = fits.ImageHDU(name="ERR")
    unit.header.update(NPIX1=4144, NPIX2=2068, PIXVALUE=0.5)
    assert "4144 by 2068 pixels" in look(write(tmp_path / "a.fits", unit))["parts"][1]["note"]


HUGE = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {sources!r})
from contents import looking
from contents.drawing.gallery import Gallery
from contents.parts import Workshop
path = Path(sys.argv[1])
looking.describe(path.with_name("small.fits"), "small.fits", Workshop(Gallery(path.parent)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limit = 450 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
found = looking.describe(path, path.name, Workshop(Gallery(path.parent)))
print(found["parts"][0]["image"]["statistics"]["count"], found["faults"])
"""


def test_a_huge_image_takes_little_memory(tmp_path):
    """The file is sparse; the process may write to 450 MB in all, libraries included, and
    the pixels have 576 MB."""
    side = 12000
    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", side),
                          ("NAXIS2", side)])
    path = tmp_path / "huge.fits"
    with open(path, "wb") as file:
        file.write(header.tostring().encode())
        file.write(np.arange(1000, dtype=">f4").tobytes())
        file.truncate(2880 + -(-side * side * 4 // 2880) * 2880)
    write(tmp_path / "small.fits", fits.ImageHDU(np.eye(40)))
    script = HUGE.format(sources=str(CHECKOUT / "sources"))
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True,
                          text=True, timeout=300)
    assert done.stdout.split() == [str(side * side), "[]"], done.stderr[-2000:]


# ---- tables --------------------------------------------------------------


def test_columns_of_a_table(table_of):
    part, path = table_of(
        fits.Column("WAVELENGTH", "D", unit="nm", array=np.linspace(100, 200, 50)),
        fits.Column("FLUX", "E", array=np.where(np.arange(50) == 3, np.nan, np.arange(50))),
        fits.Column("NAME", "6A", array=np.array(["a<b>", "c"] * 25)),
        fits.Column("GOOD", "L", array=np.arange(50) % 2 == 0),
        fits.Column("COUNT", "J", array=np.arange(50), null=7),
        fits.Column("BITS", "11X", array=np.ones((50, 11), dtype=bool)))
    columns = {column["name"]: column for column in part["table"]["columns"]}
    assert columns["WAVELENGTH"]["unit"] == "nm" and columns["WAVELENGTH"]["maximum"] == 200
    assert (columns["FLUX"]["missing"], columns["COUNT"]["missing"]) == (1, 1)
    assert columns["NAME"]["distinct"] == 2 and columns["NAME"]["examples"] == ["a<b>", "c"]
    drawn = {each["column"]: each["picture"]["alt"] for each in part["table"]["pictures"]}
    assert set(drawn) == {"FLUX", "COUNT"} and "over WAVELENGTH (nm)" in drawn["FLUX"]
    first = rows.cells(path, part["table"]["layout"], 0, 1)[0]
    assert first == ["100", "0", "a<b>", "true", "0", "1" * 11]
    assert rows.cells(path, part["table"]["layout"], 7, 8)[0][4] == "\u2013"


def test_unsigned_scaled_complex_and_variable_columns(table_of):
    arrays = np.empty(2, dtype=object)
    arrays[:] = [np.arange(9, dtype=np.int16), np.array([5], dtype=np.int16)]
    part, path = table_of(
        fits.Column("U2", "I", bzero=2**15, array=np.array([0, 65535], dtype=np.uint16)),
        fits.Column("U4", "J", bzero=2**31, array=np.array([1, 2**32 - 1], dtype=np.uint32)),
        fits.Column("SCALED", "I", array=np.array([2, 5], dtype=np.int16)),
        fits.Column("C", "C", array=np.array([1 + 2j, 3 - 4j], dtype=np.complex64)),
        fits.Column("VARIABLE", "PI()", array=arrays),
        fits.Column("VECTOR", "6E", array=np.arange(12, dtype=np.float32).reshape(2, 6)),
        TSCAL3=0.5)
    assert rows.cells(path, part["table"]["layout"], 0, 2) == [
        ["0", "1", "1", "1 + 2i", "0, 1, 2, 3, \u2026 (9 values)", "0, 1, 2, 3, \u2026 (6 values)"],
        ["65535", "4294967295", "2.5", "3 - 4i", "5", "6, 7, 8, 9, \u2026 (6 values)"]]
    assert part["table"]["columns"][0]["maximum"] == 65535


@pytest.mark.parametrize("dims, shape", [("(2,3)", [3, 2]), ("(9,9)", [6]), ("(a", [6]), ("", [6]),
                                         ("(-2,-3)", [6]), ("(6)", [6])])
def test_dimensions_of_cells_that_make_no_sense_are_ignored(table_of, dims, shape):
    part, _ = table_of(fits.Column("V", "6E", array=np.ones((2, 6), dtype=np.float32)), TDIM1=dims)
    assert part["table"]["columns"][0]["shape"] == shape and not part["fault"]


def test_text_tables(table_of):
    part, path = table_of(fits.Column("X", "F8.3", array=[1.5, -2.25]),
                          fits.Column("N", "A5", array=["one", "two"]), kind=fits.TableHDU)
    assert rows.cells(path, part["table"]["layout"], 0, 2) == [["1.500", "one"], ["-2.250", "two"]]
    assert part["table"]["columns"][0]["minimum"] == -2.25


def test_a_table_without_rows_or_columns(tmp_path, look):
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(
        [fits.Column("A", "E"), fits.Column("B", "5A")], nrows=0), fits.BinTableHDU())
    empty, nothing = look(path)["parts"][1:]
    assert empty["table"]["rows"] == 0 and len(empty["table"]["columns"]) == 2
    assert nothing["table"]["columns"] == [] and not empty["fault"]


def test_vectors_become_lines_or_an_image(table_of):
    wave = np.tile(np.linspace(1, 2, 30), (3, 1))
    part, _ = table_of(fits.Column("FILTER", "5A", array=["F1", "F2", "F3"]),
                       fits.Column("WAVELENGTH", "30E", array=wave),
                       fits.Column("RESPONSE", "30E", array=wave ** 2))
    assert [each["column"] for each in part["table"]["pictures"]] == ["RESPONSE"]
    assert "3 curves" in part["table"]["pictures"][0]["picture"]["alt"]


def test_two_million_rows_are_read_in_blocks(tmp_path, look):
    count = 2_000_000
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(
        [fits.Column("MJD", "D", array=np.arange(count)),
         fits.Column("N", "J", array=np.arange(count) % 1000)]))
    part = look(path)["parts"][1]
    assert part["table"]["columns"][0]["maximum"] == count - 1
    assert rows.cells(path, part["table"]["layout"], count - 1, count + 5) == [
        [str(count - 1), "999"]]


# ---- what is broken ------------------------------------------------------


def cut(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)
    return path


def test_a_truncated_image_shows_what_is_there(tmp_path, look):
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.ones((100, 100), dtype=np.float32) * 3))
    found = look(cut(path, 2880 * 2 + 4 * 100 * 40 + 17))
    part = found["parts"][1]
    assert part["image"]["shape"] == [40, 100] and part["image"]["statistics"]["mean"] == 3
    assert "ends after 16,017 of the 40,000 bytes" in found["faults"][0]


def test_a_truncated_table_shows_its_whole_rows(tmp_path, look):
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(
        [fits.Column("A", "J", array=np.arange(1000))]))
    found = look(cut(path, 2880 * 2 + 4 * 10 + 1))
    assert found["parts"][1]["table"]["rows"] == 10
    assert "10 of the 1,000 rows" in found["faults"][0]


@pytest.mark.parametrize("content", [b"", b"not FITS at all", b"SIMPLE  =", b"\0" * 5000,
                                     b"SIMPLE  =                    T" + b" " * 2850])
def test_what_is_no_fits_file_is_said(tmp_path, look, content):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert look(path)["faults"]


@pytest.mark.parametrize("keyword, value", [
    ("NAXIS1", b"-5"), ("NAXIS2", b"999999999999"), ("TFIELDS", b"99"),
    ("NAXIS", b"77"), ("TFORM1", b"'Z'")])
def test_headers_that_lie_are_reported_and_the_rest_is_shown(tmp_path, look, keyword, value):
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(
        [fits.Column("A", "J", array=np.arange(10))]), header=[("KEEP", "me")])
    content = path.read_bytes()
    place = content.index(f"{keyword:<8}= ".encode(), 2880) + 10
    path.write_bytes(content[:place] + value.rjust(20) + content[place + 20:])
    found = look(path)
    assert found["faults"]
    assert any(card["keyword"] == "KEEP" for card in found["parts"][0]["cards"])


def test_changed_bytes_are_found_by_the_checksum(tmp_path, look):
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((9, 9)))]).writeto(path, checksum=True)
    assert not look(path)["faults"]
    content = bytearray(path.read_bytes())
    content[2880 * 2 + 3] ^= 1
    path.write_bytes(content)
    assert "DATASUM" in look(path)["faults"][0]


def test_compressed_files(tmp_path, look):
    plain = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(
        [fits.Column("A", "J", array=np.arange(300))]))
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = look(packed)["parts"][1]["table"]
    assert table["layout"] is None and len(table["first_rows"]) == 100
    packed.write_bytes(gzip.compress(plain.read_bytes())[:-40])
    assert "compression is broken" in look(packed)["faults"][0]


def test_every_real_file_is_read(test_data, look):
    broken = {"truncated.fits", "s7g1700gl_dead_bad_xsum.fits"}
    paths = sorted((test_data / "references").glob("*/*.fits"))
    assert len(paths) > 20
    for path in paths[::4] if len(paths) > 30 else paths[::3]:
        found = look(path)
        assert bool(found["faults"]) is (path.name in broken), (path.name, found["faults"])
        assert found["parts"][0]["cards"]


def test_flags_have_the_names_that_the_file_gives_them(tmp_path, look):
    names = fits.BinTableHDU(np.array([(0, 1, "DO_NOT_USE"), (4, 16, "HOT")], dtype=[
        ("BIT", "i4"), ("VALUE", "i4"), ("NAME", "S20")]), name="DQ_DEF")
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.array([[1, 17], [0, 2]], "i2"), name="DQ"),
                 names)
    bits = look(path)["parts"][1]["image"]["flags"]["bits"]
    assert [(bit["name"], bit["pixels"]) for bit in bits] == [
        ("DO_NOT_USE", 2), ("", 1), ("HOT", 1)]


def test_history_that_was_broken_into_cards_is_one_text_again(tmp_path, look):
    text = "This sentence of the history is longer than the seventy-two letters of one card."
    path = write(tmp_path / "a.fits", header=[("HISTORY", "Begin."), ("HISTORY", text),
                                              ("HISTORY", "End.")])
    card = next(card for card in look(path)["parts"][0]["cards"] if card["keyword"] == "HISTORY")
    assert card["value"] == f"Begin.\n{text}\nEnd."
