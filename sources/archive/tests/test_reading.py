"""The JSON form of dataset parameters, and the command that loads it."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc

import pytest
from django.core.management import CommandError, call_command

from archive import reading, services
from archive.models import Dataset
from rules import environment

from .conftest import ACS, COS

HEADERS = {"JCL403010:JCL403ECQ": ACS, "LCE31SW6Q": COS, "JBANJOF3Q:JBANJOF3Q": ACS}
KEYS = [("JCL403010", "JCL403ECQ"), ("LCE31SW6Q", "LCE31SW6Q"), ("JBANJOF3Q", "JBANJOF3Q")]


def lines(headers=HEADERS):
    return "".join(json.dumps({name: header}) + "\n" for name, header in headers.items())


FORMS = {
    "lines": lines(),
    "lines without a last end": lines().rstrip(),
    "blank lines": "\n\n" + lines().replace("\n", "\n\n") + "  \n",
    "several ids on a line": lines() + "{}\n",
    "one big object": json.dumps(HEADERS),
    "one big object, written wide": json.dumps(HEADERS, indent=4),
    "lines of Windows": lines().replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + lines(),
}


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
@pytest.mark.parametrize("form", FORMS)
def test_all_forms_read_alike(tmp_path, form, piece, monkeypatch):
    monkeypatch.setattr(reading, "_PIECE", piece)
    path = tmp_path / "x.json"
    path.write_text(FORMS[form], encoding="utf-8", newline="")
    items = list(reading.read(path))
    assert [(item.product, item.exposure) for item in items] == KEYS
    assert [item.header for item in items] == list(HEADERS.values())


def test_reads_what_the_library_reads(tmp_path):
    paths = []
    for form in ("lines", "one big object", "one big object, written wide"):
        paths.append(tmp_path / f"{form}.json")
        paths[-1].write_text(FORMS[form])
    for path, theirs in zip(paths, read_by_library(tmp_path, paths), strict=True):
        assert [item.header for item in reading.read(path)] == list(theirs.values())


def read_by_library(cache, paths):
    """The headers as the client's own reader finds them; in a process of its own, because
    the library keeps its settings for as long as the process lives."""
    program = ("import json, sys; from crds.bestrefs.headers import load_bestrefs_headers as f;"
               "print(json.dumps([f(path) for path in sys.argv[1:]]))")
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True,
        timeout=120, check=True,
        env={**os.environ, **environment.library_variables("hst", cache)})
    return json.loads(done.stdout.splitlines()[-1])


def test_compressed_files_and_folders(tmp_path):
    with gzip.open(tmp_path / "b.json.gz", "wt") as stream:
        stream.write(lines({"LCE31SW6Q": COS}))
    (tmp_path / "a.json").write_text(lines({"JBANJOF3Q": ACS}))
    (tmp_path / "notes.txt").write_text("not for us")
    items = list(reading.read(tmp_path))
    assert [item.product for item in items] == ["JBANJOF3Q", "LCE31SW6Q"]
    assert items[0].place == f"{tmp_path / 'a.json'}:1"


def test_places_are_lines_of_the_file(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("\n" + lines() + json.dumps({"A": ACS, "B": ACS}, indent=1))
    places = [item.place.rpartition(":")[2] for item in reading.read(path)]
    assert places == ["2", "3", "4", "6", "12"]


@pytest.mark.parametrize("text, line, why", [
    (lines() + "{nonsense}\n", 4, "double quotes"),
    (lines() + "[1, 2]\n", 4, "an object"),
    (lines() + '{"A" {}}\n', 4, "colon"),
    (lines() + '{"A": {"B": "C"', 4, "not JSON"),
    (lines() + '{"A": {"B": "C"}', 4, "ends"),
    (lines() + '{"A": {"B": ' + "1" * 5000 + "}}", 4, "not JSON"),
    (lines() + '{"A": {"B": "C"}} x', 4, "an object"),
    ('{"A": {\n"B": nope}}\n' + lines(), 2, "not JSON"),
    (lines() * 3 + '{"A": {\n"B": "C",\n"D": nope}}\n' + lines(), 12, "not JSON"),
    ('{"A": {"B": "C"},\n}', 2, "double quotes"),
    ('{"A": ' + "[" * 100_000, 1, "nested"),
])
@pytest.mark.parametrize("piece", [5, 1 << 16])
def test_a_broken_file_is_told_with_its_line(tmp_path, text, line, why, piece, monkeypatch):
    monkeypatch.setattr(reading, "_PIECE", piece)
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(reading.ReadingError) as caught:
        list(reading.read(path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert why in str(caught.value)


@pytest.mark.parametrize("name, content, why", [
    ("x.json", b'{"A": {"B": "\xff\xfe"}}', "UTF-8"),
    ("x.json.gz", b"no gzip", "cannot be read"),
    ("x.json.gz", gzip.compress(lines().encode())[:-12], "cannot be read"),
    ("x.pkl", b"", "pickles"),
    ("x.txt", b"", "must end in"),
])
def test_files_that_cannot_be_read(tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(reading.ReadingError, match=why):
        list(reading.read(path))


def test_missing_file_and_empty_folder(tmp_path):
    with pytest.raises(reading.ReadingError, match="No such file"):
        list(reading.read(tmp_path / "none.json"))
    with pytest.raises(reading.ReadingError, match="no file ending in"):
        list(reading.read(tmp_path))


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "big.json"
    header = json.dumps({**ACS, "FILLER": "x" * 1000})
    with path.open("w") as stream:  # one object on one line, the worst of forms
        stream.write("{" + ", ".join(f'"J{n}": {header}' for n in range(20_000)) + "}")
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in reading.read(path)) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


# ---- command -------------------------------------------------------------


@pytest.fixture
def load(settings, db, capsys):
    settings.CRDS_OBSERVATORY = "hst"
    settings.ARCHIVE_SCHEMA = None

    def run(*arguments):
        call_command("load_datasets", *map(str, arguments))
        return capsys.readouterr()

    return run


@pytest.mark.django_db(databases=["default", "archive"])
def test_command_loads_and_sums_up(load, tmp_path):
    (tmp_path / "x.json").write_text(lines())
    assert "3 read: 3 added" in load(tmp_path / "x.json").out
    assert "3 unchanged" in load(tmp_path / "x.json").out
    assert services.find(["LCE31SW6Q"])["LCE31SW6Q"][0].source == "x.json"


@pytest.mark.django_db(databases=["default", "archive"])
def test_command_names_what_it_did_not_load(load, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(lines() + '{"BAD ID": {"INSTRUME": "ACS"}}\n{"A": "gone"}\n')
    output = load(path)
    assert "3 added" in output.out and "2 not loaded" in output.out
    assert f"{path}:4: BAD ID:BAD ID" in output.err and f"{path}:5: A:A" in output.err


@pytest.mark.django_db(databases=["default", "archive"])
def test_command_instrument_and_keep(load, tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"A": {"DETECTOR": "FUV"}}')
    load(path, "--instrument", "cos")
    path.write_text('{"A": {"DETECTOR": "NUV"}}')
    assert "1 kept" in load(path, "--instrument", "cos", "--keep").out
    assert services.lookup("A")[0][1]["DETECTOR"] == "FUV"


@pytest.mark.django_db(databases=["default", "archive"])
def test_command_checks_all_names_before_it_loads(load, tmp_path):
    (tmp_path / "x.json").write_text(lines())
    with pytest.raises(CommandError, match=r"none\.json: there is no such file"):
        load(tmp_path / "x.json", tmp_path / "none.json")
    assert not Dataset.objects.exists()


@pytest.mark.django_db(databases=["default", "archive"])
def test_command_with_a_broken_file_says_where(load, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(lines() + "broken")
    with pytest.raises(CommandError, match=r"x\.json:4: "):
        load(path)


@pytest.mark.django_db(databases=["default", "archive"])
def test_status_command(load, tmp_path, capsys):
    (tmp_path / "x.json").write_text(lines())
    load(tmp_path / "x.json")
    call_command("archive_status")
    output = capsys.readouterr().out
    assert "own tables" in output
    assert ["ACS", "2", "2010-01-31", "01:07:14", "2010-01-31", "01:07:14"] in [
        line.split() for line in output.splitlines()]
    assert "total" in output
