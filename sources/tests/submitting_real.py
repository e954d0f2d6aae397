"""The unmodified client submits real reference files, and what has to come of each."""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from rules.tests.reference_outcomes import OUTCOMES

from .submitting import PASSWORD, Desk

RESULT = re.compile(r"/display_result/([0-9a-f-]{36})")

#: Files that certify clean, but cannot be inserted into the rules: its case for two detectors
#: stands beside the cases that the rules have for each of them.
OVERLAPS = {"jwst_miri_ipc_0003.add.fits": {"equal-weight"}}

#: What forms say of files that are not taken in, by the code of their error.
REFUSALS = {"geis-half": "is one half of a GEIS pair and"}

#: Seconds that the work on one file may take on a busy machine.
PATIENCE = 240

#: The client's own connection uploads and submits, without its checks of the file before.
SEND = """
import json
from crds.submit.web import CrdsDjangoConnection
connection = CrdsDjangoConnection("none", {person!r}, {password!r}, {url!r})
connection.login()
for info in connection.get("/upload/list/").json()["files"]:
    connection.get(info["deleteUrl"])
connection.upload_file({path!r})
started = connection.repost_start(
    "/batch_submit_references/", pmap_mode="pmap_edit", pmap_name={context!r}, instrument="none",
    change_level="SEVERE", description="A real reference file", auto_rename=True,
    compare_old_reference=True)
started.join()
print(json.dumps({{"url": started.result.url, "errors": None, "map": {{}}, "code": None}}))
"""

#: Submits without watching, as who looks again later; then gives it up.
LATER = """
import json
from crds.submit.monitor import MonitorScript
from crds.submit.submit import ReferenceSubmissionScript
script = ReferenceSubmissionScript(["crds.submit", *{arguments!r}])
code = script()
monitor = MonitorScript("crds.monitor --key " + script.jpoll_key, reset_log=False)
monitor()
script._ready_url = monitor.result
script.get_file_map()
script.cancel()
print(json.dumps({{"code": code, "map": script._file_map, "errors": script._error_count,
                  "url": script._ready_url}}))
"""

#: What extended submissions ask; the instrument and type come on top.
ANSWERS = {
    "deliverer": "Sara Mitter", "history_updated": True, "pedigree_updated": True,
    "keywords_checked": True, "descrip_updated": True, "useafter_updated": True,
    "useafter_matches": "Yes", "compliance_verified": "Yes", "calpipe_version": "yes, 3.4",
    "modes_affected": "all", "correctness_testing": "compared with the ones before",
    "replacing_badfiles": "No", "change_level": "SEVERE",
    "description": "A real reference file"}

#: Makes a dataset that a reference is to be selected for, of the first case that names it.
DATASET = """
import json
from crds import matches
case = matches.find_match_paths_as_dict({context!r}, {reference!r})[0]
kinds = {{key: case.pop(key) for key in ("observatory", "instrument", "filekind")}}
header = {{key: value.split("|")[0] for key, value in case.items()}}
header[{instrument_key!r}] = kinds["instrument"].upper()
with open({path!r}, "w") as file:
    json.dump({{"MADE:MADE": header}}, file)
print(json.dumps({{"filekind": kinds["filekind"]}}))
"""

#: Parameter that names a dataset's instrument.
INSTRUMENT_KEYS = {"hst": "INSTRUME", "jwst": "META.INSTRUMENT.NAME",
                   "roman": "ROMAN.META.INSTRUMENT.NAME"}


@dataclass
class Outcome:
    """How the submission of one file ended."""

    name: str
    code: int | None
    text: str
    file_map: dict[str, str]
    #: what the server tells of it; empty if the client did not send it
    told: dict = field(default_factory=dict)
    context: str = ""

    @property
    def findings(self) -> list[dict]:
        """Errors that the server found."""
        found = [*self.told.get("findings", ()), *(
            one for file in self.told.get("files", ()) for one in file["findings"])]
        return [one for one in found if one["level"] == "error"]

    @property
    def codes(self) -> set[str]:
        return {one["code"] for one in self.findings}

    @property
    def refusal(self) -> str:
        """What the server said of a form that it did not take in."""
        said = re.findall(r" - ERROR - +CRDS server error: +(.*)", self.text)
        return said[-1] if said else ""

    @property
    def official(self) -> str:
        return self.file_map.get(self.name, "")


def expected_errors(desk: Desk, path: Path, published: set[str]) -> set[str]:
    """Codes of the errors that the file must end in; none if it must be accepted.

    ``published`` are the checksums of the catalogue: what certifies clean may be there already.
    """
    errors = set(OUTCOMES[desk.live.observatory][path.name].codes) | OVERLAPS.get(path.name, set())
    if not errors and hashlib.sha1(path.read_bytes()).hexdigest() in published:
        return {"duplicate"}
    return errors


def checksums(desk: Desk) -> set[str]:
    """Those of all references that the server knows."""
    info = desk.live.rpc("get_file_info_map", desk.live.observatory, None, ["sha1sum"])
    return {one["sha1sum"] for one in decoded(info).values()}


