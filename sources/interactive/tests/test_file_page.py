"""The page of one file: its record as other software reads it, its parts, odd names, queries."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from interactive.models import (
    AuditRecord,
    BadFile,
    CatalogFile,
    ContextPointer,
    Delivery,
    DeliveryFile,
)
from interactive.services import rule_graph, rule_tables, store
from interactive.services.file_page import history
from interactive.services.importing import CacheSource, import_catalog
from interactive.views import browse
from jobs import execution, leases
from jobs.models import Job, JobState

from . import catalogue

pytestmark = pytest.mark.django_db

LABELS = ["CRDS Name", "Uploaded Name", "Sha1sum", "Size (bytes)", "Status", "Reject Flag",
          "Blacklisted", "Replaced By File Name", "Reason for Delivery", "Derived From",
          "Change Level", "Delivery Date", "Activation Date"]
OF_REFERENCES = ["Pedigree", "Useafter Date", "Descrip", "Submit Description", "Instrument",
                 "Reference Type", "Comment", "Aperture", "History"]
PEOPLE = ["Deliverer", "Creator"]

REFERENCE = "r0001000a_acs_biasfile.fits"
RMAP = "hst_acs_biasfile_0001.rmap"


class Tables(HTMLParser):
    """Rows of all tables of a page, as texts of their cells: what reading programs see."""

    def __init__(self, page: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._inside = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.tables[-1][-1][-1] += data


def record(client, name: str, slash: str = "") -> dict[str, str]:
    """The first table of the page of ``name``."""
    response = client.get(f"/browse/{name}{slash}")
    assert response.status_code == 200
    rows = Tables(response.content.decode()).tables[0]
    assert all(len(row) == 2 for row in rows)
    return {label: value.strip() for label, value in rows}


def words(response) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(text))


def work() -> None:
    """Run every job that waits, in this process."""
    while job := leases.claim("test"):
        execution.run(job)
        job.refresh_from_db()
        assert job.state == JobState.DONE, job.error


# ---- the record ----------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_first_table_is_the_record_under_the_names_that_programs_read(client, slash):
    catalogue.make(1)
    mapping = record(client, RMAP, slash)
    assert list(mapping)[:len(LABELS)] == LABELS and set(PEOPLE) < set(mapping)
    assert mapping["CRDS Name"] == RMAP
    assert mapping["Size (bytes)"] == "1000 ( 1.0 K)"
    assert (mapping["Reject Flag"], mapping["Blacklisted"], mapping["Status"]) == (
        "false", "false", "latest")
    assert mapping["Activation Date"] == "N/A" and mapping["Derived From"] == "none"
    reference = record(client, REFERENCE, slash)
    assert set(LABELS + OF_REFERENCES + PEOPLE) <= set(reference)
    assert reference["Instrument"] == "acs" and reference["Reference Type"] == "biasfile"


def test_the_record_shows_what_is_known_and_no_address(client):
    catalogue.file(
        "x_bia.fits", instrument="acs", filekind="biasfile", pedigree="INFLIGHT <b>",
        description="First.\nSecond.", derived_from="hand made",
        deliverer_user="me@example.invalid",
        deliverer_email="me@example.invalid", comment="a & b", creator_name="The Team",
        useafter_date=timezone.now().replace(2020, 2, 3, 4, 5, 6))
    page = client.get("/browse/x_bia.fits").content.decode()
    assert "example.invalid" not in page and "INFLIGHT &lt;b&gt;" in page
    found = record(client, "x_bia.fits")
    assert found["Useafter Date"] == "2020-02-03 04:05:06"
    assert found["Reason for Delivery"] == "First.\nSecond."
    assert (found["Deliverer"], found["Creator"]) == ("me", "The Team")


def test_headline_tags_and_links(client):
    pmap = catalogue.make(1)
    page = words(client.get(f"/browse/{REFERENCE}"))
    assert "Bias Frame (biasfile) of ACS" in page and "Download" in page
    missing = words(client.get("/browse/r0001001a_acs_biasfile.fits"))
    assert "not stored here" in missing
    assert "latest context edit context" in words(client.get(f"/browse/{pmap.name}"))
    assert "Rules for Bias Frame (biasfile) of ACS" in words(client.get(f"/browse/{RMAP}"))


def test_bad_files_say_so_and_why(client):
    catalogue.make(1)
    row = CatalogFile.objects.get(name=REFERENCE)
    BadFile.objects.create(file=row, reason="wrong <sign>")
    CatalogFile.objects.filter(pk=row.pk).update(rejected=True)
    page = client.get(f"/browse/{REFERENCE}").content.decode()
    assert "Marked bad" in page and "wrong &lt;sign&gt;" in page
    assert record(client, REFERENCE)["Reject Flag"] == "true"
    CatalogFile.objects.filter(name=RMAP).update(blacklisted=True)
    assert "Blacklisted:" in words(client.get(f"/browse/{RMAP}"))


def test_links_to_files_of_the_record_lead_only_to_known_ones(client):
    catalogue.file("hst_0001.pmap")
    catalogue.file("hst_0002.pmap", derived_from="hst_0001.pmap", replaced_by_filename="gone.pmap")
    page = client.get("/browse/hst_0002.pmap").content.decode()
    assert '<a class="file" href="/browse/hst_0001.pmap">' in page
    assert "/browse/gone.pmap" not in page


def test_the_admin_record_is_linked_for_those_who_may_see_it(client):
    row = catalogue.file("hst_0001.pmap")
    address = f"/admin/interactive/catalogfile/{row.pk}/change/"
    user = User.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert address not in client.get("/browse/hst_0001.pmap").content.decode()
    user.user_permissions.add(Permission.objects.get(codename="view_catalogfile"))
    client.force_login(User.objects.get(pk=user.pk))
    assert address in client.get("/browse/hst_0001.pmap").content.decode()
    assert client.get(address).status_code == 200


# ---- names that are not there ----------------------------------------------------


@pytest.mark.parametrize("name", [
    "none.fits", "HST_0001.PMAP", "hst_0001.pmap%00", "%3Cscript%3E", "..%2f..%2fetc%2fpasswd",
    "..", "a%20b", "x" * 5000, "%F0%9F%92%A9", "hst_0001.pmap%0A", "'%22%3E%3Cimg", "%25", "a\\b"])
def test_unknown_and_hostile_names_get_a_helpful_404(client, name):
    catalogue.make(1)
    for address in (f"/browse/{name}", f"/browse/{name}/lineage/"):
        response = client.get(address)
        assert response.status_code == 404
        page = response.content.decode()
        assert 'id="error_message"' in page and "<script>" not in page and "<img" not in page
        assert "What you can do" in page


def test_unknown_names_get_suggestions_of_published_files_alone(client):
    catalogue.make(1)
    catalogue.file("hst_acs_biasfile_0002.rmap", state="uploaded")
    page = client.get("/browse/hst_acs_biasfile_001.rmap")
    assert "Did you mean hst_acs_biasfile_0001.rmap" in words(page)
    assert client.get("/browse/hst_acs_biasfile_0002.rmap").status_code == 404
    assert "hst_acs_biasfile_0002.rmap" not in words(page)


@pytest.mark.parametrize("part", ["nothing", "patterns", "template"])
def test_parts_that_a_file_does_not_have_are_404(client, part):
    catalogue.make(1)
    response = client.get(f"/browse/{RMAP}/{part}/")
    assert response.status_code == 404 and "It has contents, lineage" in words(response)


# ---- parts -------------------------------------------------------------------------


def test_parts_load_alone_for_htmx_and_are_pages_without_it(client):
    catalogue.make(1)
    page = client.get(f"/browse/{REFERENCE}").content.decode()
    for part in ("lineage", "used_by", "patterns", "constraints", "actions"):
        address = f"/browse/{REFERENCE}/{part}/"
        assert f'hx-get="{address}"' in page and f'href="{address}"' in page
        alone = client.get(address, headers={"HX-Request": "true"})
        whole = client.get(address)
        assert b"<html" not in alone.content and b"<html" in whole.content
        assert "HX-Request" in whole.headers["Vary"]
        assert b"error_message" not in whole.content


def test_used_by_tells_ranges_and_contexts_in_use(client):
    for serial in (1, 2, 3):
        catalogue.make(serial)
    imap = CatalogFile.objects.get(name="hst_acs_0001.imap")
    catalogue.link(CatalogFile.objects.get(name="hst_0002.pmap"), imap, "acs2")
    page = words(client.get(f"/browse/{RMAP}/used_by/"))
    assert re.search(r"hst_0001.pmap \S hst_0002.pmap \(2\)", page)
    assert "None of the contexts in use" in page
    assert "latest context hst_0003.pmap" in words(
        client.get("/browse/hst_acs_biasfile_0003.rmap/used_by/"))
    assert "No published rules contain" in words(
        client.get(f"/browse/{catalogue.file('alone.fits').name}/used_by/"))


def test_past_actions(client):
    row = catalogue.file("hst_0002.pmap", catalog_link="hst_000_000009.cat")
    AuditRecord.objects.create(user="me", action="submit file", file=row.name, why="<new>",
                               details={"catalog": "hst_1.cat", "files": ["a", "b"]})
    delivery = Delivery.objects.create(number=1, catalog="hst_1.cat", description="Two files")
    for file in (row, catalogue.file("y_bia.fits")):
        DeliveryFile.objects.create(delivery=delivery, file=file)
    page = client.get("/browse/hst_0002.pmap/actions/")
    text = words(page)
    assert "submit file" in text and "hst_1.cat" in text and "Two files" in text
    assert '<a class="file" href="/browse/y_bia.fits">' in page.content.decode()
    assert "names the delivery hst_000_000009.cat" in text
    assert b"&lt;new&gt;" in page.content
    assert record(client, row.name)["Reason for Delivery"] == "Two files"
    assert "Nothing is recorded" in words(
        client.get(f"/browse/{catalogue.file('alone.fits').name}/actions/"))


def test_text_of_rules_that_are_not_stored_here(client):
    catalogue.make(1)
    assert "is not stored here" in words(client.get(f"/browse/{RMAP}/contents/"))


def test_constraints_of_references_and_rules(client):
    catalogue.make(1)
    for name in (REFERENCE, RMAP):
        page = client.get(f"/browse/{name}/constraints/")
        assert "From acs_bia.tpn" in words(page)
        rows = {row[0]: row for row in Tables(page.content.decode()).tables[0]}
        assert rows["DETECTOR"][1:] == [
            "keyword", "text", "required", "always", "WFC, HRC"]
    assert client.get("/browse/hst_acs_0001.imap/constraints/").status_code == 404
    odd = catalogue.file("odd.fits", instrument="acs", filekind="nothing")
    assert "has no constraints for nothing of ACS" in words(
        client.get(f"/browse/{odd.name}/constraints/"))


# ---- demonstration content -----------------------------------------------------------


@pytest.mark.parametrize("observatory", ["hst", "jwst", "roman", "tobs"])
def test_every_published_file_opens(client, demo_of, observatory):
    """Every page; of each kind of file, each part, too."""
    demo_of(observatory)
    kinds: dict[tuple[str, str], CatalogFile] = {}
    for file in CatalogFile.objects.published():
        response = client.get(f"/browse/{file.name}")
        assert response.status_code == 200
        assert f'CRDS Name</th><td class="record mono">{file.name}<'.encode() in response.content
        kinds[file.extension, file.instrument if file.extension != ".pmap" else ""] = file
    for file in kinds.values():
        for part in browse._parts(file):
            response = client.get(f"/browse/{file.name}/{part.name}/")
            assert response.status_code == 200, (file.name, part.name)
            assert b"error_message" not in response.content
    assert {".pmap", ".imap", ".rmap"} <= {extension for extension, _ in kinds}


def test_lineage_and_patterns_of_a_reference_of_the_demonstration(client, hst_demo):
    pmap = ContextPointer.objects.get(kind="latest").context.name
    rmap = next(name for name in rule_graph.mapping_names(pmap)
                if name.startswith("hst_acs_biasfile"))
    links = CatalogFile.objects.get(name=rmap).links_down.order_by("child__name")
    reference = links.last().child
    waiting = client.get(f"/browse/{reference.name}/lineage/")
    assert "Following the file" in words(waiting)
    assert client.get(f"/api/v1/files/{reference.name}/lineage").status_code == 202
    patterns = client.get(f"/browse/{reference.name}/patterns/")
    assert f"{rmap} under {pmap}" in words(patterns) and "Reading all rules" in words(patterns)
    alone = client.get(f"/browse/{reference.name}/all_patterns/", headers={"HX-Request": "true"})
    assert f'hx-get="/browse/{reference.name}/all_patterns/"'.encode() in alone.content
    work()
    alone = client.get(f"/browse/{reference.name}/all_patterns/", headers={"HX-Request": "true"})
    assert b"hx-trigger" not in alone.content and rmap in words(alone)
    page = words(client.get(f"/browse/{reference.name}/lineage/"))
    assert "it appeared in" in page and "this file" in page
    series = history.compute(reference)
    assert [one.filekind for one in series] == ["biasfile"]
    table = Tables(client.get(f"/browse/{reference.name}/patterns/").content.decode()).tables[0]
    rows = {tuple(row[:len(series[0].spans[-1].titles)]) for row in table[1:]}
    assert rows == {tuple(pattern["values"]) for pattern in series[0].spans[-1].patterns}
    assert Job.objects.count() == 1
    answer = client.get(f"/api/v1/files/{reference.name}/lineage")
    assert answer.status_code == 200 and reference.name in [
        member["name"] for member in answer.json()["members"]]


def test_the_history_equals_what_each_rule_says(hst_demo):
    """Of all references of a type: the spans against the table of every single rule."""
    rules = list(CatalogFile.objects.filter(
        instrument="acs", filekind="darkfile", extension=".rmap").order_by("name"))
    assert len(rules) > 2
    for reference in CatalogFile.objects.filter(links_up__parent__in=rules).distinct():
        (series,) = history.compute(reference)
        told = {}
        for span in series.spans:
            names = [row.name for row in rules if span.first <= row.name <= span.last]
            assert len(names) == span.count
            told.update(dict.fromkeys(names, span.patterns))
        for row in rules:
            _, patterns = history.patterns_of(rule_tables.table_of(row), reference.name)
            assert told.get(row.name, []) == patterns


def test_patterns_in_other_rules_and_contexts(client, hst_demo):
    first = CatalogFile.objects.filter(extension=".pmap").order_by("name").first()
    rmap = next(name for name in rule_graph.mapping_names(first.name)
                if name.startswith("hst_acs_darkfile"))
    reference = CatalogFile.objects.get(name=rmap).links_down.first().child.name
    address = f"/browse/{reference}/patterns/"
    assert f"{rmap} under {first.name}" in words(client.get(address, {"context": first.name}))
    page = client.get(address, {"rules": rmap})
    assert f"<option selected>{rmap}</option>" in page.content.decode()
    assert "1 match case" in words(page) or "match cases" in words(page)
    for query in ({"context": "hst_9999.pmap"}, {"context": "nonsense"}, {"rules": "x.rmap"},
                  {"rules": "<i>"}, {"context": "hst_acs_0001.imap"}):
        response = client.get(address, query)
        assert response.status_code in (400, 404) and b"<i>" not in response.content
        part = client.get(address, query, headers={"HX-Request": "true"})
        assert part.status_code == 200 and b'class="notice warning"' in part.content


def test_rules_show_their_text_with_links_and_what_to_compare_them_with(client, hst_demo):
    page = client.get("/browse/hst_0004.pmap").content.decode()
    assert re.findall(r"<option>(.*?)</option>", page) == [
        "hst_0003.pmap", "hst_0002.pmap", "hst_0001.pmap"]
    links = client.get("/browse/hst_0004.pmap/lineage/").content.decode()
    assert 'href="/diff/hst_0003.pmap/hst_0004.pmap/"' in links
    assert 'href="/diff/hst_0004.pmap/hst_0005.pmap/"' in links
    file = CatalogFile.objects.filter(extension=".imap", state="latest").first()
    page = client.get(f"/browse/{file.name}/contents/").content.decode()
    child = file.links_down.first().child.name
    assert f'<a href="/browse/{child}">{child}</a>' in page
    assert '<span class="line" id="L1" data-n="1">' in page
    shown = html.unescape(re.sub(
        r"<[^>]+>", "", re.search(r"<pre><code>(.*?)</code>", page, re.DOTALL)[1]))
    assert shown.splitlines() == store.location(file.name).read_text().splitlines()


# ---- real content ----------------------------------------------------------------------


def test_a_sample_of_the_real_rules(client, instance_of, real_cache, tmp_path):
    """Rules and references of Roman as they are, with all parts."""
    instance_of("roman")
    import_catalog(CacheSource(real_cache, "roman"))
    seen = set()
    for file in CatalogFile.objects.published().order_by("-name"):
        if (file.extension, file.filekind) in seen:
            continue
        seen.add((file.extension, file.filekind))
        assert record(client, file.name)["CRDS Name"] == file.name
        for part in browse._parts(file):
            assert client.get(f"/browse/{file.name}/{part.name}/").status_code == 200
    assert len({extension for extension, _ in seen}) >= 4
    work()


# ---- queries -----------------------------------------------------------------------------


@pytest.mark.parametrize("name, parts", [
    ("hst_0001.pmap", ("", "/lineage/", "/used_by/", "/actions/")),
    ("hst_acs_0001.imap", ("", "/lineage/", "/used_by/")),
    (RMAP, ("", "/lineage/", "/used_by/", "/constraints/", "/contents/")),
    (REFERENCE, ("", "/used_by/", "/constraints/", "/actions/")),
])
def test_queries_do_not_grow_with_the_catalogue(queries, name, parts):
    catalogue.make(1, instruments=1, kinds=1, references=1)
    few = [queries(f"/browse/{name}{part}") for part in parts]
    for serial in range(2, 8):
        catalogue.make(serial, instruments=3, kinds=3, references=5)
        imap = CatalogFile.objects.get(name="hst_acs_0001.imap")
        catalogue.link(CatalogFile.objects.get(name=f"hst_{serial:04d}.pmap"), imap, "again")
    many = [queries(f"/browse/{name}{part}") for part in parts]
    assert many == few and max(few) <= 12, (few, many)


def test_queries_of_kept_parts_are_few(queries, hst_demo):
    file = CatalogFile.objects.filter(
        type="reference", state="latest", filekind="darkfile", instrument="acs").first()
    address = f"/browse/{file.name}"
    for part in ("lineage", "patterns"):
        queries(f"{address}/{part}/")
    work()
    assert max(queries(f"{address}/{part}/") for part in ("lineage", "patterns")) <= 12
