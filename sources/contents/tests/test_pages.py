"""Pages, rows, pictures and the REST API; each file is looked at once, by a job."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest
from astropy.io import fits
from django.db import connection
from django.utils import timezone

from contents import services, tasks
from interactive.models import CatalogFile, FileState, FileType
from interactive.services import store
from interactive.tests import catalogue
from jobs import execution, kept, leases
from jobs.models import Job, JobState

pytestmark = pytest.mark.django_db

NAME = "x1234567a_dark.fits"
HTML = {"HX-Request": "true"}


@pytest.fixture
def place(instance, tmp_path):
    """``place(name, content or HDUs)``: a published and stored file."""
    def placed(name, *content, state=FileState.LATEST):
        path = tmp_path / name
        if isinstance(content[0], bytes):
            path.write_bytes(content[0])
        else:
            fits.HDUList([fits.PrimaryHDU(), *content]).writeto(path)
        store.place(path, name)
        return CatalogFile.objects.create(
            name=name, observatory="hst", extension="." + name.rpartition(".")[2], state=state,
            stored=True, type=FileType.REFERENCE, size=path.stat().st_size,
            sha1sum=store.checksum(path), delivery_date=timezone.now())

    return placed


@pytest.fixture(scope="session")
def dark_file(tmp_path_factory):
    """A file with an image, a table and a header that would do harm if it were HTML."""
    image = fits.ImageHDU(np.random.default_rng(1).normal(3, 1, (30, 40)), name="SCI")
    image.header["EVIL"] = ("<script>alert(1)</script>", "<b>bold</b>")
    cube = fits.ImageHDU(np.arange(2400.0).reshape(4, 20, 30), name="CUBE")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("N", "J", array=np.arange(60)),
         fits.Column("T", "20A", array=["<img src=x>"] * 60)], name="ROWS")
    path = tmp_path_factory.mktemp("dark") / NAME
    fits.HDUList([fits.PrimaryHDU(), image, table, cube]).writeto(path)
    return path


@pytest.fixture
def dark(place, dark_file):
    return place(NAME, dark_file.read_bytes())


@pytest.fixture(scope="session")
def dark_looked_at(dark_file):
    """A folder with what the job makes of the file."""
    folder = dark_file.parent / "looked"
    folder.mkdir()
    tasks.write(dark_file, NAME, folder)
    return folder


@pytest.fixture
def made(dark, dark_looked_at):
    """The file, and what was made of it where it is kept."""
    target = kept._place("contents", services.key(dark))
    shutil.copytree(dark_looked_at, target)
    return dark


def work() -> Job:
    job = leases.claim("test")
    execution.run(job)
    job.refresh_from_db()
    return job


# ---- making --------------------------------------------------------------


def test_the_first_visit_submits_one_job_and_shows_progress(client, dark):
    for _ in range(2):
        page = client.get(f"/contents/{NAME}/")
        assert page.status_code == 200 and b"Looking into the file" in page.content
    assert f'hx-get="/contents/{NAME}/"'.encode() in page.content
    assert Job.objects.count() == 1
    assert work().state == JobState.DONE
    assert b"Statistics" in client.get(f"/contents/{NAME}/").content
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_one_job(dark):
    def ask(_):
        try:
            return services.obtain(CatalogFile.objects.get(name=NAME)).job.pk
        finally:
            connection.close()

    if connection.vendor == "sqlite":
        assert len({ask(0), ask(1)}) == 1
    else:
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(ask, range(4)))) == 1
    assert Job.objects.count() == 1


def test_a_maker_that_is_killed_leaves_nothing_half(dark, monkeypatch):
    monkeypatch.setattr(kept, "_flush", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
    services.obtain(dark)
    work()
    assert not services.find(dark).ready
    assert not [path for path in kept._place("contents", services.key(dark)).parent.parent.glob("*")
                if path.name.startswith(".making")]


def test_the_same_bytes_are_looked_at_once(made, place):
    path = store.location(NAME)
    assert services.find(place("y7654321a_dark.fits", path.read_bytes())).ready


# ---- the page ------------------------------------------------------------


def test_the_page_shows_cards_statistics_and_pictures_and_escapes_them(client, made):
    page = client.get(f"/contents/{NAME}/").content.decode()
    assert "EVIL" in page and "&lt;script&gt;alert(1)" in page and "&lt;b&gt;bold" in page
    assert "<script>alert" not in page and "<b>bold" not in page
    assert "40 \u00d7 30 float64" in page and "Robust sigma" in page
    assert f'/contents/{NAME}/pictures/e1-image-dark.png?v={services.VERSION}' in page
    assert 'media="screen and (prefers-color-scheme: dark)"' in page
    assert page.count('aria-current="true"') == 1
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|\son\w+=\"", page)


def test_parts_and_planes_are_chosen_in_the_address(client, made):
    assert "ROWS" in client.get(f"/contents/{NAME}/?part=2").content.decode()
    page = client.get(f"/contents/{NAME}/?part=3&plane=3").content.decode()
    assert "pictures/e3-image3-light.png" in page and "[*, *, 3]" in page


@pytest.mark.parametrize("query", ["part=99", "part=-1", "part=x", "part=1&plane=99",
                                   "part=" + "9" * 400, "plane=%00", "part=٣"])
def test_nonsense_in_the_address_shows_a_part_all_the_same(client, made, query):
    assert client.get(f"/contents/{NAME}/?{query}").status_code == 200


def test_htmx_gets_the_contents_without_the_page_around(client, made):
    page = client.get(f"/contents/{NAME}/?part=2", headers=HTML).content.decode()
    assert "<html" not in page and 'id="contents-body"' in page and 'hx-target="#rows"' in page


def test_the_file_page_loads_it_when_it_is_opened(made):
    from django.template.loader import render_to_string

    panel = render_to_string("contents/panel.html", {"file": made})
    assert f'hx-get="/contents/{NAME}/"' in panel and "toggle from:closest details" in panel


def test_trees_link_their_arrays_and_escape_their_values(client, place, tmp_path):
    import asdf

    asdf.AsdfFile({"a": {"evil": "<script>x</script>", "data": np.eye(9)}}).write_to(
        tmp_path / "t.asdf")
    row = place("roman_wfi_flat_0001.asdf", (tmp_path / "t.asdf").read_bytes())
    services.obtain(row)
    assert work().state == JobState.DONE
    page = client.get(f"/contents/{row.name}/").content.decode()
    assert "&lt;script&gt;x" in page and "<script>x" not in page
    assert f'href="/contents/{row.name}/?part=1#unit">array 9 \u00d7 9 float64' in page


@pytest.mark.parametrize("name, content", [
    ("a_bad.fits", b"SIMPLE  = nonsense"), ("b_bad.asdf", b"#ASDF 1.0.0\n--- [\n"),
    ("c_bad.json", b"{"), ("d_bad.text", b"\0\1"), ("e_bad.r1h", b"END")])
def test_broken_files_have_a_page_that_says_what_is_wrong(client, place, name, content):
    services.obtain(place(name, content))
    assert work().state == JobState.DONE
    page = client.get(f"/contents/{name}/")
    assert page.status_code == 200 and b"wrong with this file" in page.content


def test_a_file_that_is_not_stored_says_so(client, instance):
    catalogue.file(NAME, stored=False)
    page = client.get(f"/contents/{NAME}/")
    assert page.status_code == 200 and b"not stored here" in page.content
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["unknown.fits", "..%2f..%2fetc%2fpasswd", "%00", "x" * 300,
                                  quote("<script>"), "a%0ab.fits"])
def test_unknown_files_are_not_found(client, instance, name):
    response = client.get(f"/contents/{name}/")
    assert response.status_code == 404 and b"<script>" not in response.content


def test_files_that_are_not_published_are_not_found(client, made, place):
    secret = place("secret_dark.fits", store.location(NAME).read_bytes(), state=FileState.UPLOADED)
    assert services.find(secret).ready  # the same bytes as a published file
    for address in ("", "rows/2/", "pictures/e1-image-light.png"):
        assert client.get(f"/contents/{secret.name}/{address}").status_code == 404
    assert client.get(f"/api/v1/files/{secret.name}/contents").status_code == 404


# ---- rows ----------------------------------------------------------------


def test_rows_come_page_by_page(client, made):
    page = client.get(f"/contents/{NAME}/rows/2/?page=3").content.decode()
    assert "Rows 51 to 60 of 60" in page and ">59<" in page and "&lt;img src=x&gt;" in page
    part = client.get(f"/contents/{NAME}/rows/2/?page=2", headers=HTML).content.decode()
    assert "<html" not in part and "Rows 26 to 50 of 60" in part
    assert "Rows 51 to 60" in client.get(f"/contents/{NAME}/rows/2/?page=999").content.decode()


@pytest.mark.parametrize("part", [1, 77])
def test_rows_of_what_is_no_table_are_not_found(client, made, part):
    assert client.get(f"/contents/{NAME}/rows/{part}/").status_code == 404


# ---- pictures ------------------------------------------------------------


def test_pictures_may_be_kept_by_caches_for_ever(client, made):
    address = f"/contents/{NAME}/pictures/e1-image-light.png"
    response = client.get(address)
    assert response["Content-Type"] == "image/png" and response["ETag"].startswith('"')
    assert "immutable" in response["Cache-Control"] and "max-age=31536000" in response[
        "Cache-Control"]
    assert b"".join(response.streaming_content).startswith(b"\x89PNG")
    again = client.get(address, headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["..%2fresult", "../result", "e9-image-light", "result.json%00",
                                  "%2e%2e%2f%2e%2e%2fdb", "E1", "e1-image-light.png/../x"])
def test_other_pictures_are_not_found(client, made, name):
    assert client.get(f"/contents/{NAME}/pictures/{name}.png").status_code == 404


# ---- REST ----------------------------------------------------------------


def test_the_rest_answer_is_202_until_it_is_made(client, dark):
    address = f"/api/v1/files/{NAME}/contents"
    waiting = client.get(address)
    assert waiting.status_code == 202 and waiting.json()["state"] == "queued"
    work()
    found = client.get(address).json()
    assert [part["kind"] for part in found["parts"]] == ["header", "image", "table", "image"]
    assert found["parts"][1]["image"]["statistics"]["count"] == 1200
    cards = {card["keyword"]: card["value"] for card in found["parts"][0]["cards"]}
    assert cards["SIMPLE"] is True and cards["BITPIX"] == 8
    assert found["parts"][2]["table"]["columns"][0]["maximum"] == 59
    assert len(found["parts"][2]["table"]["first_rows"]) == 10


def test_rest_errors_are_readable(client, instance):
    assert client.get("/api/v1/files/nothing.fits/contents").status_code == 404
    catalogue.file(NAME, stored=False)
    response = client.get(f"/api/v1/files/{NAME}/contents")
    assert response.status_code == 404 and "not stored here" in response.json()["detail"]


# ---- queries -------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "?part=2", "rows/2/", "pictures/e1-image-dark.png"])
def test_pages_take_few_queries(client, made, django_assert_max_num_queries, address):
    with django_assert_max_num_queries(6):
        assert client.get(f"/contents/{NAME}/{address}").status_code == 200