def decoded(result):
    from crds.client.proxy import crds_decode

    return crds_decode(result)


def edit_context(desk: Desk) -> str:
    return desk.live.rpc("get_default_context", desk.live.observatory, "edit")


def submit(desk: Desk, person: str, path: Path) -> Outcome:
    """By ``crds submit``, watched until the end and confirmed."""
    ended = desk.submit(
        person, "--files", str(path), "--creator", "A team", "--description",
        "A real reference file", "--wipe-existing-files", "--autoconfirm")
    return _outcome(desk, path.name, ended)


def extended(desk: Desk, person: str, path: Path) -> Outcome:
    """By ``crds.submit.Submission``, with the questionnaire."""
    answers = _answers(desk, path)
    ended = desk.extended(person, answers, [str(path)])
    # The interface has no exit status; its count of errors is what programs look at.
    return _outcome(desk, path.name, ended | {"code": ended["errors"]})


def rc_submit(desk: Desk, person: str, path: Path) -> Outcome:
    """By the command ``crds rc_submit``, which tells no file map: that of the server is taken."""
    answers = desk.folder / f"{path.name}.yml"
    answers.write_text(json.dumps(_answers(desk, path)))
    done = desk.command(person, (
        f"rc_submit --files {path} --redcat-parameters {answers} --monitor-processing"
        " --wait-for-completion --wipe-existing-files --autoconfirm --creator team"
        " --description Real"))
    outcome = _outcome(desk, path.name, {"code": done.code, "text": done.text})
    outcome.file_map = outcome.told.get("file_map", {})
    return outcome


def _answers(desk: Desk, path: Path) -> dict:
    known = OUTCOMES[desk.live.observatory][path.name]
    return ANSWERS | {"instrument": known.instrument, "file_type": known.filekind}


def later(desk: Desk, person: str, path: Path) -> Outcome:
    """Submitted without monitor and wait, looked at afterwards, and cancelled."""
    ended = desk.python(person, LATER.format(arguments=[
        "--files", str(path), "--username", person, "--wipe-existing-files", "--creator", "A team",
        "--description", "A real reference file"]))
    return _outcome(desk, path.name, ended)


def send(desk: Desk, person: str, path: Path) -> Outcome:
    """Send a file that ``crds submit`` itself refuses to."""
    ended = desk.python(person, SEND.format(
        person=person, password=PASSWORD, url=desk.live.url, path=str(path),
        context=edit_context(desk)))
    ended["text"] += ended.get("url") or ""
    return _outcome(desk, path.name, ended)


def _outcome(desk: Desk, name: str, ended: dict) -> Outcome:
    outcome = Outcome(name, ended.get("code"), ended["text"], ended.get("map") or {})
    results = RESULT.findall(ended["text"])
    if results:
        outcome.told = at_rest(desk, results[-1])
        outcome.context = outcome.told["new_context"]
    return outcome


def at_rest(desk: Desk, submission: str) -> dict:
    """What the server tells of a submission once nothing goes on any more."""
    deadline = time.monotonic() + PATIENCE
    while True:
        told = get(desk, f"/api/v1/submissions/{submission}")
        if told["state"] not in ("queued", "running", "confirming"):
            return told
        if time.monotonic() > deadline:
            raise RuntimeError(f"{submission} is {told['state']} after {PATIENCE} s.")
        time.sleep(0.5)


def get(desk: Desk, address: str) -> dict:
    with urllib.request.urlopen(desk.live.url + address, timeout=60) as response:
        return json.load(response)


# ---- what must hold -------------------------------------------------------------


def problems(desk: Desk, outcome: Outcome, expected: set[str]) -> list[str]:
    """What is not as it must be; empty if all is well."""
    if expected:
        return _refused(outcome, expected)
    return _accepted(desk, outcome)


def _refused(outcome: Outcome, expected: set[str]) -> list[str]:
    found = []
    if not outcome.code and outcome.code is not None:
        found.append("the client ended with status 0")
    if not outcome.told:
        if not any(text in outcome.refusal for text in map(REFUSALS.get, expected) if text):
            found.append("the server did not get it")
        return found
    if not expected <= outcome.codes:
        found.append(f"expected {sorted(expected)}, found {sorted(outcome.codes)}")
    if outcome.told["state"] != "failed":
        found.append(f"it is {outcome.told['state']}")
    if outcome.context:
        found.append(f"it made {outcome.context}")
    found += [f"no advice for {one['code']}" for one in outcome.findings if not one["advice"]]
    if outcome.code is not None:
        # The client writes keywords of FITS behind those of data models.
        heard = " ".join(re.sub(r" \[\w+\]", "", outcome.text).split())
        found += [f"the client was not told {one['text']!r}" for one in outcome.findings
                  if " ".join(one["text"].split())[:60] not in heard]
    return found


