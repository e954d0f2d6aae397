"""Certifying in processes of their own: outcomes, limits, hostile content."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from astropy.io import fits

from rules.certifying import Candidate, CertifyingError, Stopped, Workshop

SOURCES = Path(__file__).resolve().parents[2]


def newest(cache: Path, observatory: str) -> str:
    return max(path.name for path in (cache / "mappings" / observatory).glob("*.pmap"))


def until(condition, seconds: float = 30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def workshop(demo_cache):
    """HST, with the demonstration rules."""
    cache = demo_cache("hst")
    with Workshop("hst", cache, newest(cache, "hst"), processes=2, time_limit=60,
                  memory_limit=700) as shop:
        yield shop


def a_file(folder: Path, name: str, content: bytes | str) -> Candidate:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Candidate(path, name)


def codes(certified) -> set[str]:
    return {found.code for found in certified.findings}


def test_a_demonstration_reference_is_fine(workshop, demo_cache):
    path = next((demo_cache("hst") / "references" / "hst").rglob("*_drk.fits"))
    [outcome] = workshop.certify([Candidate(path, path.name)])
    assert (outcome.errors, outcome.instrument) == (0, "acs"), outcome.log
    [identified] = workshop.identify([Candidate(path, "of any name.fits")])
    assert identified.properties == (outcome.instrument, outcome.filekind)


def test_content_that_is_no_fits(workshop, tmp_path):
    [outcome] = workshop.certify([a_file(tmp_path, "wrong.fits", "not at all")])
    assert outcome.verdict == "errors"
    assert all(found.advice for found in outcome.findings if found.level == "error")
    [identified] = workshop.identify([a_file(tmp_path, "wrong.fits", "not at all")])
    assert identified.problem.level == "error"


def test_a_context_that_does_not_load(demo_cache):
    with pytest.raises(CertifyingError, match="hst_4711"), \
            Workshop("hst", demo_cache("hst"), "hst_4711.pmap"):
        pass


# ---- what the processes are kept from ------------------------------------------


@pytest.fixture(scope="module")
def strict(demo_cache):
    """As :func:`workshop`, with hardly any time and memory."""
    cache = demo_cache("hst")
    with Workshop("hst", cache, newest(cache, "hst"), processes=2, time_limit=4,
                  memory_limit=60) as shop:
        yield shop


RULE = """header = {{
    'derived_from': 'generated from CDBS database 2013-01-12',
    'filekind': 'DEADTAB', 'instrument': 'COS', 'mapping': 'REFERENCE',
    'name': 'hst_cos_deadtab_0001.rmap', 'observatory': 'HST',
    'parkey': (('DETECTOR',), ('DATE-OBS', 'TIME-OBS')), 'sha1sum': ''}}
