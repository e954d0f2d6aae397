"""Where an import takes its files from: a cache in a folder, or a running CRDS server."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rules.names import MAPPING_EXTENSIONS, is_mapping
from rules.reading import is_catalog_name

from .errors import ImportFailed
from .progress import Progress
from .state import ServerState, decode, from_server_info, read_server_config

OBSERVATORIES = ("hst", "jwst", "roman", "tobs")

BLOCK = 1024 * 1024


class Source:
    """Files and state to import; :meth:`open` makes the rest available.

    ``rules`` and ``references`` are the paths of local files by name.
    ``catalog`` holds further catalogue fields by name, as the JSON-RPC shows
    them.  ``link`` tells that nobody changes the files afterwards, so that the
    store may share their bytes.
    """

    label = ""
    link = False

    def __init__(self, observatory: str):
        self.observatory = observatory
        self.state: ServerState | None = None
        self.rules: dict[str, Path] = {}
        self.references: dict[str, Path] = {}
        self.catalog: dict[str, dict[str, str]] = {}

    def open(self, progress: Progress) -> None:
        """Check the source and make its rules available.  Raises :class:`ImportFailed`."""
        raise NotImplementedError

    def close(self) -> None:
        """The import is done; drop what is not needed any more."""


class CacheSource(Source):
    """The CRDS cache in ``folder``, as a client's ``CRDS_PATH``."""

    def __init__(self, folder: Path | str, observatory: str, link: bool = False):
        super().__init__(observatory)
        self.folder = Path(folder).expanduser().absolute()
        self.link = link
        self.label = f"cache {self.folder}"

    def open(self, progress: Progress) -> None:
        if not self.folder.is_dir():
            raise ImportFailed(f"There is no folder {self.folder}. Give the folder of a CRDS cache"
                               " (what clients have as CRDS_PATH).")
        progress.stage("Looking through the cache")
        rules = self.folder / "mappings" / self.observatory
        self.rules = dict(_walk(rules, lambda name: name.endswith(MAPPING_EXTENSIONS)))
        if not self.rules:
            raise ImportFailed(self._nothing(rules))
        self.references = dict(
            _walk(self.folder / "references" / self.observatory, lambda name: "." in name))
        config = self.folder / "config" / self.observatory / "server_config"
        if os.path.lexists(config):
            self.state = read_server_config(config)
            if self.state.observatory != self.observatory:
                raise ImportFailed(
                    f"{config} describes a server of {self.state.observatory.upper()}; this"
                    f" instance is for {self.observatory.upper()}. Nothing was imported.")

    def _nothing(self, rules: Path) -> str:
        others = [name for name in OBSERVATORIES if name != self.observatory
                  and (self.folder / "mappings" / name).is_dir()]
        if others:
            return (f"The cache {self.folder} has rules of {', '.join(others).upper()} only; this"
                    f" instance is for {self.observatory.upper()}. Nothing was imported.")
        if (self.folder / "config").is_dir() or (self.folder / "references").is_dir():
            return (f"Half a cache: {rules} holds no rule files. Run 'crds sync' for that cache"
                    " until it ends without errors. Nothing was imported.")
        return (f"{self.folder} is no CRDS cache: there is no folder mappings/{self.observatory}"
                " with rule files in it. Nothing was imported.")


def _walk(folder: Path, wanted: Callable[[str], bool]) -> Iterable[tuple[str, Path]]:
    """Name and path of all wanted entries below ``folder``; the first of a name counts.

    A folder whose name looks like that of a file is an entry too: reading it
    fails and says so.
    """
    seen = set()

    def failed(exc: OSError):
        if exc.filename != str(folder) or not isinstance(exc, FileNotFoundError):
            raise ImportFailed(f"{exc.filename} cannot be listed: {exc.strerror}."
                               " Nothing was imported.") from exc

    for where, folders, files in os.walk(folder, onerror=failed, followlinks=True):
        odd = [name for name in folders if wanted(name)]
        folders[:] = sorted(set(folders) - set(odd))
        for name in sorted([*files, *odd]):
            # Names that begin with a dot are of tools and of transfers in progress.
            if not name.startswith(".") and wanted(name) and name not in seen:
                seen.add(name)
                yield name, Path(where, name)


