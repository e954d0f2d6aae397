"""Files of the catalogue, and the graph of which rule file contains which."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class FileType(models.TextChoices):
    REFERENCE = "reference"
    MAPPING = "mapping"


class FileState(models.TextChoices):
    """Where a file stands between upload and pipelines.

    ``uploaded`` files are provisional and invisible from outside; every other
    state means published for ever.
    """

    UPLOADED = "uploaded"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    ARCHIVING = "archiving"
    ARCHIVING_FAILED = "archiving-failed"
    ARCHIVED = "archived"
    LATEST = "latest"


class ChangeLevel(models.TextChoices):
    SEVERE = "severe"
    MODERATE = "moderate"
    TRIVIAL = "trivial"


class CatalogFileQuerySet(models.QuerySet):
    def published(self) -> CatalogFileQuerySet:
        """Files that the outside may know of."""
        return self.exclude(state=FileState.UPLOADED)

    def downloadable(self) -> CatalogFileQuerySet:
        """Published files whose bytes are kept here."""
        return self.published().filter(stored=True)

    def mappings(self) -> CatalogFileQuerySet:
        return self.filter(type=FileType.MAPPING)

    def references(self) -> CatalogFileQuerySet:
        return self.filter(type=FileType.REFERENCE)


class CatalogFile(models.Model):
    """One reference or rule file.

    Name, size and sha1sum never change once published and a published row is
    never deleted: the database refuses (see :mod:`.triggers`).  Empty strings
    and nulls mean "not known" or "does not apply"; the JSON-RPC shows them as
    ``none``.
    """

    name = models.CharField(max_length=128, unique=True, help_text="official CRDS name")
    observatory = models.CharField(max_length=8)
    instrument = models.CharField(
        max_length=32, blank=True, help_text="lower case, empty for pmaps")
    filekind = models.CharField(max_length=64, blank=True, help_text="type, lower case")
    type = models.CharField(max_length=16, choices=FileType.choices)
    extension = models.CharField(max_length=16, help_text="with the dot, e.g. .rmap")
    state = models.CharField(max_length=16, choices=FileState.choices, default=FileState.UPLOADED)
    stored = models.BooleanField(default=False, help_text="the bytes are kept on this server")
    rejected = models.BooleanField(default=False, help_text="this file is scientifically invalid")
    blacklisted = models.BooleanField(
        default=False, help_text="this rule, or a rule it contains, is invalid")
    sha1sum = models.CharField(max_length=40, blank=True)
    size = models.BigIntegerField(null=True, blank=True, help_text="bytes")

    uploaded_as = models.CharField(max_length=256, blank=True)
    derived_from = models.CharField(max_length=256, blank=True)
    replaced_by_filename = models.CharField(max_length=128, blank=True)
    reference_file_type = models.CharField(max_length=64, blank=True, help_text="REFTYPE")
    change_level = models.CharField(
        max_length=16, choices=ChangeLevel.choices, default=ChangeLevel.SEVERE)

    delivery_date = models.DateTimeField(null=True, blank=True)
    activation_date = models.DateTimeField(
        null=True, blank=True, help_text="first time in the latest context")
    useafter_date = models.DateTimeField(null=True, blank=True)

    pedigree = models.CharField(max_length=128, blank=True)
    aperture = models.CharField(max_length=256, blank=True)
    description = models.TextField(blank=True, help_text="reason for delivery")
    comment = models.TextField(blank=True)
    history = models.TextField(blank=True)
    blob = models.TextField(blank=True, help_text="internal")

    creator_name = models.CharField(max_length=128, blank=True)
    deliverer_user = models.CharField(max_length=150, blank=True)
    deliverer_email = models.CharField(max_length=254, blank=True, help_text="never public")
    catalog_link = models.CharField(max_length=128, blank=True, help_text="delivery .cat")

    objects = CatalogFileQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["type", "instrument", "filekind", "name"]),
            models.Index(fields=["extension", "name"]),
            models.Index(fields=["state", "name"]),
            models.Index(fields=["sha1sum"]),
            models.Index(fields=["delivery_date"]),
            models.Index(fields=["activation_date"]),
            models.Index(fields=["replaced_by_filename"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=FileState.values), name="catalogfile_state_known"),
            models.CheckConstraint(
                condition=Q(type__in=FileType.values), name="catalogfile_type_known"),
            models.CheckConstraint(
                condition=Q(size__isnull=True) | Q(size__gte=0), name="catalogfile_size_natural"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def published(self) -> bool:
        return self.state != FileState.UPLOADED

    @property
    def is_context(self) -> bool:
        return self.extension == ".pmap"

    @property
    def is_bad(self) -> bool:
        return self.rejected or self.blacklisted


class RuleLink(models.Model):
    """``parent`` names ``child``: pmap to imap, imap to rmap, rmap to reference.

    Rules are immutable, so links are only ever added together with their parent.
    ``key`` is the instrument or type under which the parent holds the child,
    empty for references.
    """

    parent = models.ForeignKey(
        CatalogFile, on_delete=models.CASCADE, related_name="links_down", db_index=False)
    child = models.ForeignKey(CatalogFile, on_delete=models.PROTECT, related_name="links_up")
    key = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "child"], name="rulelink_once"),
        ]

    def __str__(self) -> str:
        return f"{self.parent_id} contains {self.child_id}"
