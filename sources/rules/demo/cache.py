"""Writes the demonstration cache: rule files, references and ``server_config``.

The layout is the one of a real CRDS cache (``mappings/<obs>``,
``references/<obs>``, ``config/<obs>``), so it comes in through the importer.
"""

from __future__ import annotations

import hashlib
import pprint
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from .. import environment
from . import references
from .plans import PLANS, Step
from .rulebook import Rulebook, TypeRules
from .specifications import INSTRUMENT_PARAMETERS, TypeSpecification, load

#: Called with the number of files written and the number expected.
Progress = Callable[[int, int], None]

BASE_URL = "https://crds-demonstration.example.invalid"


@dataclass(frozen=True)
class DemoSummary:
    """What was written; sizes in bytes, ``contexts`` oldest first."""

    observatory: str
    contexts: tuple[str, ...]
    latest_context: str
    edit_context: str
    mappings: int
    references: int
    size: int
    bad_files: tuple[str, ...]


@dataclass
class _Writer:
    """Keeps names, serial numbers and checksums while the steps are written."""

    observatory: str
    destination: Path
    progress: Progress | None
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    mappings: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    serials: dict[str, int] = field(default_factory=dict)
    clock: datetime = datetime(2000, 1, 1)
    expected: int = 1

    @property
    def mapping_folder(self) -> Path:
        return self.destination / "mappings" / self.observatory

    @property
    def reference_folder(self) -> Path:
        return self.destination / "references" / self.observatory

    @property
    def config_folder(self) -> Path:
        return self.destination / "config" / self.observatory

    def next_name(self, series: str, extension: str) -> tuple[str, str]:
        """Next name of a series such as ``hst_acs`` and the name before it ("" for the first)."""
        serial = self.serials.get(series + extension, 0) + 1
        self.serials[series + extension] = serial
        previous = f"{series}_{serial - 1:04d}{extension}" if serial > 1 else ""
        return f"{series}_{serial:04d}{extension}", previous

    def register(self, path: Path) -> None:
        content = path.read_bytes()
        self.metadata[path.name] = {
            "size": str(len(content)),
            "sha1sum": hashlib.sha1(content).hexdigest(),
        }
        if self.progress:
            done = len(self.metadata)
            self.expected = max(self.expected, done)
            self.progress(done, self.expected)

    # ---- references -----------------------------------------------------

    def new_reference(
        self, spec: TypeSpecification, key: tuple[str, ...], date: str, slot: int
    ) -> str:
        """Write one more reference of a type and return its name."""
        name = self._reference_name(spec, date)
        reference = references.Reference(name, spec, key, date, self.clock, slot)
        for path in references.write(reference, self.reference_folder / name):
            self.references.append(path.name)
            self.register(path)
        return name

    def _reference_name(self, spec: TypeSpecification, date: str) -> str:
        if self.observatory == "hst":
            if spec.filekind in ("thruput", "thermal"):
                return date  # these keep the name of their component
            return self._hst_name(spec)
        series = f"{self.observatory}_{spec.instrument}_{spec.filekind}"
        return self.next_name(series, spec.extension)[0]

    def _hst_name(self, spec: TypeSpecification) -> str:
        """Name from the delivery time, in steps of the two seconds that it can tell apart."""
        from crds.hst import locate, siname

        self.clock += timedelta(seconds=2)
        letter = siname.instrument_to_id_char(spec.instrument)
        return f"{locate.generate_timestamp(self.clock)}{letter}_{spec.suffix}{spec.extension}"

    # ---- rules ----------------------------------------------------------

    def write_mapping(self, kind: type, name: str, text: str) -> str:
        """Let the library format a mapping and compute its checksum."""
        path = self.mapping_folder / name
        kind.from_string(text, name, ignore_checksum=True).write(str(path))
        self.mappings.append(name)
        self.register(path)
        return name


