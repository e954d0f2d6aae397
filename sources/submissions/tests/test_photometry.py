"""Synthetic photometry: a submitted component brings its lookup table, and the whole is tested."""

from __future__ import annotations

import pytest
from astropy.io import fits

from interactive.models import CatalogFile
from interactive.services import store
from submissions.models import Level, State
from submissions.services import results
from submissions.tests.helpers import demo_reference, faults

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

COMPONENT = "acs_f435w_002_syn.fits"


def bring(desk, name=COMPONENT, **keywords):
    path = desk.folder / name
    path.write_bytes(store.path("acs_f435w_001_syn.fits").read_bytes())
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.add_history("Another copy.")
        hdus[0].header.update(keywords)
    return path


def test_a_component_brings_its_table(desk):
    old = demo_reference("synphot", "tmctab")
    bring(desk)
    submission = desk.processed()
    found = [(one.level, one.code, one.text) for one in submission.findings.all()]
    assert submission.state == State.READY, (submission.error, found)
    component, table = submission.files.filter(type="reference")
    assert component.name == COMPONENT
    assert table.name.endswith("m_tmc.fits") and table.name != old
    with fits.open(submission.folder / "files" / table.name) as hdus:
        assert f"cracscomp${COMPONENT}" in list(hdus[1].data["FILENAME"])
    [test] = results.of(submission).tests
    assert "missing from" in test["log"] and test["verdict"] in ("ok", "warnings")
    submission = desk.confirmed(submission)
    assert submission.state == State.CONFIRMED, submission.error
    assert CatalogFile.objects.get(name=old).replaced_by_filename == table.name
    assert demo_reference("synphot", "tmctab") == table.name
    assert faults() == []


def test_a_component_that_nothing_connects(desk):
    bring(desk, "acs_f999w_001_syn.fits", COMPNAME="acs_f999w")
    submission = desk.processed()
    assert submission.state == State.FAILED
    assert set(submission.findings.filter(level=Level.ERROR).values_list("stage", "code")) == {
        ("synphot", "synphot-components")}
