"""Login and logout."""

from __future__ import annotations

from django.contrib.auth import logout as end_session
from django.contrib.auth.views import LoginView
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods


# The client takes the token from the cookie of this very answer (contract 4.4).
@method_decorator(ensure_csrf_cookie, name="dispatch")
class Login(LoginView):
    template_name = "interactive/login.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        return {**context, "error": error_text(context["form"])}


def error_text(form) -> str:
    """Everything wrong with ``form`` as one text: clients read a single text node."""
    return " ".join(
        text if field == "__all__" else f"{form.fields[field].label or field}: {text}"
        for field, texts in form.errors.items() for text in texts)


# By GET too: the client ends its sessions so.
@never_cache
@require_http_methods(["GET", "POST"])
def logout(request):
    end_session(request)
    return redirect("home")