def build_demo_cache(
    observatory: str, destination: Path, progress: Progress | None = None
) -> DemoSummary:
    """Write a demonstration cache for ``observatory`` below ``destination``.

    The same call always writes the same bytes.  Files of an earlier call are
    replaced.  Raises ``ValueError`` for an unknown observatory and ``OSError``
    when the disk is full or the destination cannot be written.
    """
    if observatory not in PLANS:
        raise ValueError(f"No demonstration content for observatory {observatory!r}.")
    if "crds" not in sys.modules:
        environment.prepare(observatory, destination)
    writer = _Writer(observatory, Path(destination), progress)
    for folder in (writer.mapping_folder, writer.reference_folder, writer.config_folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    contexts, rulebook = _write_steps(writer)
    bad_files = tuple(sorted(rulebook.withdrawn[:2]))
    latest, edit = contexts[-2], contexts[-1]
    _write_config(writer, contexts, latest, edit, bad_files)
    return DemoSummary(
        observatory=observatory,
        contexts=tuple(contexts),
        latest_context=latest,
        edit_context=edit,
        mappings=len(writer.mappings),
        references=len(writer.references),
        size=sum(int(item["size"]) for item in writer.metadata.values()),
        bad_files=bad_files,
    )


# ---- steps --------------------------------------------------------------


def _write_steps(writer: _Writer) -> tuple[list[str], Rulebook]:
    """Write every step of the plan; return the contexts, oldest first."""
    plan = PLANS[writer.observatory]
    specs = load(writer.observatory)
    writer.expected = 5 * len(specs)
    rulebook = Rulebook(writer.observatory, plan, specs, writer.new_reference)
    current: dict[str, str] = {}  # rule file name by series: "acs/biasfile", "acs", ""
    contexts = []
    for number, step in enumerate(plan.steps):
        writer.clock = step.delivered
        if number:
            rulebook.apply(step, number)
        else:
            rulebook.create()
        contexts.append(_write_context(writer, rulebook, step, current))
    return contexts, rulebook


def _write_context(
    writer: _Writer, rulebook: Rulebook, step: Step, current: dict[str, str]
) -> str:
    """Write the rule files that a step changed, and the imaps and the pmap above them."""
    from crds.core import rmap

    changed = {change.instrument for change in step.changes} or {
        instrument for instrument, _ in rulebook.rules
    }
    for rules in rulebook.rules.values():
        if rules.changed:
            series = f"{rules.spec.instrument}/{rules.spec.filekind}"
            current[series] = _write_rules(writer, rules)
            rules.changed = False
    for instrument in sorted(changed):
        current[instrument] = _write_instrument(writer, rulebook, instrument, current)
    name, previous = writer.next_name(writer.observatory, ".pmap")
    header = {
        "mapping": "PIPELINE",
        "observatory": writer.observatory.upper(),
        "name": name,
        "derived_from": previous or _first_derivation("the type specifications"),
        "description": step.description,
        "parkey": (INSTRUMENT_PARAMETERS[writer.observatory],),
        "sha1sum": "0" * 40,
    }
    selector = {series.upper(): name for series, name in current.items() if "/" not in series}
    return writer.write_mapping(rmap.PipelineContext, name, _text(header, repr(selector)))


def _write_instrument(
    writer: _Writer, rulebook: Rulebook, instrument: str, current: dict[str, str]
) -> str:
    from crds.core import rmap

    observatory = writer.observatory
    name, previous = writer.next_name(f"{observatory}_{instrument}", ".imap")
    # HST rules name their types in lower case, the others in upper case.
    spell = str.lower if observatory in ("hst", "tobs") else str.upper
    selector = {
        spell(filekind): current[f"{owner}/{filekind}"]
        for owner, filekind in rulebook.rules
        if owner == instrument
    }
    selector.update(
        {spell(filekind): "N/A" for owner, filekind in rulebook.retired if owner == instrument}
    )
    header = {
        "mapping": "INSTRUMENT",
        "observatory": observatory.upper(),
        "instrument": instrument.upper(),
        "name": name,
        "derived_from": previous or _first_derivation("the type specifications"),
        "parkey": ("REFTYPE",),
        "sha1sum": "0" * 40,
    }
    text = _text(header, repr(dict(sorted(selector.items()))))
    return writer.write_mapping(rmap.InstrumentContext, name, text)


def _write_rules(writer: _Writer, rules: TypeRules) -> str:
    from crds.core import rmap

    spec = rules.spec
    series = f"{writer.observatory}_{spec.instrument}_{spec.filekind}"
    name, previous = writer.next_name(series, ".rmap")
    header = spec.header(name, previous or _first_derivation("the type specification"))
    text = _text(header, _selector_text(rules))
    return writer.write_mapping(rmap.ReferenceMapping, name, text)


def _first_derivation(origin: str) -> str:
    """The library takes names with "generated" in them as having no predecessor."""
    return f"generated from {origin} of the crds package"


def _text(header: dict, selector: str) -> str:
    return f"header = {header!r}\n\nselector = {selector}\n"


def _selector_text(rules: TypeRules) -> str:
    outer = rules.spec.selectors[0]
    lines = [f"{outer}({{"]
    for key, dates in rules.cases.items():
        shown = repr(key if outer == "Match" else key[0])
        if "UseAfter" in rules.spec.selectors:
            lines.append(f"    {shown} : UseAfter({dict(sorted(dates.items()))!r}),")
        else:
            lines.append(f"    {shown} : {next(iter(dates.values()))!r},")
    lines.append("})")
    return "\n".join(lines)


# ---- configuration ------------------------------------------------------


def _write_config(
    writer: _Writer, contexts: list[str], latest: str, edit: str, bad_files: tuple[str, ...]
) -> None:
    from crds.client import proxy

    observatory = writer.observatory
    steps = PLANS[observatory].steps
    history = [
        [f"{step.activated:%Y-%m-%d %H:%M:%S}", context, step.description]
        for step, context in zip(steps, contexts, strict=True)
    ][:-1]
    updated = f"{steps[-1].delivered:%Y-%m-%d %H:%M:%S}"
    info = {
        "observatory": observatory,
        "operational_context": latest,
        "latest_context": latest,
        "edit_context": edit,
        "versions_context": latest,
        "context_history": history[::-1],
        "bad_files_list": list(bad_files),
        "mappings": sorted(writer.mappings),
        "force_remote_mode": 0,
        "last_synced": updated,
        "last_refreshed": updated,
        "updated": updated,
        "crds_version": {"str": "14.0.3"},
        "connected": True,
        "status": "server",
        "server": BASE_URL,
        "reference_url": _urls("references", observatory),
        "mapping_url": _urls("mappings", observatory),
        "config_url": {observatory: f"{BASE_URL}/unchecked_get/config/{observatory}/"},
        "max_headers_per_rpc": 1000,
        "max_bestrefs_per_rpc": 1000,
        "download_metadata": _encoded(proxy, writer.metadata),
    }
    folder = writer.config_folder
    (folder / "server_config").write_text(pprint.pformat(info) + "\n", encoding="utf-8")
    (folder / "bad_files.txt").write_text("\n".join(bad_files) + "\n", encoding="utf-8")
    (folder / "ref_cache_subdir_mode").write_text("flat", encoding="utf-8")


def _urls(kind: str, observatory: str) -> dict[str, dict[str, str]]:
    return {
        "checked": {observatory: f"{BASE_URL}/checked_get/{kind}/{observatory}/"},
        "unchecked": {observatory: f"{BASE_URL}/unchecked_get/{kind}/{observatory}/"},
    }


def _encoded(proxy, metadata: dict) -> dict[str, str]:
    """``crds_encode`` with a fixed time stamp in the gzip header, so that bytes repeat."""
    import base64
    import gzip
    import json

    packed = gzip.compress(json.dumps(metadata, sort_keys=True).encode("utf-8"), mtime=0)
    encoded = {
        "crds_encoded": "1.0",
        "crds_payload": base64.b64encode(packed).decode("ascii"),
    }
    if proxy.crds_decode(encoded) != metadata:
        raise RuntimeError("The crds library does not read back the encoded file metadata.")
    return encoded
