"""The catalogue on the admin site, to look at only.

Corrections go through services, which keep the invariants and write the audit log.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin

from common.admin import ReadOnlyAdmin

from . import models

admin.site.site_header = f"{settings.CRDS_OBSERVATORY.upper()} CRDS administration"
admin.site.site_title = "CRDS administration"


@admin.register(models.CatalogFile)
class CatalogFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "instrument", "filekind", "state", "stored", "rejected",
                    "blacklisted", "size", "delivery_date")
    list_filter = ("type", "state", "stored", "rejected", "blacklisted", "instrument")
    search_fields = ("name", "uploaded_as", "=sha1sum")
    show_full_result_count = False


@admin.register(models.RuleLink)
class RuleLinkAdmin(ReadOnlyAdmin):
    list_display = ("parent", "key", "child")
    list_select_related = ("parent", "child")
    search_fields = ("=parent__name", "=child__name")
    show_full_result_count = False


@admin.register(models.ContextHistory)
class ContextHistoryAdmin(ReadOnlyAdmin):
    list_display = ("start_date", "context", "user", "description")
    ordering = ("-start_date", "-id")
    search_fields = ("context", "description")


@admin.register(models.ContextPointer)
class ContextPointerAdmin(ReadOnlyAdmin):
    list_display = ("kind", "context", "cal_ver", "changed_at", "changed_by")
    list_select_related = ("context",)


@admin.register(models.BuildContext)
class BuildContextAdmin(ReadOnlyAdmin):
    list_display = ("cal_ver", "context", "changed_at", "changed_by")
    list_select_related = ("context",)


@admin.register(models.RemoteContext)
class RemoteContextAdmin(ReadOnlyAdmin):
    list_display = ("key", "context", "pushed_at")


@admin.register(models.AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    list_display = ("date", "user", "action", "file", "why")
    list_filter = ("action",)
    search_fields = ("=file", "=user", "why")
    show_full_result_count = False


@admin.register(models.BadFile)
class BadFileAdmin(ReadOnlyAdmin):
    list_display = ("file", "reason", "marked_at", "marked_by")
    list_select_related = ("file",)


@admin.register(models.ImportFinding)
class ImportFindingAdmin(ReadOnlyAdmin):
    list_display = ("name", "code", "published", "reason")
    list_filter = ("code", "published")
    search_fields = ("name",)


@admin.register(models.Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("number", "catalog", "state", "created_at", "user")
    exclude = ("files",)


@admin.register(models.AffectedDatasets)
class AffectedDatasetsAdmin(ReadOnlyAdmin):
    list_display = ("old_context", "new_context", "computed_at", "status")
    # The list of ids can be millions long.
    exclude = ("affected_ids",)
    list_select_related = True

    def get_queryset(self, request):
        return super().get_queryset(request).defer("affected_ids")


for _model in (models.AllocatedName, models.NameSeries, models.CatalogRevision):
    admin.site.register(_model, ReadOnlyAdmin)
