"""The unmodified client submits: batch, certify, and the extended form, until the new context.

Its commands take their time (they sleep while the server works), so those of one server run side
by side, each with an account of its own; the tests then look at how each of them ended.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .submitting import Desks

ANSWERS = {
    "deliverer": "Sara Mitter", "instrument": "cos", "file_type": "dead times",
    "history_updated": True, "pedigree_updated": True, "keywords_checked": True,
    "descrip_updated": True, "useafter_updated": True, "useafter_matches": "Yes",
    "compliance_verified": "Yes", "calpipe_version": "yes, 3.4", "modes_affected": "all of FUV",
    "correctness_testing": "compared with the ones before", "replacing_badfiles": "No",
    "description": "Dead times of the demonstration",
}


@pytest.fixture(scope="module")
def desks(make_instance, tmp_path_factory):
    made = Desks(make_instance, tmp_path_factory)
    yield made
    made.close()


@pytest.fixture(scope="module")
def demo(desks):
    """A server with demonstration content, and how each person's command ended."""
    desk = desks.open("hst", "demo", {
        "anne": [("acs", "darkfile", "anne_dark.fits"), ("acs", "biasfile", "anne_bias.fits")],
        "sara": [("cos", "deadtab", "sara_dead.fits")],
        "otto": [("wfc3", "biasfile", "otto_good.fits"), ("wfc3", "pfltfile", "otto_bad.fits")],
    })
    bad = desk.folder / "otto" / "otto_bad.fits"
    bad.write_bytes(bad.read_bytes()[:bad.stat().st_size // 2])
    with ThreadPoolExecutor(3) as pool:
        anne = pool.submit(
            desk.submit, "anne", "--files", *desk.files("anne"), "--wipe-existing-files",
            "--autoconfirm", "--creator", "ACS team", "--description", "New dark and bias files")
        otto = pool.submit(
            desk.submit, "otto", "--files", *desk.files("otto"), "--keep-existing-files",
            "--submission-kind", "certify")
        sara = pool.submit(desk.extended, "sara", ANSWERS)
        desk.ended = {"anne": anne.result(), "otto": otto.result(), "sara": sara.result()}
    desk.after = desk.live.rpc("get_server_info")["edit_context"]
    return desk


def test_a_batch_is_confirmed_and_its_file_map_is_whole(demo):
    ended = demo.ended["anne"]
    assert (ended["errors"], ended["code"]) == (0, 0), ended["text"][-6000:]
    assert {"anne_dark.fits", "anne_bias.fits"} <= set(ended["map"])
    rules = {name.rpartition(".")[2] for name in ended["map"]}
    assert rules == {"fits", "rmap", "imap", "pmap"}
    info = demo.live.rpc("get_file_info_map", "hst", list(ended["map"].values()), ["state"])
    assert all(found != "NOT FOUND" for found in info.values())
    for line in ("Certifying 'anne_dark.fits'", "Renaming 'anne_bias.fits' --> '",
                 "Checking for derivation collisions.", "COMPLETED: "):
        assert line in ended["text"]


def test_the_extended_form_is_filled_in_by_a_program(demo):
    ended = demo.ended["sara"]
    assert ended["errors"] == 0, ended["text"][-6000:]
    assert ended["map"]["sara_dead.fits"].endswith("_dead.fits")
    assert {"deliverer", "useafter_matches", "change_level"} <= set(ended["keys"])
    rules = demo.live.rpc("get_mapping_names", demo.after)
    assert {name for name in ended["map"].values() if name.endswith(".rmap")} <= set(rules)


def test_nobodys_rules_are_lost(demo):
    """Two were confirmed at about the same time: the edit context has the changes of both."""
    references = set(demo.live.rpc("get_reference_names", demo.after))
    official = {name for person in ("anne", "sara")
                for name in demo.ended[person]["map"].values() if name.endswith(".fits")}
    assert len(official) == 3 and official <= references
    assert demo.after != demo.before


def test_certifying_tells_of_each_file_and_changes_nothing(demo):
    ended = demo.ended["otto"]
    assert "Certifying 'otto_good.fits'" in ended["text"]
    assert ended["errors"] and "otto_bad.fits" in ended["text"]
    assert "COMPLETED: " in ended["text"]
    assert set(ended["map"]) >= {"otto_good.fits", "otto_bad.fits"}


def test_clients_see_the_new_context(demo):
    reader = demo.client("reader")
    reader.run(f"sync --contexts {demo.after} --fetch-references").clean()
    names = [name for name in demo.ended["anne"]["map"].values() if name.endswith(".fits")]
    assert all(list(reader.cache.rglob(name)) for name in names)
    reader.run(f"sync --contexts {demo.before}").clean()
    old, new = (f"{reader.cache}/mappings/hst/{name}" for name in (demo.before, demo.after))
    told = reader.run(f"diff {old} {new}")
    assert told.code in (0, 1) and all(name in told.text for name in names), told.text[-3000:]
    # Not every dataset of the demonstration has a reference of every type.
    told = reader.run(f"bestrefs --new-context {demo.after} --instruments acs --types darkfile"
                      " --print-new-references")
    assert demo.ended["anne"]["map"]["anne_dark.fits"] in told.text.lower(), told.text[-3000:]
