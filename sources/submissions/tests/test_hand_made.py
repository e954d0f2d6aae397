"""Rules that people bring: mixed sets, contexts by hand, and what they may not be."""

from __future__ import annotations

import pytest

from interactive.models import CatalogFile
from interactive.services import rule_graph, store
from submissions.models import Kind, Level, State
from submissions.services import deciding
from submissions.tests.helpers import edit_context, faults, run_job

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


def part_of(context: str, extension: str, **where) -> str:
    names = rule_graph.closure(context).mappings
    return CatalogFile.objects.filter(
        name__in=names, extension=extension, **where).order_by("name").first().name


def edited(desk, name: str, old: str, new: str, called: str = "") -> str:
    """A downloaded rule with ``old`` changed into ``new``, put into the upload area."""
    text = store.path(name).read_text()
    assert old in text
    called = called or name
    (desk.folder / called).write_text(text.replace(old, new))
    return called


def an_rmap(desk, marker: str = "a note") -> str:
    name = part_of(edit_context(), ".rmap", instrument="acs", filekind="biasfile")
    return edited(desk, name, "header = {", f"header = {{\n    'description' : '{marker}',")


def told(submission) -> list:
    return [submission.error, *submission.findings.values_list("level", "code", "text")]


def test_an_edited_rmap_gets_a_name_and_a_context(desk):
    name = an_rmap(desk)
    submission = desk.processed(Kind.MAPPINGS, auto_rename="True", generate_contexts="True")
    assert submission.state == State.READY, told(submission)
    new = submission.files.get().name
    assert new != name and submission.rule_changes.get().old == name
    submission = desk.confirmed(submission)
    assert submission.state == State.CONFIRMED, told(submission)
    assert new in rule_graph.closure(edit_context()).mappings
    assert edit_context() == submission.new_context
    row = CatalogFile.objects.get(name=new)
    assert (row.derived_from, row.uploaded_as) == (name, name)
    assert faults() == []


def test_a_pmap_by_hand_moves_the_edit_context_only_from_its_parent(desk, people):
    parent = edit_context()
    imap = part_of(parent, ".imap", instrument="acs")
    edited(desk, imap, "header = {", "header = {\n    'description' : 'by hand',")
    edited(desk, parent, "header = {", "header = {\n    'description' : 'by hand',")
    fields = {"auto_rename": "True", "generate_contexts": "False"}
    submission = desk.processed(Kind.MAPPINGS, **fields)
    assert submission.state == State.READY, told(submission)
    pmap = submission.files.get(uploaded_as=parent).name
    submission = desk.confirmed(submission)
    assert submission.state == State.CONFIRMED and edit_context() == pmap, told(submission)
    assert submission.files.get(uploaded_as=imap).name in rule_graph.closure(pmap).mappings

    # The same parent again: what came in between would be lost.
    edited(desk, parent, "header = {", "header = {\n    'description' : 'another',")
    late = desk.processed(Kind.MAPPINGS, **fields, pmap_mode="pmap_text", pmap_text=parent)
    assert late.state == State.READY, told(late)
    late = desk.confirmed(late)
    assert late.state == State.READY and "would be lost" in late.error
    assert edit_context() == pmap
    forced = deciding.force(late, people("olga", "operator"), "wanted as it is")
    run_job(forced.decision_job)
    forced.refresh_from_db()
    assert forced.state == State.CONFIRMED and edit_context() == pmap, told(forced)
    assert CatalogFile.objects.published().filter(name=forced.new_context).exists()
    assert faults() == []


def test_code_and_unknown_files_in_rules_are_refused(desk):
    name = part_of(edit_context(), ".rmap", instrument="acs", filekind="darkfile")
    (desk.folder / "evil.rmap").write_text(
        store.path(name).read_text() + "\n__import__('os').system('touch /tmp/owned')\n")
    reference = CatalogFile.objects.references().filter(links_up__parent__name=name).first().name
    edited(desk, name, f"'{reference}'", "'zzz1234abj_drk.fits'")
    submission = desk.processed(Kind.MAPPINGS)
    assert submission.state == State.FAILED
    wrong = set(submission.findings.filter(level=Level.ERROR).values_list(
        "file__uploaded_as", flat=True))
    assert "evil.rmap" in wrong, told(submission)
    (desk.folder / "evil.rmap").unlink()
    submission = desk.processed(Kind.MAPPINGS)
    assert submission.state == State.FAILED
    assert "zzz1234abj_drk.fits" in str(told(submission))
    assert faults() == []
