"""The real client on every observatory: demonstration content, real caches of JWST and Roman."""

from __future__ import annotations

import re

import pytest

from tests.live import Client, LiveServer

#: Latest context of the demonstration content, and an instrument with datasets.
DEMO = {
    "hst": ("hst_0005.pmap", "acs"),
    "jwst": ("jwst_0005.pmap", "niriss"),
    "roman": ("roman_0005.pmap", "wfi"),
    "tobs": ("tobs_0003.pmap", None),
}


@pytest.fixture(scope="module", params=list(DEMO))
def demo(request, live_instance):
    observatory = request.param
    with LiveServer(live_instance(observatory, "demo"), observatory) as server:
        yield server


@pytest.fixture(scope="module", params=["jwst", "roman"])
def real(request, live_instance):
    with LiveServer(live_instance(request.param, "real"), request.param) as server:
        yield server


REAL_LATEST = {"jwst": "jwst_0300.pmap", "roman": "roman_0004.pmap"}


def assigned(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if " - " not in line and line.strip())


def check_best_references(client: Client, context: str, instrument: str) -> None:
    """Local and remote selection of a few datasets give the same, without an error."""
    listed = client.run(
        f"list --dataset-ids-for-instruments {instrument} --contexts {context}").clean()
    ids = " ".join(listed.out.split()[:5])
    command = f"bestrefs --datasets {ids} --new-context {context} --print-new-references"
    local = client.run(command, CRDS_MODE="local")
    remote = client.run(command + " --remote-bestrefs", CRDS_MODE="remote")
    assert assigned(local.out) == assigned(remote.out) != []
    # What the client finds wrong with the rules or with its own machine it finds either way.
    assert complaints(remote) == complaints(local)


def complaints(done) -> list[str]:
    return sorted(line for line in done.text.splitlines()
                  if " - WARNING - " in line or " - ERROR - " in line)


def test_a_whole_context_with_its_references(demo, tmp_path):
    """Rules and references come over, and everything is as the server says it is."""
    context, _ = DEMO[demo.observatory]
    client = demo.client(tmp_path)
    assert context in client.run("list --status").clean().text
    if demo.observatory == "tobs":
        # The client cannot place references of the test observatory in an empty cache.
        client.run(f"sync --contexts {context} --check-files --check-sha1sum").clean()
        return
    client.run(f"sync --contexts {context} --fetch-references").clean()
    fetched = {p.name for p in tmp_path.rglob("references/**/*.*") if p.is_file()}
    named = set(demo.rpc("get_reference_names", context))
    assert named <= fetched
    checked = client.run(
        f"sync --contexts {context} --fetch-references --check-files --check-sha1sum").clean()
    assert " 0 errors" in checked.text


def test_best_references_local_and_remote(demo, tmp_path):
    context, instrument = DEMO[demo.observatory]
    if instrument is None:
        pytest.skip("the test observatory has no archive")
    client = demo.client(tmp_path)
    client.run(f"sync --contexts {context}").clean()
    check_best_references(client, context, instrument)


def test_contexts_by_role_and_date(demo, tmp_path):
    context, _ = DEMO[demo.observatory]
    client = demo.client(tmp_path)
    for spec, name in ((f"{demo.observatory}-latest", context),
                       (f"{demo.observatory}-2100-01-01", context)):
        done = client.run(f"list --resolve-contexts --contexts {spec}").clean()
        assert done.out.split() == [name]
    client.run("sync --fetch-sqlite-db").clean()
    listed = client.run(f"sql --list-columns crds_{demo.observatory}_catalog").clean().text
    assert "activation_date" in listed


def test_real_rules(real, tmp_path):
    """All rules of the real caches, checked file by file."""
    context = REAL_LATEST[real.observatory]
    client = real.client(tmp_path)
    assert context in client.run("list --status").clean().text
    done = client.run(f"list --resolve-contexts --contexts {real.observatory}-edit").clean()
    assert re.fullmatch(rf"{real.observatory}_\d{{4}}\.pmap", done.out.strip())
    client.run("sync --all").clean()
    done = client.run("sync --all --check-files --check-sha1sum --repair-files").clean()
    assert " 0 errors" in done.text
    done = client.run(f"sync --contexts {context} --check-files"
                      f" --push-context {real.observatory}-ops-pipeline").clean()
    done = client.run(f"list --remote-context {real.observatory}-ops-pipeline").clean()
    assert done.out.split() == [context]


def test_real_best_references(real, tmp_path):
    context = REAL_LATEST[real.observatory]
    client = real.client(tmp_path)
    client.run(f"sync --contexts {context}").clean()
    check_best_references(client, context, {"jwst": "miri", "roman": "wfi"}[real.observatory])


def test_history_of_jwst(live_instance, tmp_path):
    """As the live server had it: what pipelines of that time were told."""
    with LiveServer(live_instance("jwst", "real"), "jwst") as server:
        history = server.rpc("get_context_history", "jwst")
        assert history[-1] == ["2012-09-06 00:00:00+00:00", "jwst.pmap", "Bootstrap mappings"]
        done = server.client(tmp_path).run("query_affected --list -x 0 -y 3").clean()
        assert "jwst.pmap" in done.out


def test_calibration_versions(live_instance, tmp_path):
    """SYSTEM CALVER: versions of the calibration steps, and the context for a release."""
    with LiveServer(live_instance("jwst", "demo"), "jwst") as server:
        program = ("from crds.client import api\n"
                   "v = api.get_system_versions('1.10.0', 'null')\n"
                   "print(v.CAL_VER, len(v.versions))\n")
        done = server.client(tmp_path).python(program).clean()
        version, count = done.out.split()
        assert version == "1.10.0" and int(count) > 3
        with pytest.raises(RuntimeError, match="does not know version"):
            server.rpc("get_system_versions", "0.0.1", "null")
        with pytest.raises(RuntimeError, match="must be 1-128 chars"):
            server.rpc("get_system_versions", "1 2", None)
        builds = server.rpc("get_server_info")["build_context"]
        assert builds.startswith("jwst_")
