"""Request records on the admin site, to look at only."""

from __future__ import annotations

from django.contrib import admin

from common.admin import ReadOnlyAdmin

from .models import HourlyLoad, RequestRecord


@admin.register(RequestRecord)
class RequestRecordAdmin(ReadOnlyAdmin):
    list_display = ("at", "label", "status", "failed", "duration", "size", "user", "network")
    list_filter = ("failed", "status")
    search_fields = ("=request_id", "=user", "label")
    show_full_result_count = False


@admin.register(HourlyLoad)
class HourlyLoadAdmin(ReadOnlyAdmin):
    list_display = ("hour", "label", "requests", "refused", "failed", "slowest")
