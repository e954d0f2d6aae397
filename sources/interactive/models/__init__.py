"""The catalogue that all apps share.

* :mod:`.catalog` files and the rules that contain them
* :mod:`.contexts` which context is latest, edit, build …, and the history of that
* :mod:`.names` names given out, never twice
* :mod:`.records` audit, findings of imports, bad files, catalogue revision
* :mod:`.deliveries` what was handed to the archive
* :mod:`.affected` stored results of affected datasets runs
* :mod:`.search` the index of the search

:mod:`.triggers` holds what the database itself enforces.
"""

from .affected import AffectedDatasets
from .catalog import CatalogFile, ChangeLevel, FileState, FileType, RuleLink
from .contexts import BuildContext, ContextHistory, ContextPointer, RemoteContext
from .deliveries import Delivery, DeliveryFile, DeliveryState
from .names import AllocatedName, NameSeries
from .records import AuditRecord, BadFile, CatalogRevision, ImportFinding
from .search import SearchWord

__all__ = [
    "AffectedDatasets",
    "AllocatedName",
    "AuditRecord",
    "BadFile",
    "BuildContext",
    "CatalogFile",
    "CatalogRevision",
    "ChangeLevel",
    "ContextHistory",
    "ContextPointer",
    "Delivery",
    "DeliveryFile",
    "DeliveryState",
    "FileState",
    "FileType",
    "ImportFinding",
    "NameSeries",
    "RemoteContext",
    "RuleLink",
    "SearchWord",
]
