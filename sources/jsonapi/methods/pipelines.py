"""What pipelines report of the context they really use."""

from __future__ import annotations

from interactive.services import contexts
from jsonapi import checks
from jsonapi.registry import rpc

from . import common


@rpc
def push_remote_context(request, observatory, kind, key, context):
    """Report that pipeline ``key`` has synchronised ``context``.  ``kind`` is ``latest``."""
    common.observatory(observatory)
    contexts.push_remote_context(
        checks.text(kind, "kind"), checks.text(key, "key"), checks.text(context, "context"))
    return True


@rpc
def get_remote_context(request, observatory, pipeline_name):
    """The context that a pipeline reported last."""
    common.observatory(observatory)
    return contexts.remote_context(checks.text(pipeline_name, "pipeline_name"))
