"""A small CRDS cache of HST to import, and ways to spoil it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import pprint
from pathlib import Path

from rules.tests import texts


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class Cache:
    """Two contexts of one instrument and one type; two references, one of them on disk.

    ``hst_0001.pmap`` selects the first, ``hst_0002.pmap`` both references.
    """

    FIRST, SECOND = "s7g1700gl_dead.fits", "t7g1700gl_dead.fits"

    def __init__(self, root: Path):
        self.root = root
        self.records: dict[str, dict[str, str]] = {}
        for number in (1, 2):
            references = [self.FIRST, self.SECOND][:number]
            self.rule(f"hst_cos_deadtab_000{number}.rmap", texts.rmap(
                f"hst_cos_deadtab_000{number}.rmap", "COS", "DEADTAB", references))
            self.rule(f"hst_cos_000{number}.imap", texts.imap(
                f"hst_cos_000{number}.imap", "COS",
                {"deadtab": f"hst_cos_deadtab_000{number}.rmap"}))
            self.rule(f"hst_000{number}.pmap", texts.pmap(
                f"hst_000{number}.pmap", {"COS": f"hst_cos_000{number}.imap"}))
        self.reference(self.FIRST, b"no FITS file, but bytes")
        self.records[self.SECOND] = {"size": "5", "sha1sum": "b" * 40}
        self.info = {
            "observatory": "hst", "latest_context": "hst_0002.pmap",
            "operational_context": "hst_0002.pmap", "edit_context": "hst_0002.pmap",
            "versions_context": "", "bad_files_list": [self.SECOND],
            "context_history": [["2020-01-01 00:00:00", "hst_0002.pmap", "second"],
                                ["2019-01-01 00:00:00", "hst_0001.pmap", "first"]],
            "last_synced": "2020-02-01 00:00:00",
        }
        self.write_config()

    def path(self, name: str) -> Path:
        kind = "mappings" if name.endswith("map") else "references"
        return self.root / kind / "hst" / name

    def _write(self, name: str, data: bytes, recorded: bool) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if recorded:
            self.records[name] = {"size": str(len(data)), "sha1sum": sha1(data)}

    def rule(self, name: str, text: str, recorded: bool = True) -> None:
        self._write(name, text.encode(), recorded)

    def reference(self, name: str, data: bytes, recorded: bool = True) -> None:
        self._write(name, data, recorded)

    @property
    def config(self) -> Path:
        return self.root / "config" / "hst" / "server_config"

    def write_config(self, **changes) -> None:
        """Write ``server_config`` with ``changes``; files written later are not in it."""
        packed = base64.b64encode(gzip.compress(json.dumps(self.records).encode())).decode()
        info = {**self.info, **changes, "mappings": [n for n in self.records if n.endswith("map")],
                "download_metadata": {"crds_encoded": "1.0", "crds_payload": packed}}
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(pprint.pformat(info))
