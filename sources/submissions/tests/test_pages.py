"""Pages of submissions: forms as people and clients send them, results by id, decisions."""

from __future__ import annotations

import re

import pytest
import yaml
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.urls import reverse

from accounts.models import Grant, Role
from interactive.models import CatalogFile
from interactive.services import contexts
from interactive.tests import catalogue
from jpoll import services as jpoll
from submissions.models import (
    Finding,
    Kind,
    RuleChange,
    State,
    Submission,
    SubmittedFile,
)

pytestmark = pytest.mark.django_db

FORMS = ["certify", "batch_submit", "extended_submit", "submit_mappings", "submit_references",
         "add_references", "delete_references"]

#: Words that only headings of rule changes may have (contract 4.8).
PAIR_WORDS = "Logical " + "Diff"


@pytest.fixture
def sara(db, instance):
    catalogue.make(1)
    catalogue.make(2)
    user = get_user_model().objects.create_user(
        "sara", "sara@example.invalid", "a long password", first_name="Sara", last_name="Mitter")
    Grant.objects.create(user=user, role=Role.SUBMITTER)
    return user


@pytest.fixture
def signed_in(client, sara):
    client.force_login(sara)
    return client


def soup_of(response) -> BeautifulSoup:
    return BeautifulSoup(response.content.decode(), "html.parser")


def error_of(response) -> str | None:
    """What the client reads as an error from a page (contract 4.4)."""
    found = soup_of(response).find("div", attrs={"id": "error_message"})
    return found.string if found else None


def make(user, **values) -> Submission:
    """A submission with a reference and a rule change, ready for review."""
    values = {"kind": Kind.BATCH, "state": State.READY, "base_context": contexts.pointer("edit"),
              "instrument": "acs", "description": "New bias files", **values}
    made = Submission.objects.create(user=user, **values)
    file = SubmittedFile.objects.create(
        submission=made, uploaded_as="my_bias.fits", name="9ab12345j_bia.fits",
        type="reference", instrument="acs", filekind="biasfile", verdict="warnings", size=10)
    Finding.objects.create(
        submission=made, file=file, stage="certify", level="warning", code="pedigree",
        text="PEDIGREE <b>is old</b>", advice="Update it.")
    RuleChange.objects.create(
        submission=made, old="hst_acs_biasfile_0001.rmap", new="hst_acs_biasfile_0002.rmap",
        instrument="acs", filekind="biasfile", rows={
            "parameters": ["DETECTOR"], "headers": [], "rows": [
                {"case": ["WFC"], "date": "2020-01-01 00:00:00", "action": "added", "old": [],
                 "new": ["9ab12345j_bia.fits"], "text": ""}]})
    return made


# ---- forms -------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_for_submitters_and_set_the_cookie(client, sara, name):
    answer = client.get(reverse(name))
    assert answer.status_code == 302 and "/login/?next=" in answer["Location"]
    client.force_login(sara)
    answer = client.get(reverse(name))
    assert answer.status_code == 200 and "csrftoken" in answer.cookies
    assert error_of(answer) is None
    page = soup_of(answer)
    assert page.find("input", {"name": "pmap_mode", "value": "pmap_edit"}).has_attr("checked")
    labelled = {label["for"] for label in page.find_all("label") if label.get("for")}
    fields = [each["id"] for each in page.select(
        "form.submission-form :is(input:not([type=hidden], [name^=pmap]), select, textarea)")
        if not each["name"].startswith("pmap")]
    assert fields and set(fields) <= labelled


def test_wrong_answers_stay_and_are_named(signed_in):
    answer = signed_in.post(reverse("delete_references"), {
        "pmap_mode": "pmap_text", "pmap_text": "hst_9999.pmap", "names": "nothing_at_all.fits",
        "change_level": "TRIVIAL", "description": "no <script> & no $"})
    assert answer.status_code == 200
    text = error_of(answer)
    assert "$ & < >" in text and "context" in text
    page = soup_of(answer)
    assert page.find("textarea", {"name": "names"}).text.strip() == "nothing_at_all.fits"
    assert page.find("option", {"value": "TRIVIAL"}).has_attr("selected")
    assert page.find("input", {"name": "pmap_text"})["value"] == "hst_9999.pmap"
    described = page.find("textarea", {"name": "description"})
    assert described["aria-invalid"] == "true"
    assert page.find(id="id_description_error").text.startswith("Invalid character")


def test_what_the_service_refuses_stands_beside_the_field(signed_in):
    answer = signed_in.post(reverse("delete_references"), {
        "pmap_mode": "pmap_edit", "names": "nothing_at_all.fits", "change_level": "SEVERE",
        "description": "Old"})
    assert "nothing_at_all.fits" in error_of(answer)
    assert soup_of(answer).find(id="id_names_error")
    assert not Submission.objects.exists()


