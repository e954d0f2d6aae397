"""First import of every benchmark: continue under the checkout's own Python, find the sources.

The scripts may be started with any Python 3.11; what they measure lives in
``.venv``, which ``./install`` makes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent
CHECKOUT = BENCHMARKS.parent
SOURCES = CHECKOUT / "sources"
ENVIRONMENT = Path(os.environ.get("CRDS_STACK") or CHECKOUT / ".venv").absolute()


def _continue_under_own_python() -> None:
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        sys.exit(f"{ENVIRONMENT} is missing. ./install hst django makes it.")
    os.execv(python, [str(python), *sys.argv])


_continue_under_own_python()
for _folder in (CHECKOUT / "tools", SOURCES):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
