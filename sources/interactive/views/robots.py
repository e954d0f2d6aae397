"""What programs that follow every link are asked to leave alone."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

#: Pages that start jobs or select references for each of countless addresses.
LEFT_ALONE = ("diff_form", "bestrefs", "bestrefs_many", "bestrefs_explore", "explain", "search")
FOLDERS = ("/contents/", "/api/", "/json/", "/admin/", "/login/")


@require_safe
@cache_control(public=True, max_age=24 * 3600)
def robots(request):
    """Crawlers ask at the root of the host; a proxy in front leads that here."""
    root = request.META.get("SCRIPT_NAME", "")
    places = [*(reverse(name).removeprefix(root) for name in LEFT_ALONE), *FOLDERS]
    lines = ["User-agent: *", *(f"Disallow: {prefix}{place}" for prefix in sorted({"", root})
                                for place in places), "Disallow: /*?"]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
