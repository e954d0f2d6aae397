"""The admin site shows the catalogue and changes nothing of it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from interactive.models import AuditRecord, CatalogFile

from . import catalogue

pytestmark = pytest.mark.django_db

MODELS = [*apps.get_app_config("interactive").get_models(),
          *apps.get_app_config("stats").get_models()]
SHOWN = [model for model in MODELS if model in admin.site._registry]


def test_nearly_everything_is_shown():
    assert {model.__name__ for model in MODELS} - {model.__name__ for model in SHOWN} == {
        "DeliveryFile", "SearchWord"}


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_lists_open_and_offer_no_change(admin_client, rf, admin_user, model):
    catalogue.make()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    response = admin_client.get(reverse(f"{name}_changelist"))
    assert response.status_code == 200
    assert admin_client.get(reverse(f"{name}_add")).status_code == 403
    request = rf.get("/")
    request.user = admin_user
    shown = admin.site._registry[model]
    assert not shown.has_change_permission(request)
    assert not shown.has_delete_permission(request)


def test_rows_can_be_seen_but_not_changed_or_deleted(admin_client):
    row = catalogue.file("hst_0001.pmap")
    address = reverse("admin:interactive_catalogfile_change", args=[row.pk])
    assert b"hst_0001.pmap" in admin_client.get(address).content
    assert admin_client.post(address, {"name": "other.pmap"}).status_code == 403
    delete = reverse("admin:interactive_catalogfile_delete", args=[row.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert CatalogFile.objects.get(pk=row.pk).name == "hst_0001.pmap"


def test_the_audit_log_is_shown(admin_client):
    AuditRecord.objects.create(user="someone", action="set context", file="hst_0001.pmap")
    page = admin_client.get(reverse("admin:interactive_auditrecord_changelist"))
    assert b"set context" in page.content


def test_the_admin_site_needs_staff(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("plain"))
    assert client.get(reverse("admin:index")).status_code == 302
