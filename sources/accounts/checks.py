"""``manage check``: the configuration of sign-in by OpenID Connect."""

from __future__ import annotations

from django.core.checks import Error, Tags, register

from .services import oidc


@register(Tags.security)
def check_oidc(app_configs, **kwargs):
    return [Error(problem, hint="See \"people\" in server/conf/site_config.py.",
                  id="accounts.E001") for problem in oidc.problems()]