def test_a_form_starts_a_submission_on_the_channel_of_its_session(signed_in):
    key = signed_in.get("/jpoll/open_channel").json()
    name = CatalogFile.objects.references().filter(stored=True).order_by("name").first().name
    sent = {"pmap_mode": "pmap_edit", "pmap_name": contexts.pointer("edit"), "names": name,
            "change_level": "MODERATE", "description": "No longer needed"}
    answer = signed_in.post(reverse("delete_references"), sent)
    made = Submission.objects.get()
    assert answer["Location"] == f"/display_result/{made.pk}"
    assert (made.channel, made.names, made.change_level) == (key, [name], "moderate")
    assert made.base_mode == "pmap_edit" and made.base_url.startswith("http://")
    # A channel that a submission has is not given to another one.
    signed_in.post(reverse("delete_references"), sent)
    assert len(set(Submission.objects.values_list("channel", flat=True))) == 2


def test_answers_can_be_used_again(signed_in, sara):
    former = make(sara, kind=Kind.EXTENDED, change_level="trivial", questionnaire={
        "deliverer": "S. Mitter", "modes_affected": "All WFC", "instrument": "acs"})
    page = soup_of(signed_in.get(f"{reverse('extended_submit')}?from={former.pk}"))
    assert page.find("input", {"name": "deliverer"})["value"] == "S. Mitter"
    assert page.find("textarea", {"name": "modes_affected"}).text.strip() == "All WFC"
    assert page.find("option", {"value": "TRIVIAL"}).has_attr("selected")
    assert page.find("textarea", {"name": "description"}).text.strip() == "New bias files"


def test_the_description_is_public_and_what_clients_parse(client, sara):
    answer = client.get("/submission_form/redcat_description.yml")
    assert answer.status_code == 200
    fields = yaml.safe_load(answer.content)
    by_key = {field["key"]: field for field in fields}
    assert [f["key"] for f in fields][:4] == ["deliverer", "other_email", "instrument",
                                              "file_type"]
    assert {f["type"] for f in fields} == {"CharField", "BooleanField", "TypedChoiceField"}
    assert all(f["initial"] in f["choices"] for f in fields if f["type"] == "TypedChoiceField")
    assert by_key["useafter_matches"]["choices"] == ["N/A", "No", "Yes"]
    assert by_key["deliverer"]["required"] and "acs" in by_key["instrument"]["choices"]


# ---- results -----------------------------------------------------------------


def test_results_have_what_the_client_parses(client, sara):
    made = make(sara)
    answer = client.get(f"/display_result/{made.pk}")
    assert answer.status_code == 200 and "csrftoken" in answer.cookies
    page = soup_of(answer)
    assert page.find(id="my_bias.fits").string == "9ab12345j_bia.fits"
    pairs = page.find_all(string=re.compile(PAIR_WORDS))
    assert [str(text) for text in pairs] == [
        f"{PAIR_WORDS} ('hst_acs_biasfile_0001.rmap', 'hst_acs_biasfile_0002.rmap')"]
    assert answer.content.decode().count(PAIR_WORDS) == 1
    assert error_of(answer) is None and not page.select(".error_message")
    assert "&lt;b&gt;is old" in answer.content.decode()


def test_people_without_an_account_read_but_do_not_decide(client, sara):
    made = make(sara, other_email="boss@example.invalid")
    page = soup_of(client.get(f"/display_result/{made.pk}"))
    assert not page.find("button", {"name": "button"})
    assert page.find("a", string="Log in to decide")["href"] == (
        f"/login/?next=/display_result/{made.pk}")
    assert "example.invalid" not in str(page)


def test_the_confirmed_page_links_official_names(client, sara):
    context = catalogue.make(3)
    reference = CatalogFile.objects.references().order_by("name").first()
    made = make(sara, state=State.CONFIRMED, base_context="hst_0002.pmap",
                new_context=context.name)
    made.files.update(name=reference.name)
    page = soup_of(client.get(f"/display_result/{made.pk}"))
    assert page.find(id="my_bias.fits").a.text == reference.name
    assert page.find(id=made.base_context).a.string == context.name
    assert not page.find("button", {"value": "confirm"})


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_a_page(signed_in, sara, state):
    for kind in (Kind.BATCH, Kind.CERTIFY, Kind.MAPPINGS):
        made = make(sara, state=state, kind=kind, error="It was wrong." * (state == "failed"))
        answer = signed_in.get(f"/display_result/{made.pk}/")
        assert answer.status_code == 200 and error_of(answer) is None


