"""Rules loaded into this process, shared between contexts and kept within a memory budget.

The library keeps every mapping it ever loaded.  A server that answers for
hundreds of contexts cannot: here each rule file is loaded once, contexts share
it, and the contexts used longest ago are dropped when the budget is exceeded.
"""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections import OrderedDict
from functools import cache

from crds.core import config as crds_config
from crds.core import log, rmap, utils

#: Resident bytes that a loaded rule takes for each byte of its text, measured on
#: the contexts hst_0500 and jwst_0300 (see benchmarks/context_memory.py).
BYTES_PER_TEXT_BYTE = 22

KINDS = {
    ".pmap": rmap.PipelineContext,
    ".imap": rmap.InstrumentContext,
    ".rmap": rmap.ReferenceMapping,
}


class RuleCache:
    """Loaded rules by file name.

    ``budget`` is the number of resident bytes that loaded rules may take, by
    estimate.  The rule asked for last always stays, whatever its size.
    """

    def __init__(self, budget: int):
        self.budget = budget
        self._lock = threading.RLock()
        self._rules: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
        self._sizes: dict[str, int] = {}
        self._recent: OrderedDict[str, rmap.Mapping] = OrderedDict()
        self._complete: set[str] = set()

    def get(self, name: str) -> rmap.Mapping:
        """The rule ``name`` with all it contains.

        Raises what the library raises for a rule that is missing or broken.
        """
        with self._lock:
            rule = self._recent.get(name)
            if rule is None:
                rule = self._load(name)
                self._recent[name] = rule
            self._recent.move_to_end(name)
            if name not in self._complete:
                # Loading now keeps two requests from loading parts side by side later.
                rule.force_load()
                self._complete.add(name)
                self._shrink()
            return rule

    def part(self, name: str) -> rmap.Mapping:
        """The rule ``name`` alone; what it contains is loaded when it is used.

        It stays loaded as long as somebody holds it.
        """
        return self._load(name)

    def resident(self) -> int:
        """Estimated resident bytes of all loaded rules."""
        with self._lock:
            return sum(self._sizes[name] for name in list(self._rules)) * BYTES_PER_TEXT_BYTE

    def names(self) -> list[str]:
        """Rules asked for by name, the longest unused first."""
        with self._lock:
            return list(self._recent)

    def clear(self) -> None:
        with self._lock:
            self._recent.clear()
            self._complete.clear()
            self._forget_unused()

    def _load(self, name: str, **_) -> rmap.Mapping:
        """Load ``name`` or return it loaded; also what the library calls for parts of a rule."""
        with self._lock:
            rule = self._rules.get(name)
            if rule is None:
                kind = KINDS[os.path.splitext(name)[1]]
                rule = kind.from_file(name, loader=self._load)
                self._rules[name] = rule
                self._sizes[name] = os.path.getsize(crds_config.locate_mapping(name))
            return rule

    def _shrink(self) -> None:
        while len(self._recent) > 1 and self.resident() > self.budget:
            name, _ = self._recent.popitem(last=False)
            self._complete.discard(name)
            self._forget_unused()

    def _forget_unused(self) -> None:
        # The library's memoised methods hold on to the rules they were called on.
        utils.clear_function_caches()
        gc.collect()
        for name in set(self._sizes) - set(self._rules):
            del self._sizes[name]


@cache
def shared_cache() -> RuleCache:
    """The rules of this process, within the instance's budget."""
    from django.conf import settings

    from .environment import prepare

    prepare(settings.CRDS_OBSERVATORY, settings.INSTANCE.file_cache)
    silence_library()
    return RuleCache(settings.CONTEXT_MEMORY_BUDGET_MB * 1024 * 1024)


def silence_library() -> None:
    """Drop the library's verbose messages: never shown by a server, they cost a sixth of its time.

    Nothing but messages depends on them.
    """
    log.verbose = lambda *args, **keys: None


def load(name: str) -> rmap.Mapping:
    """The rule ``name`` of the instance's file cache, loaded at most once per process."""
    return shared_cache().get(name)
