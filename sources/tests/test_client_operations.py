"""What operators do, as the real client sees it: a new latest context, bad files."""

from __future__ import annotations

import pytest

from tests.live import LiveServer

OLD, NEW = "hst_0005.pmap", "hst_0006.pmap"

OPERATOR = """
from django.contrib.auth.models import User
from accounts.models import Grant
from operations.services import marking_files, setting_contexts
user, _ = User.objects.get_or_create(username="operator")
Grant.objects.get_or_create(user=user, role="operator")
"""


@pytest.fixture(scope="module")
def hst(live_instance):
    with LiveServer(live_instance("hst", "demo"), "hst") as server:
        yield server


def test_the_client_follows_a_new_latest_context_and_refuses_bad_files(hst, tmp_path):
    """One story on one server: each step is what the next one starts from."""
    client = hst.client(tmp_path)
    assert OLD in client.run("list --status").clean().text
    client.run(f"sync --contexts {OLD} {NEW}").clean()

    hst.shell(OPERATOR + f"setting_contexts.set_latest({NEW!r}, user=user, expected={OLD!r})")
    assert client.run("list --latest-context").clean().out.split() == [NEW]
    client.run("sync --contexts hst-latest").clean()
    status = client.run("list --status").clean().text
    assert NEW in status
    assert OLD not in status

    # A dataset whose reference of the old context is not in the new one.
    gone = (set(client.run(f"list --references --contexts {OLD}").clean().out.split())
            - set(client.run(f"list --references --contexts {NEW}").clean().out.split()))
    dataset, filekind, reference = _dataset_with(hst, gone)
    command = (f"bestrefs --new-context {OLD} --datasets {dataset} --types {filekind}"
               " --print-new-references --sync-mappings=0")
    assert reference in client.run(command).text.lower()

    hst.shell(OPERATOR + f"marking_files.mark([{reference!r}], bad=True, user=user, reason='Bad')")
    client.run("sync --contexts hst-latest").clean()
    assert reference in (tmp_path / "config/hst/bad_files.txt").read_text()
    refused = client.run(command)
    assert "bad" in refused.text.lower()
    assert refused.code != 0
    assert client.run(f"{command} --allow-bad-references").code == 0

    # Of the dataset's own type: the client looks at the rules of its instrument only.
    rmap = next(name for name in sorted(_mappings(client, OLD) - _mappings(client, NEW))
                if name.endswith(".rmap") and f"_{filekind.lower()}_" in name)
    hst.shell(OPERATOR + f"marking_files.mark([{rmap!r}], bad=True, user=user, reason='Bad')")
    refused = client.run(f"{command} --allow-bad-references")
    assert "bad" in refused.text.lower()
    assert refused.code != 0
    client.run(f"sync --contexts {NEW}").clean()


def _mappings(client, context: str) -> set[str]:
    return set(client.run(f"list --mappings --contexts {context}").clean().out.split())


def _dataset_with(hst, gone: set[str]) -> tuple[str, str, str]:
    for instrument in ("cos", "acs"):
        ids = hst.rpc("get_dataset_ids", "hst", instrument)
        for start in range(0, len(ids), 500):
            found = hst.rpc("get_best_references_by_ids", OLD, ids[start:start + 500], [])
            for dataset, (status, references) in found.items():
                for filekind, reference in (references.items() if status else ()):
                    if reference.lower() in gone:
                        return dataset, filekind, reference.lower()
    raise AssertionError(f"No dataset uses any of {sorted(gone)}")
