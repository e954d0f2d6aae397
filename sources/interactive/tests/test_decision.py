"""What an import publishes and what it only reports: no disk, no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from interactive.services.importing.decision import Row, decide
from interactive.services.importing.state import Known, ServerState, Turn
from rules.reading import RuleFile
from rules.reference_files import ReferenceFile

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLY = datetime(2020, 1, 1, tzinfo=UTC)


def rule(name: str, *below: str, **fields) -> RuleFile:
    kind = name.rpartition(".")[2]
    header = {"name": name, "observatory": "HST", "instrument": "COS", "filekind": "DEADTAB"}
    children = tuple((f"k{number}", child) for number, child in enumerate(below))
    return RuleFile(
        name, kind, 10, f"sha1 of {name}", header,
        () if kind == "rmap" else children, below if kind == "rmap" else (), **fields)


RULES = [rule("hst_0001.pmap", "hst_cos_0001.imap"),
         rule("hst_cos_0001.imap", "hst_cos_deadtab_0001.rmap"),
         rule("hst_cos_deadtab_0001.rmap", "a_dead.fits", "b_dead.fits")]
A = ReferenceFile("a_dead.fits", 5, "sha1 of a")
STATE = ServerState(
    "hst", "hst_0001.pmap", "hst_0001.pmap", history=(Turn(EARLY, "hst_0001.pmap", "first"),),
    files={"b_dead.fits": Known(7, "b" * 40), "a_dead.fits": Known(5, "sha1 of a"),
           **{one.name: Known(10, one.sha1sum) for one in RULES}})


def outcome(rules=RULES, references=(A,), state=STATE, existing=None):
    return decide("hst", {one.name: one for one in rules},
                  {one.name: one for one in references}, state, existing or {}, NOW)


def changed(name: str, **fields) -> list[RuleFile]:
    return [replace(one, **fields) if one.name == name else one for one in RULES]


def codes(decision) -> set[tuple[str, str, bool]]:
    return {(finding.code, finding.name, finding.published) for finding in decision.findings}


def test_a_sound_cache_is_published_without_a_word():
    decision = outcome()
    assert set(decision.rules) == {one.name for one in RULES}
    assert set(decision.references) == {"a_dead.fits"}
    assert decision.known == {"b_dead.fits": Known(7, "b" * 40)}
    assert (decision.latest, decision.edit) == ("hst_0001.pmap", "hst_0001.pmap")
    assert decision.findings == []


@pytest.mark.parametrize("code", ["checksum", "unparsable", "wrong-kind", "bad-names"])
def test_a_broken_rule_takes_down_all_that_contain_it(code):
    decision = outcome(changed("hst_cos_deadtab_0001.rmap", problem="It is broken.", code=code))
    assert not decision.rules and decision.latest == ""
    assert (code, "hst_cos_deadtab_0001.rmap", False) in codes(decision)
    assert ("closure", "hst_cos_0001.imap", False) in codes(decision)
    assert ("closure", "hst_0001.pmap", False) in codes(decision)
    assert ("history-unpublished", "hst_0001.pmap", False) in codes(decision)
    assert decision.history == STATE.history


def test_a_reference_that_nobody_knows_takes_down_its_rules():
    files = {name: known for name, known in STATE.files.items() if name != "b_dead.fits"}
    decision = outcome(state=replace(STATE, files=files))
    assert not decision.rules
    reasons = {finding.name: finding.reason for finding in decision.findings}
    assert "b_dead.fits" in reasons["hst_cos_deadtab_0001.rmap"]


def test_a_rule_known_by_name_only_takes_down_those_that_contain_it():
    decision = outcome([one for one in RULES if one.kind != "rmap"])
    assert not decision.rules
    assert ("not-here", "hst_cos_deadtab_0001.rmap", True) in codes(decision)
    assert "hst_cos_deadtab_0001.rmap" in decision.known


def test_the_disk_counts_where_the_record_differs():
    files = {**STATE.files, "hst_cos_0001.imap": Known(11, "f" * 40)}
    decision = outcome(state=replace(STATE, files=files))
    assert len(decision.rules) == 3
    assert codes(decision) == {("metadata", "hst_cos_0001.imap", True)}


def test_another_name_in_the_header_is_reported_only():
    header = {**RULES[1].header, "name": "hst_cos_0009.imap"}
    decision = outcome(changed("hst_cos_0001.imap", header=header))
    assert codes(decision) == {("header-name", "hst_cos_0001.imap", True)}
    assert len(decision.rules) == 3


def test_rules_of_another_observatory():
    header = {**RULES[0].header, "observatory": "JWST"}
    decision = outcome(changed("hst_0001.pmap", header=header))
    assert ("observatory", "hst_0001.pmap", False) in codes(decision)
    assert len(decision.rules) == 2


@pytest.mark.parametrize("below", ["hst_cos_deadtab_0001.rmap", "a_dead.fits", "hst_0001.pmap"])
def test_a_context_contains_instruments_only(below):
    decision = outcome(changed("hst_0001.pmap", children=(("cos", below),)))
    assert ("closure", "hst_0001.pmap", False) in codes(decision)


def test_unrecorded_references_are_published_only_if_a_rule_has_them():
    stray = ReferenceFile("c_dead.fits", 5, "c")
    files = {name: known for name, known in STATE.files.items() if name != "a_dead.fits"}
    decision = outcome(references=[A, stray], state=replace(STATE, files=files))
    assert set(decision.references) == {"a_dead.fits"}
    assert ("unknown", "c_dead.fits", False) in codes(decision)
    assert ("unrecorded", "a_dead.fits", True) in codes(decision)


def test_an_unreadable_header_does_not_keep_a_reference_back():
    decision = outcome(references=[replace(A, header_problem="No FITS.")])
    assert codes(decision) == {("header", "a_dead.fits", True)}
    assert "a_dead.fits" in decision.references


# ---- what the catalogue has already ---------------------------------------------


def test_other_content_under_a_known_name_is_reported_and_kept():
    existing = {"hst_cos_deadtab_0001.rmap": Row(3, "0" * 40, True),
                "a_dead.fits": Row(3, "1" * 40, True)}
    decision = outcome(existing=existing)
    assert ("conflict", "hst_cos_deadtab_0001.rmap", True) in codes(decision)
    assert ("conflict", "a_dead.fits", True) in codes(decision)
    assert set(decision.rules) == {"hst_0001.pmap", "hst_cos_0001.imap"}
    assert "a_dead.fits" not in decision.references


def test_the_same_again_is_the_same():
    existing = {one.name: Row(one.size, one.sha1sum, True) for one in RULES}
    existing |= {"a_dead.fits": Row(5, A.sha1sum, True), "b_dead.fits": Row(7, "b" * 40, False)}
    decision = outcome(existing=existing)
    assert decision.findings == [] and decision.known == {}
    assert len(decision.rules) == 3


# ---- contexts ----------------------------------------------------------------------


def test_edit_falls_back_to_latest():
    decision = outcome(state=replace(STATE, edit="hst_0009.pmap", versions="hst_0008.pmap"))
    assert (decision.latest, decision.edit, decision.versions) == (
        "hst_0001.pmap", "hst_0001.pmap", "")
    assert ("pointer", "hst_0009.pmap", False) in codes(decision)
    assert ("pointer", "hst_0008.pmap", False) in codes(decision)


def test_without_a_record_the_highest_context_that_loads_is_latest():
    rules = [*RULES, rule("hst.pmap", "hst_cos_0001.imap"),
             rule("hst_0002.pmap", "hst_cos_0001.imap"),
             rule("hst_0003.pmap", "hst_cos_0003.imap"),
             rule("hst_9999.pmap", "hst_cos_0001.imap"),
             rule("hst_zzz.pmap", "hst_cos_0001.imap")]
    decision = outcome(rules, state=None)
    assert decision.latest == decision.edit == "hst_0002.pmap"
    assert [(turn.date, turn.context) for turn in decision.history] == [(NOW, "hst_0002.pmap")]
    assert ("closure", "hst_0003.pmap", False) in codes(decision)


def test_without_a_record_references_are_known_by_their_rules():
    stray = ReferenceFile("c_dead.fits", 5, "c")
    broken = rule("hst_cos_deadtab_0002.rmap", "z_dead.fits", problem="Broken.", code="checksum")
    decision = outcome([*RULES, broken], [A, stray], state=None)
    assert decision.known == {"b_dead.fits": Known(None, "")}
    assert set(decision.references) == {"a_dead.fits", "c_dead.fits"}
