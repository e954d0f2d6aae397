"""Addresses of login, logout and the account page."""

from __future__ import annotations

from django.urls import path

from .views import account, oidc, signing_in

urlpatterns = [
    path("login/", signing_in.login, name="login"),
    path("login/oidc/", oidc.start, name="login_oidc"),
    path("login/oidc/callback/", oidc.callback, name="login_oidc_callback"),
    path("logout/", signing_in.logout, name="logout"),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.create_token, name="create_token"),
    path("account/tokens/revoke/", account.revoke_token, name="revoke_token"),
    path("account/password/", account.change_password, name="change_password"),
]
