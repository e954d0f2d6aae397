"""Headers read in a real browser: never the data, and just as astropy reads them."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from astropy.io import fits

from bestrefs.services import reading
from tests.live import LiveServer
from tests.visiting import chromium

HEADER = ("INSTRUME", "ACS"), ("DETECTOR", "WFC"), ("DATE-OBS", "2012-01-01"), (
    "TIME-OBS", "01:02:03"), ("CCDAMP", "ABCD"), ("CCDGAIN", 2.0)


@pytest.fixture(scope="module")
def server(make_instance):
    with LiveServer(make_instance("hst", "demo"), "hst") as live:
        yield live


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser, server):
    """A page of the server; ``page.sent`` are the bytes of the bodies that it posted."""
    opened = browser.new_page(base_url=server.url)
    opened.sent = []
    opened.problems = []
    opened.on("request", lambda request: opened.sent.append(
        len(request.post_data_buffer or b"")) if request.method == "POST" else None)
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    yield opened
    opened.close()
    assert not opened.problems


def choose(page, *paths) -> str:
    """Choose files on the page, wait until their headers are read, and return what it says."""
    page.set_input_files("input[type=file]:not([name])", [str(path) for path in paths])
    page.wait_for_selector("form[data-state=read]")
    return page.inner_text("[data-reading]")


def sparse(path, size: int = 2**30):
    """A FITS file with ``size`` bytes of data that take no room, and an extension behind them."""
    primary = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 1), ("NAXIS1", size),
                           ("EXTEND", True), *HEADER])
    extension = fits.ImageHDU(np.zeros((4, 4), np.int16), name="SCI", ver=2)
    extension.header["LTV1"] = 24.0
    with open(path, "wb") as file:
        file.write(primary.tostring().encode())
        file.seek(-(-size // 2880) * 2880, 1)
        file.write(extension.header.tostring().encode() + b"\0" * 2880)
    return path


def test_a_gigabyte_is_not_sent(page, tmp_path):
    path = sparse(tmp_path / "large_raw.fits")
    assert path.stat().st_size > 2**30
    page.goto("/bestrefs/")
    said = choose(page, path)
    assert "FITS with 2 headers" in said and "of 1024.0 MB will be sent" in said
    page.click("form[data-headers] button[type=submit]")
    page.wait_for_url("**/bestrefs/?name=large_raw.fits*")
    assert page.sent and sum(page.sent) < 10_000
    assert "LTV1=24.0" in page.url and "CCDAMP=ABCD" in page.url
    assert page.locator(".outputs tbody tr").count() > 10


def test_one_extension_is_chosen(page, tmp_path):
    path = sparse(tmp_path / "x.fits", 10_000)
    page.goto("/bestrefs/")
    choose(page, path)
    offered = page.locator("#header-extensions option").evaluate_all("all => all.map(o => o.value)")
    assert offered == ["0", "SCI,2"]
    page.fill("#header-extension", "0")
    page.click("form[data-headers] button[type=submit]")
    page.wait_for_url("**/bestrefs/?name=x.fits*")
    assert "LTV1" not in page.url and "CCDGAIN=2.0" in page.url


def made_files(folder):
    """FITS files of every structure whose headers are hard to find."""
    table = fits.BinTableHDU.from_columns([
        fits.Column("a", "PJ()", array=np.array([[1, 2], [3], [4, 5, 6]], dtype=object)),
        fits.Column("b", "20A", array=["x", "y", "z"])], name="EVENTS")
    compressed = fits.CompImageHDU(np.arange(90_000, dtype=np.int32).reshape(300, 300), name="PIX")
    primary = fits.PrimaryHDU(np.zeros((7, 11), np.float32))
    primary.header.extend([*HEADER])
    primary.header["HIERARCH ESO DET CHIP NAME"] = "it's"
    primary.header["LONGTEXT"] = "long " * 60
    primary.header["NOVALUE"] = None
    primary.header["LOGICAL"] = False
    for n in range(200):
        primary.header[f"KEY{n}"] = (n / 7, "a comment with END in it")
    primary.header["HISTORY"] = "END"
    fits.HDUList([primary, table, compressed, fits.ImageHDU(name="SCI", ver=3)]).writeto(
        folder / "units.fits")
    groups = fits.GroupsHDU(fits.GroupData(
        np.zeros((5, 1, 3, 4), np.float32), parnames=["U", "V"],
        pardata=[np.zeros(5), np.zeros(5)], bitpix=-32))
    fits.HDUList([groups, fits.ImageHDU(np.zeros(3), name="AFTER")]).writeto(
        folder / "groups.fits")
    plain = (folder / "units.fits").read_bytes()
    (folder / "units.fits.gz").write_bytes(gzip.compress(plain, 1))
    return [folder / name for name in ("units.fits", "groups.fits", "units.fits.gz")]


def test_headers_are_those_that_astropy_reads(page, tmp_path, test_data):
    files = [*made_files(tmp_path), *sorted(test_data.glob("datasets/hst/*.fits"))[:1],
             *(path for path in sorted(test_data.glob("references/*/*.fits"))
               if path.name != "truncated.fits")]
    page.goto("/bestrefs/")
    compared = 0
    for path in files:
        choose(page, path)
        ours = reading.read(page.input_value("#header-header"))
        with fits.open(path, disable_image_compression=True) as units:
            assert len(ours.parts) == len(units), path.name
            for part, unit in zip(ours.parts, units, strict=True):
                expected: dict[str, str] = {}
                for card in unit.header.cards:
                    card.verify("silentfix")
                    if card.keyword and card.keyword not in ("COMMENT", "HISTORY"):
                        value = ("UNDEFINED" if isinstance(card.value, fits.card.Undefined)
                                 else str(card.value).strip())
                        expected.setdefault(card.keyword.upper(), value)
                assert part.header == expected, (path.name, part.label)
                compared += len(expected)
    assert len(files) > 20 and compared > 1500


def test_what_follows_the_last_unit_is_left_alone(page, tmp_path):
    units = made_files(tmp_path)[0]
    page.goto("/bestrefs/")
    choose(page, units)
    expected = page.input_value("#header-header")
    (tmp_path / "records.fits").write_bytes(units.read_bytes() + b"special".ljust(2880))
    choose(page, tmp_path / "records.fits")
    assert page.input_value("#header-header") == expected
    (tmp_path / "cut.fits").write_bytes(units.read_bytes()[:-4000])
    choose(page, tmp_path / "cut.fits")
    assert expected.startswith(page.input_value("#header-header").removesuffix("\nEND"))


def test_other_formats_and_what_is_none(page, tmp_path):
    page.goto("/bestrefs/")
    asdf = tmp_path / "x.asdf"
    asdf.write_bytes("#ASDF 1.0.0\n%YAML 1.1\n--- !core\nmeta: {name: é}\n...\n".encode()
                     + b"\xd3BLK" + bytes(200_000))
    assert choose(page, asdf).startswith("ASDF")
    text = page.input_value("#header-header")
    assert text.endswith("name: é}\n...\n")
    (tmp_path / "x.json").write_text(json.dumps({"INSTRUME": "ACS"}))
    assert choose(page, tmp_path / "x.json").startswith("JSON")
    for name, content, reason in [
            ("noise.bin", bytes(range(256)) * 40, "neither FITS nor ASDF nor text"),
            ("large.dat", b"a" * 9_000_000, "larger than 8 MB"),
            ("broken.gz", b"\x1f\x8b\x08\x00" + b"x" * 100, "cannot be unpacked"),
            ("open.fits", b"SIMPLE  =" + b" " * 5_000_000, "has no end"),
            ("empty.fits", b"", "")]:
        (tmp_path / name).write_bytes(content)
        said = choose(page, tmp_path / name)
        assert reason in said, (name, said)
        assert not page.input_value("#header-header")


def test_many_files_are_answered_at_once(page, tmp_path):
    for name in ("a", "b"):
        sparse(tmp_path / f"{name}.fits", 50_000_000)
    (tmp_path / "c.bin").write_bytes(b"\0" * 100)
    page.goto("/bestrefs/many/")
    said = choose(page, *(tmp_path / name for name in ("a.fits", "b.fits", "c.bin")))
    assert "Headers of 2 files" in said and "Not read: c.bin" in said
    page.click("form[data-headers] button[type=submit]")
    page.wait_for_selector("h1:has-text('Best references of 2 datasets')")
    assert sum(page.sent) < 20_000
    with page.expect_download() as download:
        page.click("button:has-text('Download script')")
    assert download.value.suggested_filename == "fetch_references.sh"


def test_tables_are_sorted_in_place_and_choosers_follow(page):
    page.goto("/bestrefs/many/?ids=JCL403010,JBANJOF3Q,JA9553LVQ")
    first = page.locator(".matrix tbody th").first
    page.click(".matrix button.sort >> nth=0")
    lowest = first.inner_text()
    page.click(".matrix button.sort >> nth=0")
    assert lowest == "JA9553LVQ" and first.inner_text() == "JCL403010:JCL403AJQ"
    assert page.locator("th[aria-sort=descending]").count() == 1 and not page.sent
    page.goto("/bestrefs/")
    page.click("details.chooser >> nth=0")
    page.fill("input[name=pmap_text] >> nth=0", "hst_0001.pmap")
    assert page.is_checked("#dataset-context-pmap_text")
    assert "hst_0001.pmap (User specified context)" in page.inner_text(".chooser-shown >> nth=0")
    page.fill("#dataset-id", "JBANJOF3Q")
    page.keyboard.press("Enter")
    page.wait_for_url("**/bestrefs/?id=JBANJOF3Q&context=hst_0001.pmap")
