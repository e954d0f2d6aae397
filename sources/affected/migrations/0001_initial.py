
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('jobs', '0003_job_lane'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AffectedRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('old_context', models.CharField(max_length=128)),
                ('new_context', models.CharField(max_length=128)),
                ('reason', models.CharField(choices=[('latest', 'the latest context changed'), ('monitor', 'monitor_reprocessing'), ('command', 'command line'), ('what-if', 'what if')], max_length=16)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=16)),
                ('created', models.DateTimeField(default=django.utils.timezone.now)),
                ('started', models.DateTimeField(blank=True, null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('folder', models.CharField(blank=True, max_length=255)),
                ('datasets', models.BigIntegerField(default=0, help_text='of the instruments that changed')),
                ('compared', models.BigIntegerField(default=0, help_text='of them, selected for')),
                ('affected', models.BigIntegerField(default=0, help_text='datasets with another reference')),
                ('products', models.BigIntegerField(default=0, help_text='products to be reprocessed')),
                ('errors', models.BigIntegerField(default=0, help_text='as the client counts them')),
                ('counts', models.JSONField(blank=True, default=dict)),
                ('seconds', models.FloatField(default=0)),
                ('problem', models.TextField(blank=True, help_text='why it failed, for people')),
                ('mailed', models.DateTimeField(blank=True, null=True)),
                ('job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='jobs.job')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created', '-id'],
                'indexes': [models.Index(fields=['old_context', 'new_context'], name='affected_run_pair'), models.Index(fields=['-created'], name='affected_run_created')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'done', 'failed', 'cancelled'])), name='affected_run_state_known')],
            },
        ),
    ]
