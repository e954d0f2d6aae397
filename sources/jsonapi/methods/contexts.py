"""Contexts: by role, date and calibration version; what they contain."""

from __future__ import annotations

from interactive.services import contexts, rule_graph
from jsonapi import checks
from jsonapi.registry import rpc
from rules import selection

from . import common


@rpc
def get_default_context(request, observatory=None, state=None):
    """Name of the latest context, or of that for ``state``: latest, edit, build or versions."""
    common.observatory(observatory)
    return contexts.default_context(checks.optional_text(state, "state"))


@rpc
def get_build_context(request, observatory=None, cal_ver=None):
    """Context for a release ``x.y.z`` of the calibration software, or the nearest earlier patch."""
    common.observatory(observatory)
    return contexts.build_context(checks.text(cal_ver, "cal_ver"))


@rpc
def get_context_by_date(request, date, observatory=None):
    """Name of the rule file that a specification stands for.

    ``hst-2020-01-31T12:00:00``, ``hst-acs-edit``, ``jwst-miri-dark-latest``,
    or a bare date or role.
    """
    return contexts.resolve(
        checks.text(date, "date"), checks.optional_text(observatory, "observatory"))


@rpc
def get_context_history(request, observatory=None):
    """Every context that was ever latest: ``[start date, context, description]``, newest first."""
    common.observatory(observatory)
    return contexts.history_rows()


@rpc
def get_mapping_names(request, context):
    """Names of all rule files that a context is made of, itself included, sorted."""
    return rule_graph.mapping_names(common.context(context))


@rpc
def get_reference_names(request, context):
    """Names of all references that a context can assign, sorted."""
    return rule_graph.closure(common.context(context)).references


@rpc
def get_required_parkeys(request, context):
    """Names of the parameters that matching needs, by instrument."""
    return selection.required_parkeys(common.context(context))
