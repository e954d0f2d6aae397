"""Guards that the database itself enforces; see interactive.models.triggers."""

from django.db import migrations

from interactive.models import triggers


def create(apps, schema_editor):
    triggers.create(schema_editor)
    revision = apps.get_model("interactive", "CatalogRevision")
    revision.objects.get_or_create(pk=1)


def drop(apps, schema_editor):
    triggers.drop(schema_editor)


class Migration(migrations.Migration):
    dependencies = [("interactive", "0001_initial")]
    # Not atomic by itself: MariaDB cannot roll back the making of a trigger, and Django refuses
    # to try. Where the database can, the whole migration is one transaction anyway.
    operations = [migrations.RunPython(create, drop, atomic=False)]
