"""New contexts around new rules, and uploaded sets of rules."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from rules.editing import adding, contexts, deletion, mapping_sets, rule_text


class Names:
    """Names of series from 9001 on."""

    def __init__(self):
        self._numbers = itertools.count(9001)

    def __call__(self, series: str) -> str:
        stem, _, kind = series.rpartition(".")
        return f"{stem}_{next(self._numbers):04d}.{kind}"


@pytest.fixture
def rules(test_data, library):
    """``rules(observatory)``: folder of the real rules; the library uses their cache."""
    def prepare(observatory: str) -> Path:
        library(observatory, test_data / "crds-cache")
        return test_data / "crds-cache" / "mappings" / observatory
    return prepare


CONTEXTS = {"hst": ("hst_0500.pmap", "acs", "idctab"), "jwst": ("jwst_0300.pmap", "miri", "ipc"),
            "roman": ("roman_0004.pmap", "wfi", "flat")}


def edited(rules: Path, folder: Path, pmap: str, instrument: str, kind: str, name: str) -> Path:
    """A new rmap of the type in ``folder``: the old one without one reference."""
    imap = contexts_child(rules, pmap, instrument)
    old = contexts_child(rules, imap, kind)
    gone = sorted(rule_text.read(rules / old).names())[0]
    return deletion.delete(rules / old, folder / name, name, [gone]).path


def contexts_child(rules: Path, name: str, key: str) -> str:
    return mapping_sets._child(rule_text.load_path(rules / name), key)


@pytest.mark.parametrize("observatory", CONTEXTS)
def test_context_is_the_librarys(rules, tmp_path, observatory, monkeypatch):
    from crds.core import rmap, utils
    from crds.refactoring import newcontext

    folder = rules(observatory)
    pmap, instrument, kind = CONTEXTS[observatory]
    new = f"{observatory}_{instrument}_{kind}_9001.rmap"
    rmap_path = edited(folder, tmp_path, pmap, instrument, kind, new)
    made = tmp_path / "made"
    made.mkdir()
    shutil.copy(rmap_path, made)
    found = contexts.generate(folder / pmap, [rmap_path], Names(), made, locate=folder.joinpath)
    assert set(found.paths) == {pmap, contexts_child(folder, pmap, instrument)}
    # The library's own way, in a cache that has both.
    cache = tmp_path / "cache"
    shutil.copytree(folder, cache / "mappings" / observatory, symlinks=True,
                    copy_function=lambda source, to: Path(to).symlink_to(source))
    shutil.copy(rmap_path, cache / "mappings" / observatory)
    shutil.copytree(folder.parent.parent / "config", cache / "config")
    from rules import environment
    environment.prepare(observatory, cache)
    names = {old: path.name for old, path in found.paths.items()}
    newcontext.generate_new_contexts(pmap, newcontext.get_update_map(pmap, [new]), names)
    theirs = cache / "mappings" / observatory
    newcontext.update_header_names(
        {str(theirs / old): str(theirs / name) for old, name in names.items()})
    for path in found.paths.values():
        assert path.read_text() == (theirs / path.name).read_text()
    utils.clear_function_caches()
    loaded = rmap.load_mapping(found.pmap.name)
    loaded.force_load()
    assert loaded.get_imap(instrument).get_rmap(kind).name == new
    loaded.get_imap(instrument).validate()


def test_types_and_instruments_that_are_new(rules, tmp_path):
    """N/A is replaced, a missing type is added, and an instrument gets its first imap."""
    folder = rules("hst")
    pmap, instrument, kind = CONTEXTS["hst"]
    old = contexts_child(folder, contexts_child(folder, pmap, instrument), kind)
    (tmp_path / "given").mkdir()
    imap = rule_text.load_path(folder / contexts_child(folder, pmap, instrument))
    imap.selector[kind] = "N/A"
    imap.selector.pop("biasfile")
    changed = tmp_path / "given" / imap.basename
    changed.write_text(rule_text.finish(imap, imap.basename, "by hand"))
    without = rule_text.load_path(folder / pmap)
    del without.selector["COS"]
    base = tmp_path / "given" / pmap
    base.write_text(rule_text.finish(without, pmap, "by hand"))

    def locate(name: str) -> Path:
        return changed if name == changed.name else folder / name

    new = [folder / old, folder / "hst_acs_biasfile_0253.rmap",
           folder / "hst_cos_deadtab_0250.rmap"]
    found = contexts.generate(base, new, Names(), tmp_path, locate=locate,
                              special={("acs", "darkfile"): "N/A"})
    names = {name: rule_text.read(path) for name, path in found.paths.items()}
    acs = {str(path[0].key): leaf for path, leaf in names[changed.name].entries.items()}
    assert (acs[kind], acs["biasfile"], acs["darkfile"]) == (
        old, "hst_acs_biasfile_0253.rmap", "N/A")
    cos = rule_text.load_path(next(path for path in found.imaps if "_cos_" in path.name))
    assert dict(cos.selector) == {"deadtab": "hst_cos_deadtab_0250.rmap"}
    assert dict(rule_text.load_path(found.pmap).selector)["COS"] == cos.basename


def test_instrument_that_nobody_knows(rules, tmp_path):
    folder = rules("hst")
    path = tmp_path / "hst_xyz_idctab_0001.rmap"
    text = (folder / "hst_acs_idctab_0254.rmap").read_text()
    path.write_text(text.replace("'ACS'", "'XYZ'"))
    with pytest.raises(rule_text.NotARule, match="no instrument 'xyz'"):
        contexts.generate(folder / "hst_0500.pmap", [path], Names(), tmp_path,
                          locate=folder.joinpath)


# ---- sets ------------------------------------------------------------------


@pytest.fixture
def upload(rules, tmp_path):
    """``upload(name, old, change)``: an uploaded rule made from a real one."""
    folder, incoming = rules("hst"), tmp_path / "incoming"
    incoming.mkdir()

    def make(name: str, old: str, change=lambda text: text) -> Path:
        path = incoming / name
        path.write_text(change((folder / old).read_text()))
        return path
    return make


@pytest.fixture
def resolve(rules, tmp_path):
    folder, out = rules("hst"), tmp_path / "out"
    out.mkdir()

    def run(paths, **options):
        options = {"base_pmap": folder / "hst_0500.pmap", "locate": folder.joinpath,
                   "known": lambda name: (folder / name).exists() or name.endswith(".fits"),
                   **options}
        return mapping_sets.resolve(paths, Names(), out, **options)
    return run


IDCTAB, ACS, PMAP = "hst_acs_idctab_0254.rmap", "hst_acs_0464.imap", "hst_0500.pmap"


@pytest.fixture
def acs(rules) -> str:
    """The imap of ACS in the context."""
    return contexts_child(rules("hst"), PMAP, "acs")


def codes(resolved) -> list[tuple[str, str]]:
    return [(found.level, found.code) for found in resolved.findings]


def test_downloaded_edited_and_submitted(resolve, upload):
    """An rmap that kept its name and header; only a row and, so, the checksum differ."""
    path = upload(IDCTAB, IDCTAB, lambda text: text.replace("0461802ej_idc", "new_idc"))
    resolved = resolve([path], generate=True)
    (file,) = resolved.files
    assert (file.name, file.parent, file.current) == (
        "hst_acs_idctab_9001.rmap", IDCTAB, IDCTAB)
    assert codes(resolved) == [("warning", "checksum")]
    assert file.change.gone == ["0461802ej_idc.fits"]
    mapping = rule_text.load_path(file.path)
    assert dict.get(mapping.header, "derived_from") == IDCTAB
    mapping._check_hash(file.path.read_text())
    pmap = rule_text.read(resolved.generated.pmap)
    assert resolved.generated.imaps[0].name in pmap.names()
    assert file.name in rule_text.read(resolved.generated.imaps[0]).names()


def test_mixed_set_by_symbolic_names(resolve, upload, acs, rules):
    rmap = upload("mine.rmap", IDCTAB, lambda text: text.replace("0461802ej_idc", "new_idc"))
    imap = upload("acs.imap", acs, lambda text: text.replace(IDCTAB, "mine.rmap"))
    pmap = upload("all.pmap", PMAP, lambda text: text.replace(acs, "acs.imap"))
    resolved = resolve([pmap, imap, rmap])
    assert resolved.ok, resolved.findings
    assert [file.uploaded for file in resolved.files] == ["mine.rmap", "acs.imap", "all.pmap"]
    new = {file.uploaded: file.name for file in resolved.files}
    assert new["mine.rmap"] in rule_text.read(resolved.files[1].path).names()
    assert new["acs.imap"] in rule_text.read(resolved.files[2].path).names()
    assert codes(resolved).count(("note", "name-resolved")) == 2


def test_rmap_and_imap_make_the_rest(resolve, upload, acs):
    """The imap that was uploaded is used, the pmap is made; the imap names the old rmap."""
    rmap = upload("mine.rmap", IDCTAB, lambda text: text.replace("0461802ej_idc", "new_idc"))
    imap = upload("acs.imap", acs)
    cos = upload("cos.rmap", "hst_cos_deadtab_0250.rmap",
                 lambda text: text.replace("s7g1700gl_dead", "other_dead"))
    resolved = resolve([imap, rmap, cos], generate=True)
    assert ("note", "put-in") in codes(resolved), resolved.findings
    files = {file.uploaded: file for file in resolved.files}
    assert files["mine.rmap"].name in rule_text.read(files["acs.imap"].path).names()
    names = rule_text.read(resolved.generated.pmap).names()
    assert files["acs.imap"].name in names
    assert {path.name for path in resolved.generated.imaps} <= names
    without = resolve([imap, rmap])
    assert ("warning", "left-out") in codes(without)


REFUSED = {
    "unknown reference": (lambda text: text.replace("0461802ej_idc.fits", "nowhere.xyz"),
                          "unknown-file"),
    "not a rule": (lambda text: "import os\n" + text, "bad-rule"),
    "a call": (lambda text: text.replace("'ACS'", "open('/etc/passwd')"), "bad-rule"),
    "endless": (lambda text: text.replace("'ACS'", "'ACS' * 9 ** 9 ** 9"), "bad-rule"),
    "path": (lambda text: text.replace("0461802ej_idc.fits", "../../x.fits"), "bad-rule"),
    "binary": (lambda text: "\udcff", "bad-rule"),
    "empty": (lambda text: "", "bad-rule"),
    "deep": (lambda text: "header = " + "[" * 5000 + "]" * 5000, "bad-rule"),
    "other observatory": (lambda text: text.replace("'HST'", "'JWST'").replace(
        "'ACS'", "'MIRI'"), "wrong-observatory"),
    "no instrument": (lambda text: text.replace("'ACS'", "'LOCATE'"), "bad-rule"),
    "slow expression": (lambda text: text.replace("'ALWAYS'", "'(9 ** 9 ** 9)'"), "bad-rule"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_rules(resolve, upload, tmp_path, case):
    change, code = REFUSED[case]
    path = upload("bad.rmap", IDCTAB, lambda text: "")
    folder = upload("x.rmap", IDCTAB)
    path.write_bytes(change(folder.read_text()).encode("utf-8", "surrogateescape"))
    resolved = resolve([path], known=lambda name: name.endswith(".fits"))
    assert not resolved.ok and code in dict(map(reversed, codes(resolved)))
    assert resolved.files[0].path is None and not list((tmp_path / "out").iterdir())


def test_two_for_one_place(resolve, upload):
    resolved = resolve([upload("a.rmap", IDCTAB), upload("b.rmap", IDCTAB)])
    assert ("error", "same-place") in codes(resolved)


def test_branch_and_unchanged(resolve, upload):
    resolved = resolve([upload("a.rmap", "hst_acs_idctab_0253.rmap")])
    assert ("warning", "branch") in codes(resolved)
    assert ("warning", "unchanged") in codes(resolve([upload("b.rmap", IDCTAB)]))


def test_names_are_kept_without_auto_rename(resolve, upload):
    resolved = resolve([upload("hst_acs_idctab_9500.rmap", IDCTAB)], auto_rename=False)
    assert resolved.files[0].name == "hst_acs_idctab_9500.rmap"
    assert ("warning", "header-name") in codes(resolved)
    assert dict.get(rule_text.load_path(resolved.files[0].path).header, "name") == (
        "hst_acs_idctab_9500.rmap")
    taken = resolve([upload(IDCTAB, IDCTAB)], auto_rename=False)
    assert ("error", "name-taken") in codes(taken)


def test_real_rules_are_plain(rules):
    """What is refused as code is in no real rule."""
    for observatory in CONTEXTS:
        paths = sorted(rules(observatory).glob("*_0*.*map"))
        for path in paths[::23]:
            rule_text.load_path(path)


def test_adding_from_another_branch(rules, tmp_path):
    """A reference that is in an older rule: by its header if it is stored, else by its cases."""
    folder = rules("hst")
    branch = folder / IDCTAB
    name = sorted(rule_text.read(branch).names())[0]
    current = deletion.delete(branch, tmp_path / "hst_acs_idctab_9001.rmap",
                              "hst_acs_idctab_9001.rmap", [name]).path
    change = adding.add(current, tmp_path / "n.rmap", "hst_acs_idctab_9002.rmap", {name: None},
                        branch=branch)
    assert change.ok and change.added == [name]
    places = [rule_text.read(path).entries for path in (branch, change.path)]
    assert places[0] == places[1]
    assert [found.code for found in change.findings if found.level != "note"] == []
    missing = adding.add(current, tmp_path / "m.rmap", "m.rmap", {"other.fits": None})
    assert [found.code for found in missing.findings] == ["not-stored"]