def test_progress_shows_lines_and_ends_with_a_new_page(signed_in, sara):
    key = jpoll.open_channel("s")
    made = make(sara, state=State.RUNNING, channel=key)
    jpoll.log(key, "log_message", "Certifying 'my_bias.fits'")
    from jobs import services as jobs

    made.job = jobs.submit("process_submission", {"submission": str(made.pk)})
    made.save()
    address = f"/display_result/{made.pk}?part=progress"
    answer = signed_in.get(address, headers={"HX-Request": "true"})
    assert "Certifying &#x27;my_bias.fits&#x27;" in answer.content.decode()
    assert "HX-Refresh" not in answer
    Submission.objects.update(state=State.READY)
    answer = signed_in.get(address, headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("address", [
    "/display_result/nothing", "/display_result/0e5a0b46-5b5c-4e7c-9f64-0123456789ab",
    "/submission_history/x/"])
def test_unknown_submissions_are_not_found(signed_in, address):
    answer = signed_in.get(address)
    assert answer.status_code == 404 and "There is no submission" in error_of(answer)


# ---- decisions -----------------------------------------------------------------


def test_cancel_by_the_button(signed_in, sara):
    made = make(sara)
    answer = signed_in.post("/submit_confirm_pipeline/", {
        "results_id": str(made.pk), "button": "cancel", "reason": "Not needed"})
    assert answer["Location"] == f"/display_result/{made.pk}"
    made.refresh_from_db()
    assert (made.state, made.reason) == (State.CANCELLED, "Not needed")
    answer = signed_in.post("/submit_confirm_pipeline/", {
        "results_id": str(made.pk), "button": "confirm"})
    assert answer.status_code == 200 and "It was cancelled by sara" in error_of(answer)


@pytest.mark.parametrize("button, said", [
    ("", "no decision"), ("explode", "no decision"), ("force", "reason")])
def test_odd_decisions_are_refused_in_words(signed_in, sara, button, said):
    made = make(sara)
    answer = signed_in.post("/submit_confirm_pipeline/", {
        "results_id": str(made.pk), "button": button})
    assert answer.status_code == 200 and said in error_of(answer)
    made.refresh_from_db()
    assert made.state == State.READY


def test_strangers_cannot_decide(client, sara):
    made = make(sara)
    other = get_user_model().objects.create_user("otto", password="a long password")
    Grant.objects.create(user=other, role=Role.SUBMITTER)
    client.force_login(other)
    for button in ("confirm", "cancel"):
        answer = client.post("/submit_confirm_pipeline/", {
            "results_id": str(made.pk), "button": button})
        assert "Only sara" in error_of(answer)


# ---- lists, records, home ----------------------------------------------------------


def test_lists_show_states_and_hide_addresses(signed_in, sara):
    made = make(sara, kind=Kind.EXTENDED, other_email="boss@example.invalid", questionnaire={
        "deliverer": "Sara (sara@example.invalid)", "history_updated": False,
        "pedigree_updated": True, "useafter_matches": "No", "instrument": "acs"})
    make(sara, kind=Kind.CERTIFY, state=State.DONE)
    for address in ("/my_submissions/", "/submission_history/?instrument=acs&state=ready",
                    f"/submission_history/{made.pk}/"):
        answer = signed_in.get(address)
        assert answer.status_code == 200
        assert "ready for review" in answer.content.decode()
        assert "example.invalid" not in answer.content.decode()
    record = soup_of(signed_in.get(f"/submission_history/{made.pk}/"))
    assert len(record.find_all("span", string="reminder")) == 2
    results = soup_of(signed_in.get(f"/display_result/{made.pk}"))
    assert "HISTORY" in results.select_one(".finding.note").text
    assert results.find(id="acknowledged").has_attr("required")


def test_home_offers_services_by_role(client, sara):
    assert "Restricted Services" not in client.get("/").content.decode()
    client.force_login(sara)
    page = soup_of(client.get("/"))
    services = page.select_one(".services")
    assert services.find("a", string="Certify Files")
    numbers = [int(item["data-number"]) for item in services.find_all("li")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert client.get("/workflow/").status_code == 200


def test_known_files_lead_to_their_difference(signed_in):
    answer = signed_in.get("/difference/?old_mode=known&old=hst_0001.pmap&new=hst_0002.pmap")
    assert answer["Location"] == "/diff/hst_0001.pmap/hst_0002.pmap/"
    answer = signed_in.get("/difference/?old_mode=uploaded&old_upload=/nothing.pmap"
                           "&new=hst_0002.pmap")
    assert "no complete upload" in error_of(answer)


def test_recent_activity_leads_to_the_results(signed_in, sara):
    made = make(sara)
    signed_in.post("/submit_confirm_pipeline/", {
        "results_id": str(made.pk), "button": "cancel", "reason": "Not needed"})
    page = soup_of(signed_in.get("/recent_activity/?extension=*"))
    row = page.find("td", string="cancel submission").parent
    assert row.find("a", href=f"/display_result/{made.pk}") and "Not needed" in row.text