class ServerSource(Source):
    """The running CRDS server at ``url``.

    Rules are downloaded to ``staging``, where a later run finds them again, and
    compared with the sha1 that the server records.  ``references`` says which
    reference files are downloaded too: ``none``, those of the ``latest`` context,
    or ``all``; the others are catalogued as known by name.
    """

    CHOICES = ("none", "latest", "all")

    link = True

    def __init__(self, url: str, observatory: str, staging: Path, references: str = "none",
                 timeout: float = 120, parallel: int = 6):
        super().__init__(observatory)
        self.url = url.rstrip("/")
        self.wanted = references
        self.staging = staging
        self.timeout = timeout
        self.parallel = parallel
        self.label = f"server {self.url}"
        self.addresses: dict[str, str] = {}

    def open(self, progress: Progress) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ImportFailed(f"{self.url!r} is not the address of a server; write it as"
                               " https://host or http://host:port.")
        progress.stage(f"Asking {self.url}")
        info = self._call("get_server_info")
        self.state = from_server_info(info, f"The answer of {self.url}")
        if self.state.observatory != self.observatory:
            raise ImportFailed(
                f"{self.url} is a server of {self.state.observatory.upper()}; this instance is for"
                f" {self.observatory.upper()}. Nothing was imported.")
        self._take_addresses(info)
        self.catalog = self._catalog()
        names = sorted({name for name in (*self.state.files, *self.state.mappings)
                        if is_mapping(name) and is_catalog_name(name)})
        self.rules = self._fetch(names, "mappings", progress)
        if not self.rules:
            raise ImportFailed(f"{self.url} gives out no rule files. Nothing was imported.")
        references = self._wanted_references()
        if references:
            self.references = self._fetch(references, "references", progress)

    def close(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)

    # ---- questions -----------------------------------------------------

    def _call(self, method: str, *parameters):
        body = json.dumps({"jsonrpc": "1.0", "method": method, "params": list(parameters),
                           "id": f"import-{method}"}).encode()
        request = urllib.request.Request(
            f"{self.url}/json/{method}/import-{method}/", data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                answer = json.load(response)
        except (OSError, ValueError, http.client.HTTPException) as exc:
            reason = getattr(exc, "reason", None) or exc
            raise ImportFailed(
                f"The server {self.url} did not answer {method}: {reason}. Check the address and"
                " that the server runs, then start again; nothing was imported.") from exc
        if not isinstance(answer, dict) or answer.get("error"):
            error = answer.get("error") if isinstance(answer, dict) else answer
            message = error.get("message") if isinstance(error, dict) else error
            raise ImportFailed(f"The server {self.url} refused {method}: {message}."
                               " Nothing was imported.")
        return decode(answer.get("result"))

    def _take_addresses(self, info: dict) -> None:
        for kind, key in (("mappings", "mapping_url"), ("references", "reference_url")):
            value = info.get(key)
            if isinstance(value, dict):
                value = value.get("unchecked", value)
            if isinstance(value, dict):
                value = value.get(self.observatory)
            if not isinstance(value, str):
                value = f"{self.url}/unchecked_get/{kind}/{self.observatory}/"
            self.addresses[kind] = value.rstrip("/") + "/"

    def _catalog(self) -> dict[str, dict[str, str]]:
        """Catalogue fields of all files; empty where the server does not tell them."""
        try:
            answer = self._call("get_file_info_map", self.observatory, None, None)
        except ImportFailed:
            return {}
        if not isinstance(answer, dict):
            return {}
        return {name: fields for name, fields in answer.items() if isinstance(fields, dict)}

    def _wanted_references(self) -> list[str]:
        if self.wanted == "none":
            return []
        if self.wanted == "latest":
            names = self._call("get_reference_names", self.state.latest)
        else:
            names = [name for name in self.state.files if not is_mapping(name)]
        return sorted(name for name in map(str, names) if is_catalog_name(name))

    # ---- downloads -----------------------------------------------------

    def _fetch(self, names: list[str], kind: str, progress: Progress) -> dict[str, Path]:
        """Local paths of the files that the server gave out."""
        folder = self.staging / kind / self.observatory
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ImportFailed(f"{folder} cannot be made: {exc.strerror}.") from exc
        progress.stage(f"Downloading {kind}", len(names))
        found = {}
        pool = ThreadPoolExecutor(self.parallel)
        try:
            fetched = pool.map(lambda name: self._fetch_one(name, kind, folder), names)
            for number, (name, path) in enumerate(zip(names, fetched, strict=True), 1):
                if path:
                    found[name] = path
                progress.step(number)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return found

    def _fetch_one(self, name: str, kind: str, folder: Path) -> Path | None:
        """Download one file; None if the server knows it by name only."""
        target = folder / name
        known = self.state.files.get(name)
        wanted = known.sha1sum if known else ""
        if target.is_file() and wanted and _sha1(target) == wanted:
            return target
        address = self.addresses[kind] + urllib.parse.quote(name)
        for attempt in (1, 2, 3):
            try:
                digest = self._download(address, target)
            except urllib.error.HTTPError as exc:
                if exc.code in (403, 404, 410):
                    return None
                problem = f"HTTP {exc.code} {exc.reason}"
            except (OSError, http.client.HTTPException) as exc:
                if getattr(exc, "errno", None) and exc.filename:
                    raise ImportFailed(f"{name} could not be written to {folder}: {exc.strerror}."
                                       " Nothing was imported.") from exc
                problem = str(getattr(exc, "reason", None) or exc)
            else:
                if not wanted or digest == wanted:
                    return target
                problem = f"sha1 is {digest}, the server records {wanted}"
            if attempt == 3:
                target.unlink(missing_ok=True)
                raise ImportFailed(f"{address} could not be downloaded: {problem}. Start again to"
                                   " go on from here; nothing was imported.")
        return None

    def _download(self, address: str, target: Path) -> str:
        """Write ``target`` in one step and return its sha1."""
        digest = hashlib.sha1(usedforsecurity=False)
        partial = target.with_name(f".{target.name}.part")
        with (urllib.request.urlopen(address, timeout=self.timeout) as response,
              open(partial, "wb") as stream):
            length = response.headers.get("Content-Length")
            size = 0
            while block := response.read(BLOCK):
                digest.update(block)
                stream.write(block)
                size += len(block)
        if length and length.isdigit() and int(length) != size:
            raise OSError(f"{size} of {length} bytes arrived")
        partial.replace(target)
        return digest.hexdigest()


def _sha1(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
