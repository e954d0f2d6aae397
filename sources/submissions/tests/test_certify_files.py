"""``manage certify_files``: a table, and a status that scripts can use."""

from __future__ import annotations

import pytest
from astropy.io import fits
from django.conf import settings
from django.core.management import CommandError, call_command

from interactive.models import CatalogFile


def run(capsys, *arguments):
    status = 0
    try:
        call_command("certify_files", *map(str, arguments), processes=2)
    except SystemExit as exc:
        status = exc.code
    return status, capsys.readouterr().out


def test_good_and_bad_files(hst_demo, tmp_path, capsys):
    row = CatalogFile.objects.filter(filekind="biasfile", type="reference", stored=True).first()
    stored = next(settings.INSTANCE.file_cache.rglob(row.name))
    again = tmp_path / "again.fits"
    again.write_bytes(stored.read_bytes())
    wrong = tmp_path / "wrong.fits"
    wrong.write_text("not at all")
    lost = tmp_path / "hst_4711.pmap"
    pmap = CatalogFile.objects.filter(name__endswith=".pmap").last().name
    text = (settings.INSTANCE.file_cache / "mappings" / "hst" / pmap).read_text()
    lost.write_text(text.replace(".imap'", "9.imap'"))

    status, out = run(capsys, wrong, again, lost)
    assert status == 1
    lines = out.splitlines()
    assert lines[0].startswith("file ") and "against hst_" in lines[0]
    assert f"It is identical to {row.name}, which CRDS has already." in out
    assert "error [unknown-file] It names" in out
    assert next(line for line in lines if line.startswith("again.fits")).split()[1:4] == [
        "1", "0", row.instrument]


def test_files_without_errors_end_well(hst_demo, demo_cache, tmp_path, capsys):
    row = CatalogFile.objects.filter(filekind="biasfile", type="reference", stored=True).first()
    stored = next(settings.INSTANCE.file_cache.rglob(row.name))
    other = tmp_path / "other.fits"
    with fits.open(stored) as hdus:
        hdus[0].header["HISTORY"] = "changed"
        hdus.writeto(other)
    status, out = run(capsys, other, "--log")
    assert status == 0, out
    assert "CRDS - INFO -  Certifying './other.fits'" in out


def test_what_cannot_be_done(db, instance):
    for arguments, message in ((["a/x.fits", "b/x.fits"], "Two files have the name x.fits"),
                               (["x.fits", "--context", "hst_9999.pmap"], "Unknown mapping")):
        with pytest.raises(CommandError, match=message) as refused:
            call_command("certify_files", *arguments)
        assert refused.value.returncode == 2
