"""The list of all files, with filters in the address."""

from __future__ import annotations

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from common.lists import (
    DayColumn,
    GlobFilter,
    LongTextColumn,
    MomentFilter,
    NumberColumn,
    Table,
    TextColumn,
    list_response,
)
from interactive.columns import FileColumn, PickColumn, StateColumn
from interactive.models import CatalogFile, FileState
from interactive.services import file_lists
from interactive.services.file_lists import FileFilter

from .catalogue_filters import Catalogued, CatalogueFilters, extensions, filekinds, instruments

YES_NO = (("yes", "yes"), ("no", "no"))
STATES = [(value, value) for value in FileState.values if value != FileState.UPLOADED]


class FileTable(Table):
    delivery_date = DayColumn(verbose_name="Delivery date", orderable=True)
    activation_date = DayColumn(verbose_name="Activation date", orderable=True)
    useafter_date = DayColumn(verbose_name="Useafter date", orderable=True)
    name = FileColumn(verbose_name="Name", orderable=True)
    uploaded_as = TextColumn(verbose_name="Uploaded as")
    aperture = TextColumn(verbose_name="Aperture")
    state = StateColumn(verbose_name="Status", orderable=True)
    description = LongTextColumn(verbose_name="Description")
    instrument = TextColumn(verbose_name="Instrument", orderable=True)
    filekind = TextColumn(verbose_name="Reference type", orderable=True)
    size = NumberColumn(verbose_name="Size (bytes)", orderable=True)
    pick = PickColumn(accessor="name")

    class Meta(Table.Meta):
        order_by = "-delivery_date"
        empty_text = "No file of the catalogue fits these filters."


class FileFilters(CatalogueFilters):
    instrument = Catalogued(label="Instrument", choices=instruments)
    filekind = Catalogued(label="Reference type", choices=filekinds)
    filename = GlobFilter(field_name="name", label="Filename")
    status = Catalogued(label="Status", choices=STATES)
    extension = Catalogued(label="Extension", choices=extensions)
    start_date = MomentFilter(field_name="delivery_date", label="Start date (delivery)")
    stop_date = MomentFilter(field_name="delivery_date", label="Stop date (delivery)")
    uploaded_as = GlobFilter(label="Uploaded as")
    bad = Catalogued(label="Rejected or blacklisted", choices=(
        *YES_NO, ("rejected", "rejected"), ("blacklisted", "blacklisted")))
    stored = Catalogued(label="Stored here", choices=YES_NO)

    class Meta:
        model = CatalogFile
        fields = ()

    def filter_queryset(self, queryset):
        """The rows by arrays of the catalogue, not by a query."""
        wanted = self.form.cleaned_data
        bad = wanted["bad"]
        return file_lists.rows(FileFilter(
            instrument=wanted["instrument"] or None,
            filekind=wanted["filekind"] or None,
            extension=wanted["extension"] or None,
            state=wanted["status"] or None,
            stored=_truth(wanted["stored"]),
            bad=_truth(bad),
            rejected=True if bad == "rejected" else None,
            blacklisted=True if bad == "blacklisted" else None,
            name=wanted["filename"] or None,
            uploaded_as=wanted["uploaded_as"] or None,
            since=wanted["start_date"],
            until=self.until(),
        ))


def _truth(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


# Forms elsewhere may post their filters; nothing is changed, so no token is wanted.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def browse_db(request):
    """Files of the catalogue; contexts alone until a filter is set, as ever."""
    if request.method == "POST":
        return as_address(request, "browse_db")
    return list_response(
        request, rows=CatalogFile.objects.none(), table=FileTable, filters=FileFilters,
        name="catalogue", template="interactive/browse_db.html")


def as_address(request, name: str) -> HttpResponseRedirect:
    """The page ``name`` with what was posted in its address."""
    fields = request.POST.copy()
    fields.pop("csrfmiddlewaretoken", None)
    response = HttpResponseRedirect(f"{reverse(name)}?{fields.urlencode()}")
    response.status_code = 303
    return response
