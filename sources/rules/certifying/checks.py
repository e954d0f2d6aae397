"""What the process of one file does: see the library about it, and tell.

Runs in a process that does nothing else and ends afterwards, so the library's counters, caches
and switches may be used, and replaced, as this needs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable

#: Messages and characters of one file that are passed on; more are only counted.
RECORDS_LIMIT, CHARACTERS_LIMIT = 5000, 2_000_000

#: Characters of one message that are passed on.
RECORD_LIMIT = 50_000

#: Bytes at the beginning of a rule in which its header is looked for.
HEADER_LIMIT = 1_000_000

RULES = (".pmap", ".imap", ".rmap")


class Teller(logging.Handler):
    """Passes what the library logs on as plain values: level, text, classes of the exception."""

    def __init__(self, tell: Callable[[dict], None]):
        super().__init__()
        self._tell = tell
        self._left = CHARACTERS_LIMIT
        self._records = 0
        self.counts = {"ERROR": 0, "WARNING": 0}

    def emit(self, record: logging.LogRecord) -> None:
        level = "ERROR" if record.levelno >= logging.ERROR else record.levelname
        if level in self.counts:
            self.counts[level] += 1
        self._records += 1
        text = record.getMessage()[:RECORD_LIMIT]
        self._left -= len(text)
        if self._records <= RECORDS_LIMIT and self._left > 0:
            self._tell({"record": [level, text, _causes(sys.exc_info()[1])]})


def _causes(exception: BaseException | None) -> list[str]:
    """Names of the classes of an exception and of those that led to it."""
    names: list[str] = []
    while exception is not None and len(names) < 20:
        names += [kind.__name__ for kind in type(exception).__mro__[:-2]]
        exception = exception.__cause__ or exception.__context__
    return list(dict.fromkeys(names))


@contextlib.contextmanager
def told(tell: Callable[[dict], None]):
    """The library's messages go to ``tell`` and nowhere else."""
    from crds.core import log

    logger = logging.getLogger("CRDS")
    before = logger.handlers[:]
    teller = Teller(tell)
    logger.handlers[:] = [teller]
    log.reset()
    try:
        yield teller
    finally:
        logger.handlers[:] = before


def overlay(files: dict[str, str]) -> None:
    """Have the library find ``files`` ({name: path}), which its cache does not have yet.

    A rule among them comes before one of the cache; a reference only where the cache has none,
    since uploads may be called like published files.
    """
    from crds.core import config

    in_cache = config.relocate_reference
    rules = config.relocate_mapping

    def mapping(name, *args, **keys):
        return files.get(os.path.basename(name)) or rules(name, *args, **keys)

    def reference(name, *args, **keys):
        other = files.get(os.path.basename(name))
        try:
            path = in_cache(name, *args, **keys)
        except Exception:  # a name that tells nothing: the library would ask a server
            if other is None:
                raise
            return other
        return path if other is None or os.path.exists(path) else other

    config.relocate_mapping, config.relocate_reference = mapping, reference


def only_stored_references() -> None:
    """Comparison references come from the cache; the library would ask a server for others."""
    from crds.certify import certify
    from crds.core import config

    class Cache:
        @staticmethod
        def dump_references(context, baserefs=(), **_):
            return {name: config.locate_file(name, config.OBSERVATORY.get()) for name in baserefs}

    certify.api = Cache


def no_comparison() -> None:
    """Tables are checked for modes given twice, but not compared with what they replace."""
    from crds.certify import certify
    from crds.io import tables

    def certify_reference_modes(self):
        for table in tables.tables(self.filename):
            certify.table_mode_dictionary("new reference", table, self.mode_columns)

    certify.ReferenceCertifier.certify_reference_modes = certify_reference_modes


# ---- tasks -----------------------------------------------------------------


def identify(path: str, observatory: str) -> dict:
    """Instrument and filekind of the file at ``path``, or why they cannot be told."""
    if path.endswith(RULES):
        return _rule(path, observatory)
    from crds.core import utils

    try:
        instrument, filekind = utils.get_file_properties(observatory, path)
    except Exception as exc:  # the library raises whatever the content leads it to
        return {"problem": ["ERROR", _other_telescope(path, observatory) or str(exc)
                            or type(exc).__name__, _causes(exc)]}
    other = _other_telescope(path, observatory)
    if other:
        return {"problem": ["ERROR", other, []]}
    return {"instrument": instrument.lower(), "filekind": filekind.lower()}


def _other_telescope(path: str, observatory: str) -> str:
    """A sentence if the header names another telescope; empty where it does not or cannot be read.

    The library believes names, and forces the telescope of JWST and Roman.
    """
    from crds import data_file

    try:
        header = data_file.get_free_header.uncached(path, (), None, observatory)
    except Exception:  # told elsewhere
        return ""
    for keyword in ("TELESCOP", "META.TELESCOPE", "ROMAN.META.TELESCOPE", "TELESCOPE"):
        telescope = str(header.get(keyword, "")).strip()
        if telescope.upper() in ("HST", "JWST", "ROMAN") and telescope.lower() != observatory:
            return (f"The file is for the {telescope.upper()} telescope, but this is the server of"
                    f" {observatory.upper()}.")
    return ""


