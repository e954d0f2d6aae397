"""Explore best references: choose a context and instrument, then the value of each parameter."""

from __future__ import annotations

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from bestrefs.forms import ExploreForm
from bestrefs.services import questions
from bestrefs.services.questions import Question
from interactive import context_chooser
from interactive.services import contexts
from rules import parameters

from . import common

#: Hints beside the date parameters, by the last part of their name.
HINTS = {
    "DATE-OBS": "e.g. 2011-01-01", "TIME-OBS": "e.g. 12:01:57",
    "DATE": "e.g. 2023-01-01", "TIME": "e.g. 12:01:57",
    "START_TIME": "e.g. 2027-01-01T12:01:57",
}
#: Suffix of the text field that overrides the menu of a parameter.
TYPED = ".typed"


@require_safe
def explore(request):
    """First the choice of instrument, then its parameters, then the address of the answer."""
    if "pmap_mode" in request.GET or "pmap_text" in request.GET:
        return _chosen(request)
    if "look" in request.GET:
        return _look(request)
    instrument = request.GET.get("instrument", "")
    if instrument or "change" in request.GET:
        return _parameters(request, instrument)
    return _first(request)


def _first(request, form=None, status: int = 200):
    offer = form.fields["context"].widget.offer if form else context_chooser.offer()
    form = form or ExploreForm(auto_id="explore-%s", offer=offer, instruments=_instruments())
    return render(request, "bestrefs/explore.html", {"form": form, "recent": offer.recent},
                  status=status)


def _instruments() -> list[str]:
    latest = contexts.pointer("latest")
    return parameters.instruments(latest) if latest else []


def _chosen(request):
    form = ExploreForm(request.GET, auto_id="explore-%s", offer=context_chooser.offer(),
                       instruments=_instruments())
    if not form.is_valid():
        return _first(request, form, status=400)
    question = Question(context=form.cleaned_data["context"],
                        context2=form.cleaned_data["context2"])
    instrument = form.cleaned_data["instrument"]
    return redirect(
        f"{reverse('bestrefs_explore')}?{question.query()}&instrument={instrument}")


def _parameters(request, instrument: str):
    question = common.context_of(request.GET)
    key = parameters.instrument_key(question.context)
    given = questions.header(request.GET)
    instrument = questions.text(instrument or given.get(key, ""), "instrument", 32).lower()
    rows = [_row(parameter, given)
            for parameter in parameters.parameters(question.context, instrument)]
    return render(request, "bestrefs/explore_parameters.html", {
        "question": question, "instrument": instrument, "key": key, "rows": rows,
    })


def _row(parameter: parameters.Parameter, given: dict[str, str]) -> dict:
    value = given.get(parameter.name, "")
    if parameter.is_date and not given:
        value = _now(parameter.name)
    listed = value in parameter.values or value == "N/A"
    return {
        "parameter": parameter,
        "selected": value if listed else "",
        "typed": "" if listed else value,
        "hint": HINTS.get(parameter.name.rpartition(".")[2], ""),
    }


def _now(name: str) -> str:
    last = name.rpartition(".")[2]
    form = ("%Y-%m-%dT%H:%M:%S" if last == "START_TIME" else
            "%H:%M:%S" if last.startswith("TIME") else "%Y-%m-%d")
    return timezone.now().strftime(form)


def _look(request):
    """Typed values before chosen ones, empty ones left out: the address of the answer."""
    question = common.context_of(request.GET)
    typed = {name.removesuffix(TYPED): questions.text(value, name, questions.MAX_VALUE)
             for name, value in request.GET.items() if name.endswith(TYPED)}
    header = {**questions.header(request.GET),
              **{name: value for name, value in typed.items()
                 if value and questions.KEYWORD.fullmatch(name)}}
    asked = Question(header=header, context=question.context, context2=question.context2)
    return redirect(f"{reverse('bestrefs')}?{asked.query()}")