selector = {}
"""


def nested(depth):
    return "{'a': " * depth + "'b'" + "}" * depth


HOSTILE = {
    "import": "__import__('os').system('touch {mark}')",
    "lambda": "Match({{'a': (lambda: __import__('os').mkdir('{mark}'))()}})",
    "attribute": "Match({{'a': ''.__class__}})",
    "starred": "Match(*[open('{mark}', 'w')])",
    "format": "Match({{'a': f\"{{open('{mark}', 'w')}}\"}})",
    "power": "Match({{'a': 9**9**9**9}})",
    "more": "Match({{}})\nimport os\nos.mkdir('{mark}')",
    "other name": "Match({{}})\nfor other in ():\n    pass",
}


def test_code_in_a_rule_is_not_run(strict, tmp_path):
    mark = tmp_path / "mark"
    candidates = [
        a_file(tmp_path, f"hst_cos_deadtab_{number:04}.rmap", RULE.format(code.format(mark=mark)))
        for number, code in enumerate(HOSTILE.values())]
    for kind, outcome in zip(HOSTILE, strict.certify(candidates), strict=True):
        assert outcome.verdict == "errors", kind
        assert codes(outcome) & {"rule-code", "rule-unparsable"}, (kind, outcome.log)
        assert all(one.advice for one in outcome.findings)
    assert {one.problem.level for one in strict.identify(candidates)} == {"error"}
    assert not mark.exists()


def test_rules_that_are_nested_or_endless(strict, tmp_path):
    selectors = [
        "(" * 100_000, "-" * 300_000 + "1", "[" * 5000 + "]" * 5000, nested(50_000), nested(90),
        "Match(" + nested(3000) + ")", "'" + "a" * 3_000_000]
    candidates = [a_file(tmp_path, f"hst_cos_deadtab_{number:04}.rmap", RULE.format("") + selector)
                  for number, selector in enumerate(selectors)]
    for outcome in strict.certify(candidates):
        assert outcome.verdict == "errors", outcome.name
        first = next(one for one in outcome.findings if one.level == "error")
        assert first.advice
        assert len(first.text) < 2500


def test_a_rule_that_takes_too_long(strict, tmp_path):
    lines = ",\n".join(f"'{number}': 'x{number}.fits'" for number in range(200_000))
    text = RULE.format("Match({ ('FUV',): UseAfter({" + lines + "}) })")
    [outcome] = strict.certify([a_file(tmp_path, "hst_cos_deadtab_0001.rmap", text)])
    assert codes(outcome) & {"time", "memory"}
    assert outcome.verdict == "errors"


def laughs(levels=9, of=9):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * of)}]"
              for level in range(1, levels)]
    return "\n".join(lines)


def test_yaml_is_only_data(strict, tmp_path):
    mark = tmp_path / "mark"
    outcomes = strict.certify([
        a_file(tmp_path, "object.yaml", f"!!python/object/apply:os.mkdir ['{mark}']"),
        a_file(tmp_path, "laughs.yaml", laughs())])
    assert [one.verdict for one in outcomes] == ["errors", "errors"]
    assert not mark.exists()
    assert codes(outcomes[1]) & {"memory", "time"}


def test_packed_content_that_grows(strict, tmp_path):
    small = gzip.compress(b"SIMPLE  =                    T" + b" " * 200_000_000, 1)
    [outcome] = strict.certify([a_file(tmp_path, "packed.fits", small)])
    assert outcome.verdict == "errors"


def test_a_process_that_is_killed_says_so(workshop, tmp_path):
    slow = a_file(tmp_path, "hst_cos_deadtab_0001.rmap", RULE.format(
        "Match({ ('FUV',): UseAfter({" + ",".join(f"'{n}': 'x'" for n in range(30_000)) + "}) })"))
    stop = threading.Event()

    def kill():
        zygote = psutil.Process(workshop._process.pid)
        while not stop.wait(0.05):
            for child in zygote.children():
                child.kill()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        fine = a_file(tmp_path, "wrong.fits", "not at all")
        outcomes = workshop.certify([slow, fine])
    finally:
        stop.set()
        killer.join()
    assert "crash" in {code for one in outcomes for code in codes(one)}
    assert [one.name for one in outcomes] == [slow.name, fine.name]


def test_stopping_ends_every_process(demo_cache, tmp_path):
    slow = a_file(tmp_path, "hst_cos_deadtab_0001.rmap", RULE.format(
        "Match({ ('FUV',): UseAfter({" + ",".join(f"'{n}': 'x'" for n in range(30_000)) + "}) })"))
    wanted = threading.Event()
    with Workshop("hst", demo_cache("hst"), newest(demo_cache("hst"), "hst"),
                  stop=wanted.is_set) as shop:
        zygote = psutil.Process(shop._process.pid)
        folder = shop._folder
        wanted.set()
        with pytest.raises(Stopped):
            shop.certify([slow])
        children = zygote.children()
    psutil.wait_procs([*children, zygote], timeout=10)
    assert not [one for one in children if one.is_running() and one.status() != "zombie"]
    assert not folder.exists()


ORPHANS = """
import sys, time
from pathlib import Path
from rules.certifying import Candidate, Workshop
cache, context, slow, folder = sys.argv[1:]
with Workshop("hst", cache, context, folder=Path(folder)) as shop:
    print(shop._process.pid, flush=True)
    shop.certify([Candidate(Path(slow), "hst_cos_deadtab_0001.rmap")])
