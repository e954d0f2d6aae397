"""The real, unmodified client against a live server: every command that reads.

On the real cache where that is there, on demonstration content always.  The
commands are those of contract section 9, with the newest context of the cache.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator

import pytest

from tests.live import Client, LiveServer

LATEST = "hst_0500.pmap"
#: A reference that the latest context assigns.
TWOZXTAB = "z2d1925ql_2zx.fits"
#: A dataset that every HST archive of ours holds (contract section 9).
COS = "LCE31SW6Q"


@pytest.fixture(scope="module")
def hst(live_instance) -> Iterator[LiveServer]:
    with LiveServer(live_instance("hst", "real"), "hst") as server:
        yield server


@pytest.fixture(scope="module")
def rules(hst, tmp_path_factory):
    """A client's cache with the rules of the latest context."""
    cache = tmp_path_factory.mktemp("rules")
    hst.client(cache).run("sync --contexts hst-latest hst_0499.pmap").clean()
    return cache


@pytest.fixture
def fresh(hst, tmp_path) -> Client:
    """A client that has nothing yet."""
    return hst.client(tmp_path)


@pytest.fixture
def synced(hst, rules, tmp_path) -> Client:
    """A client with the rules of the latest context, its own copy."""
    shutil.copytree(rules, tmp_path / "cache")
    return hst.client(tmp_path / "cache")


# ---- list ----------------------------------------------------------------


def test_status(fresh):
    text = fresh.run("list --status").clean().text
    assert LATEST in text
    assert re.search(r"Last Synced = '\d{4}-\d\d-\d\d", text)


def test_config(fresh):
    text = fresh.run("list --config").clean().text
    assert "/unchecked_get/references/hst/" in text


@pytest.mark.parametrize(("spec", "name"), [
    ("hst-edit", LATEST),
    ("hst-latest", LATEST),
    ("hst-operational", LATEST),
    ("latest", LATEST),
    ("hst-2016-01-01", "hst_0379.pmap"),
    ("hst-2014-11-11T00:00:00", "hst_0297.pmap"),
    ("hst-cos-deadtab-2014-11-11T00:00:00", "hst_cos_deadtab_0250.rmap"),
])
def test_symbolic_contexts(fresh, spec, name):
    done = fresh.run(f"list --resolve-contexts --contexts {spec}").clean()
    assert done.out.split() == [name]


def test_bad_instrument_in_a_spec(fresh):
    done = fresh.run("list --resolve-contexts --contexts hst-foo-2016-01-01")
    assert "Bad instrument 'foo' in CRDS date based context specification." in done.text


def test_latest_context(fresh):
    assert fresh.run("list --latest-context").clean().out.split() == [LATEST]


def test_mappings_of_a_context(fresh):
    names = fresh.run("list --mappings --contexts hst-latest").clean().out.split()
    assert names[0] == LATEST and len(names) == 128
    assert names == sorted(names)


def test_references_of_a_context(fresh):
    names = fresh.run("list --references --contexts hst-latest").clean().out.split()
    assert len(names) > 20_000


def test_range_and_globs_of_contexts(fresh):
    names = fresh.run("list --resolve-contexts --last-n-contexts 3").clean().out.split()
    assert names == ["hst_0498.pmap", "hst_0499.pmap", "hst_0500.pmap"]


def test_catalogue_entries(synced):
    synced.run("sync --files v8q14451j_idc.fits").clean()
    text = synced.run("list --cat v8q14451j_idc.fits hst_0500.pmap").clean().text
    assert "sha1sum" in text and "v8q14451j_idc.fits" in text


def test_required_parkeys(synced):
    text = synced.run("list --required-parkeys --contexts hst-latest").clean().text
    assert "Parkeys required for 'hst_0500.pmap'" in text
    assert re.search(r"acs = \[.*'DETECTOR'", text)


def test_tpns_and_properties(synced):
    assert "acs" in synced.run("list --file-properties hst_acs_idctab_0256.rmap").clean().out


# ---- datasets ------------------------------------------------------------


def test_id_expansion_of_a_lower_case_half_id(fresh):
    done = fresh.run("list --dataset-headers lce31sw6q --id-expansions-only"
                     f" --contexts {LATEST}").clean()
    assert done.out.split() == [f"{COS}:{COS}"]


