"""Best references."""

from __future__ import annotations

import json
import re

from archive import services as archive
from common.errors import NotFound, ServiceError
from interactive.services import contexts, store
from jsonapi import checks
from jsonapi.errors import InvalidParams
from jsonapi.registry import rpc
from rules import selection

from . import common

SYSTEM_VERSION = re.compile(r"[A-Za-z0-9._+\-]{1,128}")
NO_CONTEXT = ("", "null", "none", "None")


@rpc
def get_best_references(request, context, header, reftypes=None):
    """``{type: reference}`` for the parameters of one exposure.

    A type without a match maps to ``NOT FOUND`` and the reason, ``NOT FOUND
    n/a`` where it does not apply.  ``reftypes`` null means all types.
    """
    return selection.best_references(
        common.context(context), checks.header(header), checks.optional_texts(reftypes, "reftypes"))


@rpc
def get_best_references_by_header_map(request, context, header_map, reftypes=None):
    """``{id: {type: reference}}`` for many headers.

    The whole call fails on a header that names no instrument of the context.
    """
    name, reftypes = common.context(context), checks.optional_texts(reftypes, "reftypes")
    headers = checks.header_map(header_map)
    answers = selection.many(name, list(headers.values()), reftypes)
    for answer in answers:
        if isinstance(answer, ServiceError):
            raise answer
    return dict(zip(headers, answers, strict=True))


@rpc
def get_best_references_by_ids(request, context, dataset_ids, reftypes=None, include_headers=False):
    """Best references of archived datasets: ``{id: [true, {type: reference}]}``.

    A dataset that is not known maps to ``[false, "NOT FOUND …"]``.  Keys are
    the ids as asked for; a product of several exposures answers with its
    first exposure under its own id, and with each exposure under
    ``PRODUCT:EXPOSURE``.  With ``include_headers`` the key ``headers`` holds
    the parameters used.
    """
    name = common.context(context)
    reftypes = checks.optional_texts(reftypes, "reftypes")
    with_headers = checks.flag(include_headers, "include_headers")
    found = archive.find(checks.dataset_ids(dataset_ids))
    answers = iter(_answers(
        name, [one.header for exposures in found.values() for one in exposures], reftypes))
    results, headers = {}, {}
    for asked, exposures in found.items():
        if not exposures:
            results[asked] = [False, archive.missing_text(asked)]
            continue
        answered = {one.key: next(answers) for one in exposures}
        if len(answered) > 1:
            results.update(answered)
        results[asked] = answered[exposures[0].key]
        headers[asked] = {**exposures[0].header, "PARAMS_CTX": name}
    if with_headers:
        results["headers"] = headers
    return results


@rpc
def get_aui_best_references(request, date, dataset_ids):
    """Files for archived datasets under a context or date: ``{id: [true, [file, …]]}``.

    Types that do not apply or have no match are left out.
    """
    name = common.pmap(date)
    known = archive.find(checks.dataset_ids(dataset_ids))
    answers = iter(_answers(
        name, [exposures[0].header for exposures in known.values() if exposures], None))
    results = {}
    for asked, exposures in known.items():
        if not exposures:
            results[asked] = [False, archive.missing_text(asked)]
            continue
        ok, found = next(answers)
        results[asked] = [ok, _files(found) if ok else found]
    return results


def _answers(context: str, headers: list[dict], reftypes) -> list[list]:
    """``[true, references]`` each, or ``[false, reason]``: one never fails the others."""
    return [[False, f"NOT FOUND {answer.message}"] if isinstance(answer, ServiceError)
            else [True, answer] for answer in selection.many(context, headers, reftypes)]


def _files(references: dict[str, str]) -> list[str]:
    return sorted({name for name in references.values() if not name.startswith("NOT FOUND")})


@rpc
def get_system_versions(request, master_version, context=None):
    """Versions of the calibration steps in release ``master_version`` of the calibration software.

    Read from the SYSTEM CALVER reference of ``context``, by default of the
    versions context.
    """
    version = checks.text(master_version, "master_version")
    if not SYSTEM_VERSION.fullmatch(version):
        raise InvalidParams(
            "Invalid version string,  must be 1-128 chars of A-Z, a-z, 0-9, ., -, _")
    spec = checks.optional_text(context, "context")
    default = spec in (None, *NO_CONTEXT)
    pmap = contexts.default_context("versions") if default else common.pmap(spec)
    name = _calver_reference(pmap, version)
    path = store.path(name)
    if path is None:
        raise NotFound(f"The versions of '{version}' are in '{name}', which is not stored here.")
    return json.loads(path.read_text())


def _calver_reference(pmap: str, version: str) -> str:
    header = {
        "META.INSTRUMENT.NAME": "SYSTEM",
        "META.CALIBRATION_SOFTWARE_VERSION": version,
        "META.OBSERVATION.DATE": "2100-01-01",
        "META.OBSERVATION.TIME": "00:00:00",
    }
    try:
        found = selection.best_references(pmap, header, ["calver"])["calver"]
    except (ServiceError, KeyError) as exc:
        raise NotFound(f"Context '{pmap}' has no rules for calibration software versions.") from exc
    if found.startswith("NOT FOUND"):
        raise NotFound(f"Context '{pmap}' does not know version '{version}': {found}.")
    return found