"""


def test_a_killed_caller_leaves_nothing_running(demo_cache, tmp_path):
    slow = a_file(tmp_path, "slow", RULE.format(
        "Match({ ('FUV',): UseAfter({" + ",".join(f"'{n}': 'x'" for n in range(60_000)) + "}) })"))
    cache, below = demo_cache("hst"), tmp_path / "work"
    below.mkdir()
    caller = subprocess.Popen(
        [sys.executable, "-c", ORPHANS, str(cache), newest(cache, "hst"), str(slow.path),
         str(below)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(SOURCES)})
    zygote = psutil.Process(int(caller.stdout.readline()))
    until(lambda: zygote.children())
    family = [zygote, *zygote.children()]
    caller.kill()
    caller.communicate()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    # What was laid out stays where the caller wanted it, and can be removed with that.
    [left] = below.iterdir()
    assert left.name.startswith("crds-certify-")


# ---- GEIS, names, rules --------------------------------------------------------


HEADER = [
    "SIMPLE  =                    F", "BITPIX  =                   32", "NAXIS   =          2",
    "NAXIS1  =                   10", "NAXIS2  =                    2", "GROUPS  =          T",
    "GCOUNT  =                    4", "PSIZE   =                   64",
    "INSTRUME= 'WFPC2   '", "FILETYPE= 'A2D     '", "END"]


def geis_pair(folder, size=4 * (10 * 2 * 4 + 8)):
    text = "\n".join(card.ljust(80) for card in HEADER)
    return [a_file(folder, "new.r1d", b"\0" * size), a_file(folder, "new.r1h", text)]


def test_the_halves_of_a_geis_pair_are_one(workshop, tmp_path):
    data, header = workshop.certify(geis_pair(tmp_path))
    assert (header.name, header.instrument, header.filekind) == ("new.r1h", "wfpc2", "atodfile")
    assert data.verdict == ("errors" if header.errors else "ok")
    identified = workshop.identify(geis_pair(tmp_path))
    assert [one.properties for one in identified] == [("wfpc2", "atodfile")] * 2


def test_half_a_pair_and_data_cut_short(workshop, tmp_path):
    [half] = workshop.certify(geis_pair(tmp_path)[:1])
    assert codes(half) == {"geis-half"}
    assert "new.r1h is missing" in half.findings[0].text
    data, header = workshop.certify(geis_pair(tmp_path, 300))
    assert codes(header) == {"truncated"}
    assert codes(data) == {"geis-other-half"}


def test_names_that_nothing_is_shown_under(workshop, tmp_path):
    fine = a_file(tmp_path, "fine", "")
    for name, code in (("../x.fits", "bad-name"), ("a b;c.fits", "bad-name"),
                       (".hidden.fits", "bad-name"), ("x" * 200 + ".fits", "bad-name"),
                       ("notes.docx", "not-reference"), ("gone.fits", "unreadable")):
        path = fine.path if name != "gone.fits" else tmp_path / "gone"
        candidate = Candidate(path, name)
        [outcome] = workshop.certify([candidate])
        assert codes(outcome) == {code}, name
        assert workshop.identify([candidate])[0].problem.code == code


def test_what_is_no_file(workshop, tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    [outcome] = workshop.certify([Candidate(tmp_path / "pipe.fits", "pipe.fits")])
    assert codes(outcome) == {"unreadable"}


def test_a_file_of_another_telescope(workshop, tmp_path):
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "MIRI", "REFTYPE": "DARK"})
    fits.PrimaryHDU(header=header).writeto(tmp_path / "other.fits")
    [identified] = workshop.identify([Candidate(tmp_path / "other.fits", "other.fits")])
    assert identified.problem.code == "other-telescope"
    rule = RULE.format("Match({})").replace("'HST'", "'JWST'")
    [outcome] = workshop.certify([a_file(tmp_path, "jwst_x.rmap", rule)])
    assert "other-telescope" in codes(outcome)


def test_rules_are_checked_with_those_submitted_beside_them(workshop, demo_cache, tmp_path):
    folder = demo_cache("hst") / "mappings" / "hst"
    context = (folder / workshop.context).read_text()
    imap = next(name for name in re.findall(r"'(hst_\w+\.imap)'", context) if "acs" in name)
    renamed = "hst_acs_4711.imap"
    new_pmap = a_file(tmp_path, "hst_4711.pmap", context.replace(imap, renamed))
    [alone] = workshop.certify([new_pmap], unknown=lambda names: names & {renamed})
    assert {"unknown-file", "rule-checksum"} <= codes(alone)
    new_imap = a_file(tmp_path, renamed, (folder / imap).read_text())
    both = workshop.certify([new_pmap, new_imap], unknown=lambda names: names & {renamed})
    assert [one.errors for one in both] == [0, 0], both[0].log
    assert renamed in both[0].names


def test_a_rule_that_names_what_crds_does_not_have(workshop, tmp_path):
    text = RULE.format("Match({('FUV',): UseAfter({'1996-10-01 00:00:00': 'lost_dead.fits'})})")
    candidate = a_file(tmp_path, "hst_cos_deadtab_0001.rmap", text)
    [outcome] = workshop.certify([candidate], unknown=lambda names: names)
    assert [one.text for one in outcome.findings if one.code == "unknown-file"] == [
        "It names lost_dead.fits, which is not in CRDS."]
    other = a_file(tmp_path, "hst_acs_biasfile_0001.rmap", text)
    assert "rule-name" in codes(workshop.certify([other])[0])


def test_outcomes_come_as_they_are_there(workshop, tmp_path):
    told = []
    files = [a_file(tmp_path, f"wrong{number}.fits", "nothing") for number in range(3)]
    outcomes = workshop.certify(files, on_finished=told.append)
    assert sorted(one.name for one in told) == [one.name for one in outcomes]
    assert workshop.certify([]) == []


def test_without_fitsverify_fits_files_are_refused(workshop, tmp_path, monkeypatch):
    monkeypatch.setattr("rules.certifying.workshop.shutil.which", lambda program: None)
    [outcome] = workshop.certify([a_file(tmp_path, "any.fits", "")])
    assert codes(outcome) == {"fitsverify-missing"}
    assert "apt-get install fitsverify" in outcome.findings[0].advice


@pytest.mark.parametrize("observatory", ["jwst", "roman"])
def test_without_data_models_references_are_refused(
        demo_cache, tmp_path, monkeypatch, observatory):
    monkeypatch.setattr("rules.certifying.workshop.importlib.util.find_spec", lambda module: None)
    with Workshop(observatory, demo_cache("hst")) as shop:
        [outcome] = shop.certify([a_file(tmp_path, "any.asdf", "")])
    assert codes(outcome) == {"datamodels-missing"}
    assert f"./install {observatory}" in outcome.findings[0].advice
