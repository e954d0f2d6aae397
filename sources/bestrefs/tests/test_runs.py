"""``manage bestrefs``: headers in files, answers in lines, runs that were stopped."""

from __future__ import annotations

import csv
import gzip
import json

import pytest
from crds.core import rmap, utils
from django.core.management import call_command
from django.core.management.base import CommandError

from bestrefs.services import header_files, runs
from common.errors import BadRequest, ServiceError
from rules import environment, headers, selection
from rules.bulk.workers import Task

COUNT = 60


@pytest.fixture
def cache(demo_cache, monkeypatch):
    """The demonstration's cache, at which the library points meanwhile."""
    for name in environment.LIBRARY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = demo_cache("hst")
    for name, value in environment.library_variables("hst", folder).items():
        monkeypatch.setenv(name, value)
    environment.prepare("hst", folder)
    utils.clear_function_caches()
    yield folder
    utils.clear_function_caches()


@pytest.fixture
def made(cache):
    """Context and headers by id."""
    context = rmap.get_cached_mapping("hst_0005.pmap")
    found = [header for name in ("acs", "cos", "wfc3")
             for header in headers.generate(context, name, COUNT // 3, 3)]
    return context.basename, {f"J{number:04d}:J{number:04d}": header
                              for number, header in enumerate(found)}


@pytest.fixture
def bestrefs(cache, tmp_path):
    """Runs as the command does: ``bestrefs(context, headers, output, types=…)``."""
    def run(context, path, output, types=(), **options):
        task = Task("hst", str(cache), str(tmp_path / "kept"), context, tuple(types))
        return runs.run(task, path, output, **options)

    return run


@pytest.fixture
def small(monkeypatch):
    """Batches of a few headers."""
    monkeypatch.setattr(header_files, "AT_ONCE", 7)


def write_lines(path, headers_):
    path.write_text("".join(json.dumps({key: header}) + "\n" for key, header in headers_.items()))
    return path


def read(path) -> dict:
    return {line["id"]: line.get("references", line.get("error"))
            for line in map(json.loads, path.read_text().splitlines())}


def expected(context, headers_) -> dict:
    rule = rmap.get_cached_mapping(context)
    return {key: selection.select(rule, header) for key, header in headers_.items()}


def test_every_form_gives_the_same(made, small, tmp_path, bestrefs):
    context, found = made
    wanted = expected(context, found)
    (tmp_path / "big.json").write_text(json.dumps(found, indent=1))
    with gzip.open(tmp_path / "lines.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps({key: header}) + "\n" for key, header in found.items())
    names = sorted({key for header in found.values() for key in header})
    with open(tmp_path / "table.csv", "w", newline="") as stream:
        table = csv.DictWriter(stream, ["ID", *names])
        table.writeheader()
        table.writerows({"ID": key, **header} for key, header in found.items())
    write_lines(tmp_path / "lines.json", found)
    for name in ("lines.json", "big.json", "lines.jsonl.gz", "table.csv"):
        done = bestrefs(context, tmp_path / name, tmp_path / "out.jsonl", restart=True)
        assert (done.headers, done.errors) == (COUNT, 0)
        assert read(tmp_path / "out.jsonl") == wanted, name
        assert not list(tmp_path.glob("*.progress"))


def test_parquet(made, tmp_path, bestrefs):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    context, found = made
    names = sorted({key for header in found.values() for key in header})
    parquet.write_table(pyarrow.table({
        "id": list(found),
        **{name: [header.get(name) for header in found.values()] for name in names}}),
        tmp_path / "table.parquet")
    bestrefs(context, tmp_path / "table.parquet", tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl") == expected(context, found)


def test_workers_give_what_one_process_gives(made, small, tmp_path, bestrefs):
    context, found = made
    path = write_lines(tmp_path / "lines.json", found)
    bestrefs(context, path, tmp_path / "out.jsonl", ["darkfile"], processes=2)
    assert read(tmp_path / "out.jsonl") == {
        key: {kind: answer for kind, answer in references.items() if kind == "darkfile"}
        or {"darkfile": "NOT FOUND Unknown reference type 'darkfile'"}
        for key, references in expected(context, found).items()}


def test_a_stopped_run_goes_on(made, small, tmp_path, bestrefs):
    context, found = made
    path, output = write_lines(tmp_path / "lines.json", found), tmp_path / "out.jsonl"
    seen = []

    def stop_at_third(done):
        seen.append(done.headers)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bestrefs(context, path, output, progress=stop_at_third)
    # A kill in the middle of a write leaves part of a line.
    with open(output, "a") as stream:
        stream.write('{"id": "J00')
    with pytest.raises(BadRequest, match="other types"):
        bestrefs(context, path, output, ["darkfile"])
    again = []
    done = bestrefs(context, path, output, progress=lambda done: again.append(done.headers))
    assert again[0] == 28 and done.headers == COUNT
    assert list(read(output)) == list(found)
    assert read(output) == expected(context, found)
    with pytest.raises(BadRequest, match="no run of it was stopped"):
        bestrefs(context, path, output)


def test_bad_headers_and_lines_never_stop_a_run(made, tmp_path, bestrefs):
    context, found = made
    first = next(iter(found.values()))
    lines = [
        {"A:A": first}, {"B:B": {}}, {"C:C": {**first, "INSTRUME": "NOSUCH"}}, {"D:D": ["no"]},
        {"F:F": {**first, "INSTRUME": ["ACS"]}},
        {"E:E": {**first, "CCDGAIN": None, "NAXIS1": 1062, "SUBARRAY": True, "CCDAMP": ["A"]}}]
    path = tmp_path / "lines.json"
    texts = [json.dumps(line) for line in lines]
    path.write_text("\n".join([*texts[:3], "{not json", "", "[1]", *texts[3:], ""]))
    done = bestrefs(context, path, tmp_path / "out.jsonl")
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    by_id = {answer.get("id", answer.get("line")): answer for answer in answers}
    assert by_id["A:A"]["references"] == expected(context, {"A:A": first})["A:A"]
    assert "Missing 'INSTRUME' keyword" in by_id["B:B"]["error"]
    assert by_id["C:C"]["error"].startswith("Unknown instrument 'nosuch'")
    assert "no object" in by_id["D:D"]["error"]
    assert by_id["E:E"]["references"]["biasfile"]
    assert "no object" in by_id[4]["error"] and "no object" in by_id[6]["error"]
    assert by_id["F:F"]["error"].startswith("Unknown instrument \"['acs']\"")
    assert (done.headers, done.errors) == (8, 6)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("nothing.json", None, "there is no such file"),
    ("headers.txt", "x", "the name must end in"),
    ("table.csv", "INSTRUME,DETECTOR\nACS,WFC\n", "a column 'id'"),
    ("table.parquet", "x", "cannot be read"),
    ("list.json", "[1, 2]", "an object"),
])
def test_files_that_cannot_be_read(name, content, message, tmp_path, bestrefs):
    if content is not None:
        (tmp_path / name).write_text(content)
    (tmp_path / "out.jsonl").write_text("kept\n")
    with pytest.raises(ServiceError, match=message):
        bestrefs("hst_0005.pmap", tmp_path / name, tmp_path / "out.jsonl", restart=True)
    assert (tmp_path / "out.jsonl").read_text() == "kept\n"


def test_the_command(hst_demo, tmp_path, capsys):
    header = {"INSTRUME": "ACS", "DETECTOR": "WFC", "DATE-OBS": "2010-01-01",
              "TIME-OBS": "yesterday"}
    path = write_lines(tmp_path / "lines.json", {"J1:J1": header})
    options = ["--headers", str(path), "--output", str(tmp_path / "out.jsonl")]
    call_command("bestrefs", "--context", "hst-latest", *options)
    latest = hst_demo.latest
    assert read(tmp_path / "out.jsonl") == {"J1:J1": selection.best_references(latest, header)}
    said = capsys.readouterr().out
    assert "1 headers, 0 without an answer" in said
    assert "the library itself answered" in said and "date cannot be read" in said
    with pytest.raises(CommandError, match="--restart"):
        call_command("bestrefs", "--context", "hst-latest", *options)
    with pytest.raises(CommandError, match="hst_9999"):
        call_command("bestrefs", "--context", "hst_9999.pmap", *options)
