"""The process environment in which the ``crds`` library is used.

The library reads its settings from ``CRDS_*`` variables, some of them when it
is imported and some at every call.  Server code must never let it contact a
server (it would call back into ourselves), so every process that imports
``crds`` calls :func:`prepare` first.  Tests and tools that run the real client
as a separate process get their variables from :func:`client_environment`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: The word "serverless" in the address makes the library refuse every remote call.
SERVERLESS_URL = "https://crds-serverless-mode.example.invalid"

#: Variables of a user's shell that change what the library does.  Variables of
#: this server (CRDS_ROOT, CRDS_PORT ...) are not among them and are kept.
_LIBRARY_VARIABLES = """
    CRDS_ADD_LOG_MSG_COUNTER CRDS_ALLOW_BAD_PARKEY_VALUES CRDS_ALLOW_BAD_REFERENCES
    CRDS_ALLOW_BAD_RULES CRDS_ALLOW_BAD_USEAFTER CRDS_ALLOW_SCHEMA_VIOLATIONS
    CRDS_AUTO_PICKLE_CONTEXTS CRDS_CFGPATH CRDS_CFGPATH_SINGLE CRDS_CHECKSUM_BLOCK_SIZE
    CRDS_CLIENT_RETRY_COUNT CRDS_CLIENT_RETRY_DELAY_SECONDS CRDS_CLIENT_TIMEOUT_SECONDS
    CRDS_CONFIG_URI CRDS_CONTEXT CRDS_CTX CRDS_CWD CRDS_DATA_CHUNK_SIZE CRDS_DEBUG
    CRDS_DEFAULT_CACHE CRDS_DOWNLOAD_CHECKSUMS CRDS_DOWNLOAD_LENGTHS CRDS_DOWNLOAD_MODE
    CRDS_DOWNLOAD_PLUGIN CRDS_EXPLICIT_GARBAGE_COLLECTION CRDS_FITS_IGNORE_MISSING_END
    CRDS_FITS_VERIFY_CHECKSUM CRDS_FORCE_COMPLETE_LOAD CRDS_IGNORE_MAPPING_CHECKSUM
    CRDS_INI_FILE CRDS_LOG_TIME CRDS_MAPPATH CRDS_MAPPATH_SINGLE CRDS_MAPPING_URI CRDS_MODE
    CRDS_OBSERVATORY CRDS_PATH CRDS_PATH_SINGLE CRDS_PICKLEPATH CRDS_PICKLEPATH_SINGLE
    CRDS_PICKLE_URI CRDS_READONLY_CACHE CRDS_REFERENCE_URI CRDS_REFPATH CRDS_REFPATH_SINGLE
    CRDS_REF_SUBDIR_MODE CRDS_S3_BUCKET CRDS_S3_ENABLED CRDS_S3_RETURN_URI CRDS_SERVER_URL
    CRDS_TRAP_AUGMENTED CRDS_USERNAME CRDS_USE_PICKLED_CONTEXTS CRDS_VERBOSITY
"""
LIBRARY_VARIABLES = frozenset(_LIBRARY_VARIABLES.split())

OBSERVATORIES = ("hst", "jwst", "roman", "tobs")


def library_variables(observatory: str, crds_path: Path) -> dict[str, str]:
    """The variables with which the library works on one cache and no server."""
    return {
        "CRDS_SERVER_URL": SERVERLESS_URL,
        "CRDS_OBSERVATORY": observatory,
        "CRDS_PATH": str(crds_path),
        "CRDS_MODE": "local",
        # A personal ~/.crds.ini must not reach the server: name one that is not there.
        # (The library complains about the mode of /dev/null.)
        "CRDS_INI_FILE": str(crds_path / "no-personal-crds.ini"),
    }


def prepare(observatory: str, crds_path: Path | str) -> None:
    """Point the ``crds`` library of this process at ``crds_path`` and at no server.

    Call it before ``import crds``.  When the library is already imported for
    another cache, its caches are emptied and its server address is replaced, so
    contexts that the caller loaded before stay usable but are not found again.

    Raises ``ValueError`` for an unknown observatory and ``RuntimeError`` when
    the imported library keeps the address of a real server.
    """
    if observatory not in OBSERVATORIES:
        raise ValueError(
            f"Unknown observatory {observatory!r}; choose one of {', '.join(OBSERVATORIES)}."
        )
    wanted = library_variables(observatory, Path(crds_path).absolute())
    changed = any(os.environ.get(name) != value for name, value in wanted.items())
    for name in LIBRARY_VARIABLES & os.environ.keys():
        if name not in wanted:
            del os.environ[name]
    os.environ.update(wanted)
    if "crds" in sys.modules:
        _redirect_library(forget=changed)


def _redirect_library(forget: bool) -> None:
    """Give the imported library the address without a server; drop what it remembers."""
    from crds.client import api
    from crds.core import utils

    if api.get_crds_server() != SERVERLESS_URL:
        api.set_crds_server(SERVERLESS_URL)
        if api.get_crds_server() != SERVERLESS_URL:
            raise RuntimeError(
                "The crds library was imported with the address of a real server and did not "
                "take another one. Call rules.environment.prepare() before 'import crds'."
            )
    if forget:
        utils.clear_function_caches()


def client_environment(
    observatory: str | None, server_url: str, crds_path: Path | str
) -> dict[str, str]:
    """Variables for running the real client as a separate process.

    Takes over what a process needs (PATH, HOME, locale ...) and none of the
    ``CRDS_*`` and ``DJANGO_*`` variables of this one.  ``observatory`` is None
    for a client that learns it from the address (``http://localhost:8000/hst``).
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CRDS_", "DJANGO_"))
    }
    env.update(
        CRDS_SERVER_URL=server_url,
        CRDS_PATH=str(Path(crds_path).absolute()),
        CRDS_INI_FILE=str(Path(crds_path).absolute() / "no-personal-crds.ini"),
    )
    if observatory:
        env["CRDS_OBSERVATORY"] = observatory
    return env