def test_header_as_json(synced):
    done = synced.run(f"list --dataset-headers {COS} --json --contexts {LATEST}").clean()
    header = json.loads(done.out)[f"{COS}:{COS}"]
    assert header["INSTRUME"] == "COS"


def test_unknown_dataset(fresh):
    done = fresh.run(f"list --dataset-headers BAR:BAR --contexts {LATEST}")
    assert "Can't determine instrument for dataset 'BAR'" in done.text


def test_ids_of_an_instrument(fresh):
    done = fresh.run(f"list --dataset-ids-for-instruments cos --contexts {LATEST}").clean()
    ids = done.out.split()
    assert f"{COS}:{COS}" in ids
    assert len(ids) == len(set(ids)) > 20


# ---- sync ----------------------------------------------------------------


def test_one_reference_with_its_checksum(fresh):
    fresh.run("sync --files v8q14451j_idc.fits --check-sha1sum").clean()
    assert list(fresh.cache.rglob("v8q14451j_idc.fits"))


def test_check_files_and_push_context(fresh):
    done = fresh.run(f"sync --contexts {LATEST} --check-files --push-context hst-ops-pipeline")
    assert " 0 errors" in done.clean().text
    done = fresh.run("list --remote-context hst-ops-pipeline").clean()
    assert done.out.split() == [LATEST]


def test_pushing_to_an_unknown_pipeline_is_refused(synced):
    done = synced.run("sync --contexts hst-latest --push-context nobody")
    assert "Failed pushing" in done.text and "1 errors" in done.text


def test_repair_of_a_damaged_and_a_lost_file(synced):
    damaged, lost = (next(synced.cache.rglob(name)) for name in (LATEST, "hst_cos_0325.imap")) \
        if list(synced.cache.rglob("hst_cos_0325.imap")) \
        else (next(synced.cache.rglob(LATEST)), next(synced.cache.rglob("*.imap")))
    before = lost.read_bytes()
    damaged.chmod(0o644)
    damaged.write_text(damaged.read_text().replace("hst_0499", "hst_0498"))
    lost.chmod(0o644)
    lost.write_bytes(before[:100])
    synced.run("sync --contexts hst-latest --check-files --check-sha1sum --repair-files")
    assert lost.read_bytes() == before
    synced.run("sync --contexts hst-latest --check-files --check-sha1sum").clean()


def test_catalogue_as_sqlite(fresh):
    fresh.run("sync --fetch-sqlite-db").clean()
    columns = fresh.run("sql --list-columns crds_hst_catalog").clean().text
    assert "sha1sum" in columns and "useafter_date" in columns
    path, = fresh.cache.rglob("crds_db.sqlite3")
    with sqlite3.connect(path) as database:
        (files,) = database.execute("select count(*) from crds_hst_catalog").fetchone()
        (entries,) = database.execute("select count(*) from crds_hst_context_history").fetchone()
        mails = database.execute(
            "select count(*) from crds_hst_catalog where deliverer_email <> ''").fetchone()
    assert files > 29_000 and entries == 224 and mails == (0,)


def test_everything_there_is(fresh):
    fresh.run("sync --all").clean()
    loaded = len(list(fresh.cache.rglob("*.pmap")))
    assert loaded == 284, "contexts of the cache that are published"
    done = fresh.run("sync --all --check-files --check-sha1sum --repair-files").clean()
    assert " 0 errors" in done.text and " 0 warnings" in done.text


# ---- best references -----------------------------------------------------


def test_remote_best_references_of_a_dataset(synced):
    done = synced.run(f"bestrefs --datasets {COS} --new-context {LATEST} --remote-bestrefs"
                     " --print-new-references").clean()
    local = synced.run(f"bestrefs --datasets {COS} --new-context {LATEST}"
                       " --print-new-references", CRDS_MODE="local").clean()
    assert assigned(done.out) == assigned(local.out)
    assert len(assigned(done.out)) > 10


def test_all_datasets_of_an_instrument(synced):
    done = synced.run(f"bestrefs --instruments cos --new-context {LATEST}").clean()
    assert " 0 errors" in done.text


