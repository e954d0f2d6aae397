"""Dataset parameters, as an archive would hold them."""

from __future__ import annotations

from django.db import models

#: Longest half of a dataset id.
ID_LENGTH = 128


class Dataset(models.Model):
    """One exposure as part of one product, and the header it is matched by.

    Ids are upper case.  An exposure that belongs to no product is its own product.
    ``header`` is a JSON object of strings, keys in upper case.  ``date_obs`` is
    taken from it and is null where it names no time.
    """

    product = models.CharField(max_length=ID_LENGTH)
    exposure = models.CharField(max_length=ID_LENGTH)
    instrument = models.CharField(max_length=32, help_text="Upper case.")
    date_obs = models.DateTimeField(null=True, blank=True)
    header = models.TextField()
    params_source = models.CharField(
        max_length=64, blank=True, help_text="Where the header comes from, for people.")
    updated = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "exposure"], name="archive_dataset_id"),
        ]
        indexes = [
            models.Index(fields=["exposure"], name="archive_dataset_exposure"),
            # All that a list of ids needs, so that it never reads the headers.
            models.Index(fields=["instrument", "date_obs", "product", "exposure"],
                         name="archive_dataset_listing"),
        ]

    def __str__(self) -> str:
        return f"{self.product}:{self.exposure}"


class InstrumentRevision(models.Model):
    """Counts the changes of an instrument's datasets, so that copies of them know their age."""

    instrument = models.CharField(max_length=32, unique=True, help_text="Upper case.")
    revision = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.instrument} {self.revision}"
