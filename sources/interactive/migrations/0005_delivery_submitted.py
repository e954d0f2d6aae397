from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('interactive', '0004_replaced_by_index'),
    ]

    operations = [
        migrations.AlterField(
            model_name='delivery',
            name='state',
            field=models.CharField(choices=[
                ('submitted', 'Submitted'), ('delivered', 'Delivered'), ('archiving', 'Archiving'), ('archived', 'Archived'),
                ('archiving-failed', 'Failed')], default='submitted', max_length=16),
        ),
    ]
