"""The rule editor: edits that are kept, their preview, and the submission that they become."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse

from interactive.models import CatalogFile
from interactive.services import contexts, rule_tables
from jobs.models import JobState
from rules.editing import steps
from submissions.models import RuleEdit, State
from submissions.services import deciding, editor
from submissions.tests.helpers import demo_reference, edit_context, run_job

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


@pytest.fixture
def rmap(desk) -> str:
    """The rmap of ACS darks in the edit context."""
    return next(choice.name for choice in editor.choices(desk.user, "acs darkfile"))


@pytest.fixture
def page(client, desk, rmap):
    """``page()`` gets the editor's page, ``page(act, **fields)`` posts to it."""
    client.force_login(desk.user)
    address = reverse("edit_rmap", args=[rmap])

    def ask(act: str = "", query: str = "", **fields) -> BeautifulSoup:
        if act:
            answer = client.post(address, {"act": act, **fields}, follow=True)
        else:
            answer = client.get(address + query)
        assert answer.status_code == 200
        return BeautifulSoup(answer.content, "html.parser")
    return ask


def error_of(soup) -> str:
    found = soup.find(id="error_message")
    return found.string if found else ""


def first_row(rmap: str):
    return next(row for row in rule_tables.table(rmap).rows if row.references)


def other_reference(rmap: str, row) -> str:
    return next(name for name in rule_tables.table(rmap).references
                if name not in row.references)


def test_edits_are_kept_and_taken_back(page, desk, rmap):
    row = first_row(rmap)
    other = other_reference(rmap, row)
    soup = page("replace", values=list(row.values), reference=other)
    assert error_of(soup) == ""
    assert soup.select_one("tr.replaced del").string == row.result
    new = [*row.values[:-1], "2031-01-01 00:00:00"]
    assert page("add", values=new, reference=other).select_one("tr.added")
    edit = RuleEdit.objects.get(user=desk.user, rmap=rmap)
    assert [step["do"] for step in edit.steps] == ["replace", "add"]
    assert not page("undo", count=2).select("tr.added")
    assert page("redo", count=1).select_one("tr.added")
    soup = page("remove-0", count=2)
    assert soup.select("tr.added") and not soup.select("tr.replaced")
    assert "changed in another window" in error_of(page("undo", count=7))
    assert not page("clear").select("tr.added")
    assert [choice.edits for choice in editor.choices(desk.user, "acs darkfile")] == [0]


def test_every_button_of_a_row(page, rmap):
    row = first_row(rmap)
    soup = page(query="?row=0")
    assert soup.find(id="row") and soup.find(id="replace-reference")
    date = "2031-02-03 04:05:06"
    assert page("move", values=list(row.values), to=[*row.values[:-1], date]).select("tr.moved")
    assert page("undo", count=1).select("tr.moved") == []
    case = list(row.values[:-1])
    target = [*case[:-1], "N/A"] if case[-1] != "N/A" else [*case[:-1], "*"]
    assert page("copy-case", case=case, to=target).select("tr.added")
    assert page("delete-case", case=case).select("tr.deleted")
    assert page("replace-all", reference=row.result,
                by=other_reference(rmap, row)).find(class_="edit-steps")


BAD = {
    "no such reference": ({"reference": "nothing_drk.fits"}, "no reference 'nothing_drk.fits'"),
    "a path": ({"reference": "../../etc/passwd"}, "Give the name of a reference"),
    "markup": ({"reference": "<script>alert(1)</script>"}, "Give the name of a reference"),
    "no such row": ({"values": ["A"]}, "A value is needed for each"),
    "no such act": ({"act": "apply"}, "There is no such edit"),
}


@pytest.mark.parametrize("case", BAD)
def test_edits_that_cannot_be(page, desk, rmap, case):
    changed, message = BAD[case]
    row = first_row(rmap)
    fields = {"act": "replace", "values": list(row.values), "reference": row.result, **changed}
    soup = page(fields.pop("act"), **fields)
    assert message in error_of(soup)
    assert not RuleEdit.objects.filter(user=desk.user).exclude(steps=[])


def test_references_of_other_types_and_bad_ones(page, rmap):
    row = first_row(rmap)
    bias = demo_reference("acs", "biasfile")
    assert "is a acs biasfile" in error_of(page("replace", values=list(row.values), reference=bias))
    other = other_reference(rmap, row)
    CatalogFile.objects.filter(name=other).update(rejected=True)
    assert "marked bad" in error_of(page("replace", values=list(row.values), reference=other))


def test_values_are_shown_as_text(page, rmap):
    row = first_row(rmap)
    new = ["<b>x</b>", *row.values[1:-1], "2031-01-01 00:00:00"]
    soup = page("add", values=new, reference=row.result)
    assert soup.select_one("tr.added") and not soup.select("main b")


