"""Synthetic photometry of HST: lookup tables that the files need, and tests of the whole."""

from __future__ import annotations

import json
import os

from django.conf import settings

from common.faultpoints import reach
from interactive.models import FileType
from interactive.services import names, store

from ...models import Level, Origin, SubmittedFile, Verdict
from .work import Work, link_or_copy

STAGE = "synphot"


def _files(work: Work) -> list[SubmittedFile]:
    from rules import synphot

    if settings.CRDS_OBSERVATORY != "hst":
        return []
    return [file for file in work.uploaded(FileType.REFERENCE)
            if file.instrument == synphot.INSTRUMENT and file.filekind in synphot.TESTED]


def make_tables(work: Work) -> None:
    """Make lookup tables of synthetic photometry that are missing."""
    from rules import synphot

    files = _files(work)
    for table in synphot.tables_to_make(file.filekind for file in files):
        component = next(kind for kind, one in synphot.TABLES.items() if one == table)
        path = work.scratch / f"{table}.fits"
        problem = synphot.make_table(
            work.workshop(), table,
            # Component files keep their names, so these are the official ones.
            {file.uploaded_as: work.upload(file) for file in files
             if file.filekind == component}, path)
        if problem:
            work.find_all([problem], stage=STAGE)
        else:
            _bring(work, table, path)


def _bring(work: Work, table: str, path) -> None:
    """Have the table at ``path`` as if it had been uploaded, under its official name."""
    from rules import renaming, synphot

    def reserve(name: str) -> bool:
        try:
            names.reserve(name)
        except names.NameTaken:
            return False
        return True

    size, sha1sum = path.stat().st_size, store.checksum(path)
    with work.transaction():
        name = renaming.official_name(
            "hst", path.name, synphot.INSTRUMENT, table, allocate=names.allocate, reserve=reserve)
        # Before the row: a row without bytes would be an error of the next run.
        link_or_copy(path, work.uploads / name)
        _sync(work.uploads / name)
        SubmittedFile.objects.create(
            submission=work.submission, position=work.submission.files.count(),
            origin=Origin.UPLOADED, uploaded_as=name, name=name, type=FileType.REFERENCE,
            instrument=synphot.INSTRUMENT, filekind=table, size=size, uploaded_sha1sum=sha1sum,
            verdict=Verdict.OK, log="Made by CRDS from the table of the context and the files"
            " of this submission.")
    work.say(f"Made '{name}', the {table} that the submitted files need.")
    reach("process.table-made")


def _sync(path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def test_ensemble(work: Work) -> None:
    """Test synthetic photometry as a whole."""
    from rules import synphot

    files = _files(work)
    if not files:
        return
    work.say("Testing synthetic photometry with these files.")
    findings, log = synphot.test(
        work.workshop(), {file.name: (file.filekind, work.path(file)) for file in files})
    work.find_all(findings, stage=STAGE)
    levels = {found.level for found in findings}
    verdict = (Verdict.ERRORS if Level.ERROR in levels
               else Verdict.WARNINGS if Level.WARNING in levels else Verdict.OK)
    (work.results / "tests.json").write_text(json.dumps([{
        "title": "Synthetic photometry", "verdict": verdict, "log": log}]))


# A step of the work, not one of pytest's.
test_ensemble.__test__ = False
