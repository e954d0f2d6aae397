import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('submissions', '0002_progress'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CleanUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('files', models.JSONField(default=list, help_text='names of the files that are bad')),
                ('reason', models.TextField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('closed_by', models.CharField(blank=True, max_length=150)),
                ('given_up', models.BooleanField(default=False)),
                ('submission', models.ForeignKey(blank=True, help_text='that builds the clean context', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='clean_ups', to='submissions.submission')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clean_ups', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'clean-up',
                'ordering': ['-created_at'],
            },
        ),
    ]
