"""The methods of the JSON-RPC by name, and how parameters of a call are bound to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from .errors import InvalidParams, MethodNotFound

#: Modules of ``jsonapi.methods`` in the order of the browse page, with their titles there.
MODULES = {
    "server": "Server",
    "contexts": "Contexts",
    "files": "Files",
    "bestrefs": "Best references",
    "datasets": "Archived datasets",
    "pipelines": "Pipelines",
    "progress": "Progress of long work",
    "former": "Methods of former clients",
}


@dataclass(frozen=True)
class Method:
    """A method: ``function(request, *parameters)`` with a docstring for the browse page."""

    name: str
    group: str
    function: Callable
    signature: inspect.Signature

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters, those with a default with it: ``state=null``."""
        return [
            p.name if p.default is p.empty else f"{p.name}={_json_word(p.default)}"
            for p in self.signature.parameters.values()
        ]

    @property
    def documentation(self) -> str:
        return inspect.getdoc(self.function) or ""

    def call(self, request, params: list | dict):
        """Run the method with ``params`` of a request."""
        try:
            if isinstance(params, dict):
                bound = self.signature.bind(**params)
            else:
                bound = self.signature.bind(*params)
        except TypeError as exc:
            raise InvalidParams(
                f"{self.name}({', '.join(self.parameters)}) cannot be called with"
                f" {_count(params)}: {exc}.") from exc
        return self.function(request, *bound.args, **bound.kwargs)


def _count(params: list | dict) -> str:
    if isinstance(params, dict):
        return f"parameters named {', '.join(map(repr, list(params)[:10]))}" if params else "none"
    return f"{len(params)} parameter{'' if len(params) == 1 else 's'}"


def _json_word(value) -> str:
    return {None: "null", True: "true", False: "false"}.get(value, str(value))


_methods: dict[str, Method] = {}


def rpc(function: Callable) -> Callable:
    """Register ``function(request, …)`` as the JSON-RPC method of its name."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    name = function.__name__
    group = function.__module__.rsplit(".", 1)[-1]
    _methods[name] = Method(name, group, function, signature.replace(parameters=parameters))
    return function


@cache
def methods() -> dict[str, Method]:
    """All methods by name."""
    for module in MODULES:
        import_module(f"jsonapi.methods.{module}")
    return _methods


def method(name: str) -> Method:
    """The method called ``name``."""
    known = methods()
    if name not in known:
        near = get_close_matches(name[:128], known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise MethodNotFound(
            f"There is no method '{name[:128]}'.{hint} /json/browse/ lists the methods.")
    return known[name]
