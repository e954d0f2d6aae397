"""Lists of contexts: those that were latest, all that were delivered, those of builds."""

from __future__ import annotations

import re

from django.conf import settings
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Length

from interactive.models import BuildContext, CatalogFile, ContextHistory

from .contexts import version_numbers

#: Where releases of the calibration software are described; for links only.
RELEASES = {
    "hst": "https://github.com/spacetelescope/hstcal/releases/tag/{}",
    "jwst": "https://github.com/spacetelescope/jwst/releases/tag/{}",
    "roman": "https://github.com/spacetelescope/romancal/releases/tag/{}",
}

VERSION = re.compile(r"[0-9][A-Za-z0-9.+-]{0,40}")


def history() -> QuerySet[ContextHistory]:
    """Every entry of the history, newest first.

    ``file_state`` is the state of the context's file, None where it is not published here;
    ``file_bad`` whether it is marked bad.
    """
    published = CatalogFile.objects.published().filter(name=OuterRef("context"))
    return ContextHistory.objects.annotate(
        file_state=Subquery(published.values("state")[:1]),
        file_bad=Subquery(published.values("blacklisted")[:1]),
    ).order_by("-start_date", "-id")


def delivered() -> QuerySet[CatalogFile]:
    """Every published context, newest first by its serial number.

    ``why`` is the reason for which it became latest; imported contexts have no other.
    """
    turns = ContextHistory.objects.filter(context=OuterRef("name")).order_by("-start_date")
    return (CatalogFile.objects.published().filter(
                extension=".pmap", observatory=settings.CRDS_OBSERVATORY)
            .annotate(why=Subquery(turns.values("description")[:1]))
            .order_by(Length("name").desc(), F("name").desc(), "-pk"))


def builds() -> list[BuildContext]:
    """Contexts of calibration versions, the highest version first."""
    return sorted(BuildContext.objects.select_related("context"),
                  key=lambda row: (version_numbers(row.cal_ver), row.cal_ver), reverse=True)


def release_address(cal_ver: str) -> str:
    """Where the release ``cal_ver`` of the calibration software is described; may be empty."""
    pattern = RELEASES.get(settings.CRDS_OBSERVATORY)
    return pattern.format(cal_ver) if pattern and VERSION.fullmatch(cal_ver) else ""
