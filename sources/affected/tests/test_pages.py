"""Pages, downloads and REST API of affected datasets."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from affected.models import AffectedRun, Reason
from affected.services import computing, foreground, results

pytestmark = pytest.mark.django_db(databases=["default", "archive"])

OLD, NEW = "hst_0001.pmap", "hst_0005.pmap"
PAIR = f"/affected/{OLD}/{NEW}/"


@pytest.fixture
def run(datasets):
    return foreground.run(OLD, NEW, Reason.COMMAND)


@pytest.fixture
def operator(client):
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_everybody_sees_results(client, run):
    assert f'href="{PAIR}"' in client.get("/affected/").content.decode()
    page = client.get(PAIR).content.decode()
    row = next(iter(results.Updates(computing.folder_of(run))))
    assert row.id in page
    assert f"{run.products:,}" in page
    for instrument, kinds in run.counts.items():
        for kind in kinds:
            assert f"instrument={instrument}&amp;filekind={kind}#list" in page


def test_datasets_are_filtered_and_downloaded(client, run):
    rows = list(results.Updates(computing.folder_of(run)))
    kind = rows[0].filekind
    chosen = json.loads(b"".join(
        client.get(f"{PAIR}?format=json&filekind={kind}").streaming_content))
    assert [one["id"] for one in chosen] == [row.id for row in rows if row.filekind == kind]
    assert chosen[0]["new"] == rows[0].new
    text = b"".join(client.get(f"{PAIR}?format=csv").streaming_content).decode()
    assert len(text.splitlines()) == len(rows) + 1
    exposure = rows[0].id.split(":")[1].lower()
    page = client.get(f"{PAIR}?text={exposure}").content.decode()
    number = sum(row.id.lower().endswith(exposure) for row in rows)
    assert f"of {number}" in page
    assert client.get(f"{PAIR}?text=%25_").context["table"].paginator.count == 0
    ids = b"".join(client.get(f"{PAIR}ids.txt").streaming_content).decode().split()
    assert ids == sorted({row.id.split(":")[0].lower() for row in rows if not row.failed})


def test_who_may_start_cancel_and_repeat(client, datasets, work):
    anonymous = client.post("/affected/start/", {"old": OLD, "new": NEW})
    assert anonymous.status_code == 302
    assert "/login/" in anonymous["Location"]
    client.force_login(User.objects.create_user("reader"))
    assert client.post("/affected/start/", {"old": OLD, "new": NEW}).status_code == 403
    client.force_login(User.objects.create_superuser("operator"))
    started = client.post("/affected/start/", {"old": OLD, "new": NEW})
    assert started["Location"] == PAIR
    run = AffectedRun.objects.get()
    assert b"Waiting to be computed" in client.get(PAIR).content
    client.post(f"/affected/runs/{run.pk}/cancel/")
    assert b"This comparison was stopped." in client.get(PAIR).content
    client.post(f"/affected/runs/{run.pk}/again/")
    work()
    assert b"This is a what-if" in client.get(PAIR).content
    assert client.get(f"{PAIR}progress/")["HX-Refresh"] == "true"


@pytest.mark.parametrize(("old", "new", "status"), [
    (OLD, OLD, 400), ("", NEW, 400), ("hst_9999.pmap", NEW, 404),
    ("<script>alert(1)</script>", NEW, 404)])
def test_wrong_names_are_told_in_the_form(operator, datasets, old, new, status):
    answer = operator.post("/affected/start/", {"old": old, "new": new})
    assert answer.status_code == status
    assert b"These were not compared" in answer.content
    assert b"<script>alert" not in answer.content
    assert not AffectedRun.objects.exists()


def test_pairs_that_nobody_compared(client, datasets):
    assert b"were not compared" in client.get(f"/affected/{NEW}/{OLD}/").content
    assert client.get(f"/affected/hst_9999.pmap/{NEW}/").status_code == 404
    assert client.get(f"/affected/{NEW}/{OLD}/ids.txt").status_code == 404
    assert client.get(f"/affected/{NEW}/{OLD}/progress/").status_code == 404


def test_files_that_somebody_removed(client, run):
    (computing.folder_of(run) / results.NAME).unlink()
    assert b"The files of this result are gone." in client.get(PAIR).content


def test_rest_api(client, run, datasets):
    listed = client.get("/api/v1/affected").json()
    assert [one["id"] for one in listed] == [run.pk]
    answer = client.get(f"/api/v1/affected/{OLD}/hst-latest?limit=3").json()
    assert answer["total"] == len(results.Updates(computing.folder_of(run)))
    assert len(answer["items"]) == 3
    assert answer["run"]["counts"] == run.counts
    body = {"old_context": NEW, "new_context": OLD}
    assert client.post("/api/v1/affected", body, "application/json").status_code == 401
    assert client.get(f"/api/v1/affected/{NEW}/{OLD}").status_code == 404


def test_the_clients_call(client, run):
    body = {"jsonrpc": "1.0", "id": 1, "method": "get_affected_datasets",
            "params": ["hst", OLD, NEW]}
    answer = client.post("/json/", body, "application/json").json()["result"]
    text = json.dumps(answer)
    assert "bestrefs_status" in text or "crds_encoded" in text