def assigned(text: str) -> list[str]:
    """Lines of ``--print-new-references`` without times and counters."""
    return sorted(line for line in text.splitlines() if " - " not in line and line.strip())


def test_raw_files_local_and_remote_agree(synced, test_data):
    files = " ".join(str(p) for p in sorted((test_data / "datasets/hst").glob("*.fits")))
    command = f"bestrefs --files {files} --new-context {LATEST} --print-new-references"
    local = synced.run(command, CRDS_MODE="local").clean()
    remote = synced.run(command + " --remote-bestrefs", CRDS_MODE="remote").clean()
    assert assigned(local.out) == assigned(remote.out) != []


# ---- rules ---------------------------------------------------------------


def test_uses(synced):
    done = synced.run(f"uses --files {TWOZXTAB}").clean()
    assert re.search(r"hst_cos_twozxtab_\d+.rmap", done.out)
    assert LATEST in done.out


def test_matches(synced):
    done = synced.run(f"matches --files {TWOZXTAB} --contexts {LATEST}").clean()
    assert "DETECTOR" in done.out
    done = synced.run(f"matches --datasets {COS} --contexts {LATEST} -c").clean()
    assert "INSTRUME" in done.out


def test_diff(synced):
    old, new = (f"{synced.cache}/mappings/hst/{name}" for name in ("hst_0499.pmap", LATEST))
    done = synced.run(f"diff {old} {new} --print-affected-instruments")
    assert done.out.split() == ["wfc3"]
    done = synced.run(f"diff {old} {new} --primitive-diffs --mapping-text-diffs")
    assert "replaced" in done.out and "ERROR" not in done.text


# ---- history and affected datasets ---------------------------------------


def test_query_affected(fresh):
    listed = fresh.run("query_affected --list -x 0 -y 1").clean()
    assert len([line for line in listed.out.splitlines() if line.startswith("(")]) == 2
    done = fresh.run("query_affected -x 0 -y 2 -i")
    assert done.code == 0
    assert "ignoring" in done.text.lower() and done.out.strip() == ""


def test_query_affected_with_stored_results(hst, fresh):
    """Ids on standard output; the change that was not computed is told and passed over."""
    (_, new, _), (_, old, _) = hst.rpc("get_context_history", "hst")[:2]
    hst.shell(
        "from interactive.models import AffectedDatasets\n"
        f"AffectedDatasets.objects.create(observatory='hst', old_context='{old}',"
        f" new_context='{new}', affected_ids=['LCE31SW6Q:LCE31SW6Q'],"
        " error_summary='1 affected')")
    done = fresh.run("query_affected -x 221 -y 223 -i")
    assert done.code == 0
    assert done.out.split() == ["LCE31SW6Q:LCE31SW6Q"]
    assert "1 affected" in done.err
    assert "ignoring" in done.err.lower()


def test_affected_datasets_are_those_of_the_client(hst, synced):
    """The same ids as the client computes itself from this server's datasets and rules."""
    hst.shell("from affected.services import foreground\n"
              f"foreground.run('hst_0499.pmap', '{LATEST}', 'command')")
    done = synced.run(
        f"bestrefs --affected-datasets --old-context hst_0499.pmap --new-context {LATEST}")
    stored = hst.rpc("get_affected_datasets", "hst", "hst_0499.pmap", LATEST)
    assert stored["affected_ids"] == done.out.split()
    assert f"Affected products = {len(stored['affected_ids'])}" in done.text
    assert stored["bestrefs_status"] == done.code


# ---- the address tells the observatory -----------------------------------


def test_prefix_instead_of_the_observatory_variable(hst, tmp_path):
    client = hst.client(tmp_path, prefix="/hst", observatory=None)
    assert LATEST in client.run("list --status").clean().text
    client.run("sync --files v8q14451j_idc.fits").clean()
    assert "/hst/unchecked_get/" in client.run("list --config").clean().text


def test_trailing_slash_of_the_address(hst, tmp_path):
    client = hst.client(tmp_path, prefix="/")
    assert client.run("list --latest-context").clean().out.split() == [LATEST]


def test_the_archive_checker_finds_files(fresh):
    done = fresh.run("check_archive --files v8q14451j_idc.fits hst_0500.pmap")
    assert " 0 errors" in done.text, done.text