def rewrite(path: str, target: str) -> dict:
    """Write the FITS file at ``path`` to ``target``, whose name it says then, as the library does.

    It keeps checksums if it has some.
    """
    from crds.misc import uniqname

    folder, name = os.path.split(target)
    try:
        arguments = ["crds.misc.uniqname", "--files", path, "--add-keywords",
                     "--verify-file", "--fits-errors", "--output-path", folder]
        if uniqname.has_checksum(path):
            arguments.append("--add-checksum")
        uniqname.UniqnameScript(arguments).rewrite(path, name)
    except Exception as exc:  # the library raises whatever the content leads it to
        return {"problem": ["ERROR", str(exc) or type(exc).__name__, _causes(exc)]}
    return {}


def certify(path: str, observatory: str, context: str, fitsverify: bool, compare: bool,
            tell: Callable[[dict], None]) -> dict:
    """Certify the file at ``path`` against ``context``; messages go to ``tell`` as they come."""
    from crds.certify import certify as library

    only_stored_references()
    if not compare:
        no_comparison()
    with told(tell) as teller:
        library.certify_file(path, context, compare_old_reference=compare, original_name=path,
                             observatory=observatory, run_fitsverify=fitsverify)
    with told(lambda _: None):
        return {"counts": teller.counts} | identify(path, observatory)


def _rule_telescope(path: str) -> str:
    """The observatory that the header of a rule names; empty where none is found."""
    with open(path, "rb") as stream:
        text = stream.read(HEADER_LIMIT).decode(errors="replace")
    found = re.search(r"""['"]observatory['"]\s*:\s*['"](\w+)['"]""", text, re.IGNORECASE)
    return found[1] if found else ""


def _rule(path: str, observatory: str) -> dict:
    """What the rule at ``path`` is and names; a problem that the library overlooks is told apart.

    What it is stands in its header: names of submitted rules need not tell it.
    """
    from rules import names, reading

    telescope = _rule_telescope(path)
    if telescope and telescope.lower() != observatory:
        # The library would look for the parts of that observatory that it needs.
        return {"problem": [
            "ERROR", f"The rule is for the {telescope.upper()} telescope, but this is the server of"
            f" {observatory.upper()}.", []]}
    rule = reading.read_rule(path)
    if rule.code in (reading.UNREADABLE, reading.UNPARSABLE, reading.WRONG_KIND):
        return {"problem": ["ERROR", rule.problem, []]}
    outcome = {"instrument": rule.instrument, "filekind": rule.filekind, "names": list(rule.names)}
    if rule.code == reading.BAD_NAMES:
        return outcome | {"rule_problem": [f"rule-{rule.code}", rule.problem]}
    named = names.identify(observatory, os.path.basename(path))
    if named.instrument and named[1:3] != (rule.instrument, rule.filekind):
        says, is_ = (" ".join(filter(None, one)) for one in (
            named[1:3], (rule.instrument, rule.filekind)))
        return outcome | {"rule_problem": [
            "rule-name", f"Its name says {says}, but its header {is_ or 'nothing'}."]}
    return outcome


# ---- synthetic photometry ------------------------------------------------------


def synphot_table(context: str, filekind: str, paths: list[str], target: str) -> dict:
    """Write the lookup table of the context, brought up to date with ``paths``, to ``target``."""
    from crds.misc.synphot.lookup_generator import SynphotLookupGenerator

    try:
        table = SynphotLookupGenerator(context).generate(filekind, paths)
        table.writeto(target, overwrite=True)
    except Exception as exc:  # the library raises whatever the content leads it to
        return {"problem": ["ERROR", str(exc) or type(exc).__name__, _causes(exc)]}
    return {}


def synphot_tests(context: str, files: list[list[str]], tell: Callable[[dict], None]) -> dict:
    """Both integration tests of the library on ``files``, pairs of type and path."""
    from crds.core import log
    from crds.misc.synphot import integration_tests

    given = _by_argument(files)
    with told(tell) as teller:
        with log.error_on_exception("The components could not be compared"):
            integration_tests.SynphotCoreIntegrationTest(context, **given).run()
        if _importable("stsynphot"):
            modes = dict(files).get("obsmodes")
            with log.error_on_exception("The observing modes could not be tried"):
                _linked(integration_tests.SynphotObsmodeIntegrationTest)(
                    context, "synphot", obsmodes_file=modes, **given).run()
        else:
            log.warning("stsynphot is not installed on this server: observing modes were not"
                        " tried.")
    return {"counts": teller.counts}


def _by_argument(files: list[list[str]]) -> dict:
    """``files`` as the tests want them; each table at most once."""
    tables = {"tmgtab": "graph_file", "tmctab": "throughput_lookup_file",
              "tmttab": "thermal_lookup_file"}
    given: dict = {tables[kind]: path for kind, path in files if kind in tables}
    given["delivered_throughput_files"] = [path for kind, path in files if kind == "thruput"]
    given["delivered_thermal_files"] = [path for kind, path in files if kind == "thermal"]
    return given


def _importable(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def _linked(test: type) -> type:
    """``test`` with files linked instead of copied, in a folder that is filled at once."""

    class Linked(test):
        def __init__(self, *args, **keys):
            super().__init__(*args, **keys)
            self.populate_synphot_root()

        def link_or_copy(self, source, dest):
            if not os.path.exists(dest):
                os.symlink(os.path.abspath(source), dest)

    return Linked
