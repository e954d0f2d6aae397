"""Taking over the catalogue of another CRDS: a cache in a folder, or a running server.

* :mod:`.state` what a server says about its catalogue (``server_config``)
* :mod:`.sources` where rules, references and that state come from
* :mod:`.reading` reads all files, in parallel
* :mod:`.decision` which files are published and what is only reported: no I/O
* :mod:`.writing` bytes into the store, then rows in one transaction
* :mod:`.run` the whole, with progress

An import adds to a catalogue and changes nothing that is there; doing it again
changes nothing at all.
"""

from .errors import ImportFailed
from .progress import Progress
from .run import Summary, import_catalog
from .sources import CacheSource, ServerSource, Source

__all__ = [
    "CacheSource", "ImportFailed", "Progress", "ServerSource", "Source", "Summary",
    "import_catalog",
]
