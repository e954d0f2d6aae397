"""Accounts on the admin site, for administrators.

Changes go through the services, which check and audit.  Accounts are disabled, not deleted:
what they did keeps its name.  An administrator cannot touch superusers or become one.
"""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers what is replaced here
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from common.admin import ReadOnlyAdmin
from common.errors import ServiceError

from .models import ApiToken, Grant, Role
from .services import accounts, roles, tokens

User = get_user_model()
# Permissions come from roles; Django's own pages would change accounts without a record.
admin.site.unregister(Group)
admin.site.unregister(User)


class _AsError(forms.ModelForm):
    """Does the work of a form in its check, so that a service's refusal is shown beside it."""

    def clean(self):
        fields = super().clean()
        if not self.errors:
            try:
                self.act(fields)
            except ServiceError as exc:
                raise ValidationError(exc.message) from exc
        return fields

    # The instance is saved already.
    def _post_clean(self):
        pass

    def save(self, commit=True):
        return self.instance

    def save_m2m(self):
        pass


class AddAccountForm(_AsError):
    password = forms.CharField(
        strip=False, required=False, widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password"}),
        help_text="empty: the account signs in by OpenID Connect, or with tokens")
    role = forms.ChoiceField(choices=Role.choices)
    instrument = forms.CharField(
        required=False, max_length=32, help_text="empty: the role holds for all instruments")

    class Meta:
        model = User
        fields = ("username", "email")

    def act(self, fields):
        self.instance = accounts.add(
            fields["username"], email=fields["email"], password=fields["password"] or None,
            role=fields["role"], instrument=fields["instrument"], by=self.by)


class ChangeAccountForm(_AsError):
    new_password = forms.CharField(
        strip=False, required=False, widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password"}), help_text="empty: it stays as it is")

    class Meta:
        model = User
        fields = ("email", "is_active")

    def act(self, fields):
        before = User.objects.get(pk=self.instance.pk)
        if fields["new_password"]:
            accounts.set_password(before, fields["new_password"], by=self.by)
        if fields["email"] != before.email:
            accounts.set_email(before, fields["email"], by=self.by)
        if fields["is_active"] and not before.is_active:
            accounts.enable(before, by=self.by)
        elif before.is_active and not fields["is_active"]:
            accounts.disable(before, by=self.by, reason="admin site")
        self.instance = before


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("username", "email", "is_active", "roles", "last_login")
    list_filter = ("is_active", "grants__role")
    search_fields = ("username", "email")
    ordering = ("username",)
    actions = None

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("grants")

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = ChangeAccountForm if obj else AddAccountForm
        return type(form.__name__, (form,), {"by": request.user})

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("username", "email", "password", "role", "instrument")
        return ("username", "email", "is_active", "new_password", "roles", "last_login",
                "date_joined")

    def get_readonly_fields(self, request, obj=None):
        return ("username", "roles", "last_login", "date_joined") if obj else ()

    def save_model(self, request, obj, form, change):
        """The form has done it."""

    def has_change_permission(self, request, obj=None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description="roles")
    def roles(self, user) -> str:
        if user.is_superuser:
            return "superuser"
        return ", ".join(f"{grant.role}{f' ({grant.instrument})' if grant.instrument else ''}"
                         for grant in user.grants.all()) or "none"


class GrantForm(_AsError):
    class Meta:
        model = Grant
        fields = ("user", "role", "instrument")

    def act(self, fields):
        self.instance = roles.grant(
            fields["user"], fields["role"], fields["instrument"], by=self.by)


@admin.register(Grant)
class GrantAdmin(admin.ModelAdmin):
    """Roles are granted and taken back, never changed."""

    list_display = ("user", "role", "instrument", "granted_at", "granted_by")
    list_filter = ("role", "instrument")
    list_select_related = ("user",)
    search_fields = ("=user__username",)
    actions = ("delete_selected",)

    def get_form(self, request, obj=None, change=False, **kwargs):
        return type("GrantForm", (GrantForm,), {"by": request.user})

    def get_fields(self, request, obj=None):
        return ("user", "role", "instrument") + (("granted_at", "granted_by") if obj else ())

    def save_model(self, request, obj, form, change):
        """The form has done it."""

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def delete_model(self, request, obj):
        roles.revoke(obj.user, obj.role, obj.instrument, by=request.user)

    def delete_queryset(self, request, queryset):
        for grant in queryset.select_related("user"):
            self.delete_model(request, grant)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens of everybody, to look at and to revoke."""

    list_display = ("shown", "user", "label", "created_at", "expires_at", "last_used_at",
                    "revoked_at")
    list_select_related = ("user",)
    list_filter = ("revoked_at",)
    search_fields = ("prefix", "=user__username", "label")
    exclude = ("salt", "digest")
    actions = ("revoke",)

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request, queryset):
        if not request.user.has_perm("accounts.change_apitoken"):
            self.message_user(request, "This needs an administrator.", messages.ERROR)
            return
        for token in queryset.select_related("user"):
            tokens.revoke(token.user, token.prefix, by=request.user)
        self.message_user(request, "The tokens are revoked.")