def test_pages_are_for_submitters(client, rmap):
    for name in ("edit_rmap", "edit_rmap_preview", "edit_rmap_text"):
        answer = client.get(reverse(name, args=[rmap]))
        assert answer.status_code == 302 and "/login/" in answer["Location"]


def test_pages_of_nothing(client, desk):
    client.force_login(desk.user)
    assert client.get(reverse("edit_rmap")).status_code == 200
    for name in ("nothing.rmap", "hst_0001.pmap", "x" * 300):
        assert client.get(reverse("edit_rmap", args=[name])).status_code == 404


def test_preview_says_what_is_wrong(client, page, desk, rmap):
    row = first_row(rmap)
    new = ["NOWHERE", *row.values[1:-1], "2031-01-01 00:00:00"]
    page("add", values=new, reference=row.result)
    made = editor.preview(editor.open_editor(desk.user, rmap))
    assert run_job(made.job).state == JobState.DONE
    soup = page()
    assert "is not allowed" in soup.select_one(".preview .finding.error").get_text()
    assert "has errors" in error_of(page("submit", **{
        "submit-description": "A test", "submit-change_level": "SEVERE"})) or "have errors" in (
        error_of(page("submit", **{"submit-description": "A test",
                                   "submit-change_level": "SEVERE"})))


def test_edited_rules_go_all_the_way(client, page, desk, rmap, monkeypatch):
    """Edited, previewed, submitted, confirmed: the next context has the new row."""
    row = first_row(rmap)
    other = other_reference(rmap, row)
    new = (*row.values[:-1], "2031-01-01 00:00:00")
    page("add", values=list(new), reference=other)
    monkeypatch.setattr(editor, "PATIENCE", 0.0)
    sent = {"submit-description": "A later dark", "submit-change_level": "SEVERE"}
    assert "still being checked" in error_of(page("submit", **sent))
    job = editor.preview(editor.open_editor(desk.user, rmap)).job
    assert run_job(job).state == JobState.DONE, job.error
    soup = page()
    assert "1 match case selects something else" in " ".join(
        soup.select_one(".verdict-line").get_text().split())
    assert other in soup.select_one(".effects").get_text()
    file = client.get(reverse("edit_rmap_text", args=[rmap]))
    assert other in file.content.decode() and file["Content-Type"].startswith("text/plain")
    answer = client.post(reverse("edit_rmap", args=[rmap]), {"act": "submit", **sent})
    assert answer.status_code == 302, error_of(BeautifulSoup(answer.content, "html.parser"))
    edit = RuleEdit.objects.get(user=desk.user, rmap=rmap)
    submission = edit.submission
    run_job(submission.job)
    submission.refresh_from_db()
    told = [(found.code, found.text) for found in submission.findings.all()]
    assert submission.state == State.READY, (submission.error, told)
    assert not [code for code, _ in told if code in ("branch", "checksum", "header-name")]
    submission = deciding.confirm(submission, desk.user)
    run_job(submission.decision_job)
    current = next(choice for choice in editor.choices(desk.user, "acs darkfile"))
    assert current.name != rmap and re.fullmatch(r"hst_acs_darkfile_\d{4}\.rmap", current.name)
    rows = {found.values: found.result for found in rule_tables.table(current.name).rows}
    assert rows[new] == other
    assert CatalogFile.objects.get(name=current.name).derived_from == rmap
    soup = page()
    assert current.name in soup.select_one(".notice.warning").get_text()
    assert not soup.select(".edit-steps li"), "confirmed edits are done"


def test_edits_are_taken_to_newer_rules(page, desk, rmap, monkeypatch):
    row = first_row(rmap)
    page("delete", values=list(row.values))
    target = next(choice.name for choice in editor.choices(desk.user, "acs idctab"))
    monkeypatch.setattr(editor.Editor, "current", target)
    opened = editor.open_editor(desk.user, rmap)
    assert editor.carry_over(opened) == target
    there = editor.open_editor(desk.user, target)
    assert [step["do"] for step in there.edit.steps] == ["delete"]
    assert there.edited.problems, "what does not fit is said"
    assert not RuleEdit.objects.get(rmap=rmap).steps


def test_pages_of_the_edit_context(desk):
    names = [choice.name for choice in editor.choices(desk.user)]
    assert len(names) == len(set(names)) > 20 and contexts.pointer("edit") == edit_context()
    assert set(steps.FIELDS) == {"add", "replace", "replace-all", "move", "delete", "change-case",
                                 "copy-case", "delete-case"}