def _accepted(desk: Desk, outcome: Outcome) -> list[str]:
    found = []
    if outcome.code != 0:
        found.append(f"the client ended with status {outcome.code}")
    found += [f"error {one['code']}: {one['text']}" for one in outcome.findings]
    if not outcome.told:
        return [*found, "the server did not get it"]
    if outcome.told["state"] != "confirmed":
        return [*found, f"it is {outcome.told['state']}: {outcome.told['error']}"]
    made = outcome.file_map.values()
    # Others may have been confirmed in between: the client finds their rules, too.
    missing = set(outcome.told["file_map"].values()) - set(made)
    if missing:
        found.append(f"the file map lacks {sorted(missing)}: {outcome.file_map}")
    for kind in (".rmap", ".imap", ".pmap"):
        if not any(name.endswith(kind) for name in made):
            found.append(f"the file map has no {kind}: {outcome.file_map}")
    told = {file["uploaded_as"]: file["name"] for file in outcome.told["files"]
            if file["origin"] == "uploaded"}
    if not outcome.official or told != {outcome.name: outcome.official}:
        found.append(f"the file map says {outcome.official!r}, the server {told}")
    if outcome.context not in made:
        found.append(f"{outcome.context} is not in the file map")
    info = desk.live.rpc(
        "get_file_info_map", desk.live.observatory, list(made), ["state", "sha1sum"])
    found += [f"{name} is not known" for name, one in info.items() if one == "NOT FOUND"]
    if outcome.official not in desk.live.rpc("get_reference_names", outcome.context):
        found.append(f"{outcome.official} is not in {outcome.context}")
    return found


def options(desk: Desk, person: str, path: Path, other: Path) -> list[str]:
    """What ``crds submit`` does not do as it must with ``path``, which certifies clean.

    Certifying alone, files that are kept, that are in the way and that are wiped, submitting
    without waiting, and cancelling.  Nothing of it publishes anything.
    """
    before, found = edit_context(desk), []
    watched = "--monitor-processing --wait-for-completion"
    certify = f"submit --files {path} --submission-kind certify {watched}"

    def check(what: str, done, code_is_0: bool, text: str) -> None:
        if (done.code == 0) != code_is_0 or text not in done.text:
            found.append(f"{what} ended with {done.code}: {done.text[-800:]}")

    check("certify", desk.command(person, f"{certify} --wipe-existing-files"), True, "COMPLETED: ")
    check("keep", desk.command(person, f"{certify} --keep-existing-files"), True,
          "has already been copied and has correct length")
    check("in the way", desk.command(person, (
        f"submit --files {other} --submission-kind certify --keep-existing-files {watched}")),
        False, f"Non-submitted file '{path.name}' is already")
    outcome = later(desk, person, path)
    if "Wiping file" not in outcome.text:
        found.append("wipe removed nothing")
    if outcome.told.get("state") != "cancelled" or outcome.code:
        found.append(f"cancel: {outcome.code}, {outcome.told.get('state')}: {outcome.text[-800:]}")
    # Rules above it the client can only guess by now.
    if not outcome.official:
        found.append(f"before it was cancelled the file map was {outcome.file_map}")
    if edit_context(desk) != before:
        found.append(f"the edit context moved to {edit_context(desk)}")
    info = desk.live.rpc("get_file_info_map", desk.live.observatory, [outcome.official], ["state"])
    if set(info.values()) != {"NOT FOUND"}:
        found.append(f"{outcome.official} was published")
    return found


# ---- what other clients see ---------------------------------------------------------


def seen_by_clients(desk: Desk, before: str, after: str, accepted: list[Outcome]) -> list[str]:
    """What ``crds sync``, ``crds diff`` and ``crds bestrefs`` do not show as they must."""
    reader, observatory = desk.client("reader"), desk.live.observatory
    found = []

    def run(command: str, codes=(0,)):
        done = reader.run(command)
        if done.code not in codes or " - ERROR - " in done.text or " - FATAL" in done.text:
            found.append(f"crds {command} ended with {done.code}: {done.text[-600:]}")
        return done.text.lower()

    run(f"sync --contexts {before} {after}")
    names = [one.official for one in accepted]
    run(f"sync --files {' '.join(names)} --check-files --check-sha1sum")
    found += [f"{name} was not fetched" for name in names if not list(reader.cache.rglob(name))]
    folder = f"{reader.cache}/mappings/{observatory}"
    told = run(f"diff {folder}/{before} {folder}/{after}", codes=(0, 1))
    current = set(desk.live.rpc("get_reference_names", after))
    found += [f"crds diff does not tell of {name}" for name in names
              if name in current and name not in told]
    for name in names:
        if name in current:
            found += _selected(reader, desk, after, name, run)
    return found


def _selected(reader, desk: Desk, context: str, name: str, run) -> list[str]:
    path = reader.cache / f"{name}.json"
    done = reader.python(DATASET.format(
        context=context, reference=name, path=str(path),
        instrument_key=INSTRUMENT_KEYS[desk.live.observatory]))
    if done.code:
        return [f"crds matches {name} failed: {done.text[-600:]}"]
    filekind = json.loads(done.out.strip().splitlines()[-1])["filekind"]
    told = run(f"bestrefs --new-context {context} --load-pickles {path} --types {filekind}"
               " --print-new-references")
    return [] if name in told else [f"crds bestrefs does not select {name}: {told[-600:]}"]
