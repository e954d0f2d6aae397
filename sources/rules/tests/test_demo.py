"""The demonstration caches: complete, sound, the same every time, and useful."""

from __future__ import annotations

import ast
import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from rules import headers
from rules.demo import build_demo_cache
from rules.demo.plans import PLANS
from rules.tests.loaded import load

OBSERVATORIES = ("hst", "jwst", "roman", "tobs")


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """Demonstration caches of all observatories with their summaries."""
    root = tmp_path_factory.mktemp("demo")
    return {name: (root / name, build_demo_cache(name, root / name)) for name in OBSERVATORIES}


@pytest.fixture(params=OBSERVATORIES)
def cache(request, caches, library):
    """(observatory, folder, summary), with the library pointed at the folder."""
    observatory = request.param
    folder, summary = caches[observatory]
    library(observatory, folder)
    return observatory, folder, summary


def server_config(folder: Path, observatory: str) -> dict:
    text = (folder / "config" / observatory / "server_config").read_text(encoding="utf-8")
    return ast.literal_eval(text)


def test_every_context_loads_and_validates(cache):
    from crds.core import log, rmap

    observatory, _, summary = cache
    assert len(summary.contexts) == len(PLANS[observatory].steps)
    before = (log.errors(), log.warnings())
    names = set()
    for context in summary.contexts:
        names.update(load(context).mapping_names())
    assert len(names) == summary.mappings
    for name in sorted(names):
        rmap.load_mapping(name).validate_mapping()
    assert (log.errors(), log.warnings()) == before


def test_rule_files_follow_the_grammar(cache):
    """A sample, because the library's parser is slow."""
    from crds.certify import mapping_parser

    observatory, folder, _ = cache
    paths = sorted((folder / "mappings" / observatory).iterdir())
    wanted = [path for path in paths if "xtractab" in path.name or "calver" in path.name]
    for path in paths[::90] + wanted[:1]:
        assert mapping_parser.parse_mapping(str(path)) is not None, path.name


def test_metadata_describes_the_files(cache):
    from crds.client import proxy

    observatory, folder, summary = cache
    config = server_config(folder, observatory)
    metadata = proxy.crds_decode(config["download_metadata"])
    on_disk = {
        path.name: path
        for kind in ("mappings", "references")
        for path in (folder / kind / observatory).iterdir()
    }
    assert set(metadata) == set(on_disk)
    assert len(metadata) == summary.mappings + summary.references
    for name, item in metadata.items():
        content = on_disk[name].read_bytes()
        assert item == {
            "size": str(len(content)), "sha1sum": hashlib.sha1(content).hexdigest()
        }, name


def test_rules_name_stored_references(cache):
    observatory, folder, summary = cache
    stored = {path.name for path in (folder / "references" / observatory).iterdir()}
    for context in summary.contexts:
        assert set(load(context).reference_names()) <= stored, context


def test_names_are_derived_and_of_their_kind(cache):
    observatory, folder, _ = cache
    from crds.core import config, rmap

    names = {path.name for path in (folder / "mappings" / observatory).iterdir()}
    for name in names:
        mapping = rmap.load_mapping(name)
        assert mapping.name == name.lower()
        serial = int(name.split("_")[-1].split(".")[0])
        derived = mapping.derived_from
        if serial == 1:
            assert "generated" in derived
        else:
            assert derived in names
    for path in (folder / "references" / observatory).iterdir():
        assert config.is_reference(path.name), path.name
        assert config.FILE_RE.match(path.name), path.name


def test_configuration_tells_a_history(cache):
    observatory, folder, summary = cache
    config = server_config(folder, observatory)
    assert config["observatory"] == observatory
    assert config["latest_context"] == config["operational_context"] == summary.contexts[-2]
    assert config["edit_context"] == summary.contexts[-1]
    dates = [date for date, _, _ in config["context_history"]]
    assert dates == sorted(dates, reverse=True) and len(dates) >= 3
    assert config["context_history"][0][1] == summary.latest_context
    assert all(description.endswith(".") for _, _, description in config["context_history"])
    bad = config["bad_files_list"]
    text = (folder / "config" / observatory / "bad_files.txt").read_text().split()
    assert bad and bad == text
    assert not set(bad) & set(load(summary.latest_context).reference_names())
    assert any(set(bad) <= set(load(name).reference_names()) for name in summary.contexts[:-2])


def test_steps_change_rules(cache):
    _, _, summary = cache
    names = [set(load(context).mapping_names()) for context in summary.contexts]
    for older, newer in pairwise(names):
        changed = {name for name in newer - older if name.endswith(".rmap")}
        assert changed
        assert len(newer - older) < 10, "a step must change a few rules only"


def test_every_instrument_and_type_has_rules(cache):
    from crds.core import utils

    observatory, _, summary = cache
    package = utils.get_observatory_package(observatory)
    latest = load(summary.latest_context)
    wanted = set(package.INSTRUMENTS) - {"all"}
    assert set(latest.selections.keys()) == wanted
    for instrument in wanted:
        kinds = set(latest.get_imap(instrument).get_filekinds())
        known = set(package.TYPES.get_filekinds(instrument)) - {"all"}
        assert {kind.lower() for kind in kinds} == known


def test_same_bytes_every_time(caches, tmp_path):
    for observatory in ("hst", "roman"):
        folder, _ = caches[observatory]
        build_demo_cache(observatory, tmp_path / observatory)
        first = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
        again = tmp_path / observatory
        second = {p.relative_to(again): p for p in again.rglob("*") if p.is_file()}
        assert first.keys() == second.keys()
        differing = [
            str(name) for name in first if first[name].read_bytes() != second[name].read_bytes()
        ]
        assert not differing


def test_small_enough(cache):
    _, _, summary = cache
    assert summary.size < 30_000_000
    assert summary.references < 1000


def test_datasets_find_references(cache):
    """Most answers for generated datasets are files, and nearly every type gives one."""
    from crds.core import utils

    _, _, summary = cache
    latest = load(summary.latest_context)
    for instrument in headers.instruments(latest):
        imap = latest.get_imap(instrument)
        found, missing, kinds = 0, 0, set()
        for header in headers.generate(latest, instrument, 150, seed=3, match_share=0.9):
            answers = imap.get_best_references(utils.condition_header(header))
            for filekind, answer in answers.items():
                if not answer.startswith("NOT FOUND"):
                    found += 1
                    kinds.add(filekind)
                elif answer != "NOT FOUND n/a":
                    missing += 1
        assert missing < 0.2 * (found + missing), instrument
        usable = {kind.lower() for kind in imap.selections.normal_keys()}
        assert len(usable - kinds) <= 1, (instrument, usable - kinds)


def test_system_versions_of_jwst(caches, library):
    import json

    folder, summary = caches["jwst"]
    library("jwst", folder)
    rules = load(summary.latest_context).get_imap("system").get_rmap("calver")
    name = rules.get_best_ref(
        {
            "META.CALIBRATION_SOFTWARE_VERSION": "1.11.0",
            "META.OBSERVATION.DATE": "2024-01-01",
            "META.OBSERVATION.TIME": "00:00:00",
        }
    )
    document = json.loads((folder / "references" / "jwst" / name).read_text())
    assert document["CAL_VER"] == "1.11.0"
    assert {"author", "descrip", "history", "instrument", "reftype", "versions"} <= set(document)
    assert document["versions"]["jump"] == "1.11.0"


def test_geis_references_come_in_pairs(caches):
    folder, _ = caches["hst"]
    stored = {path.name for path in (folder / "references" / "hst").iterdir()}
    heads = {name for name in stored if name[-3:-1].startswith("r") and name.endswith("h")}
    assert heads
    assert all(name[:-1] + "d" in stored for name in heads)


def test_unknown_observatory(tmp_path):
    with pytest.raises(ValueError, match="No demonstration content"):
        build_demo_cache("kepler", tmp_path)
    assert not list(tmp_path.iterdir())


def test_progress_counts_up(tmp_path):
    seen = []
    summary = build_demo_cache("tobs", tmp_path, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][0] == summary.mappings + summary.references
    assert all(done <= total for done, total in seen)
