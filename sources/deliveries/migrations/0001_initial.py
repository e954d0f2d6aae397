import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('interactive', '0005_delivery_submitted'),
    ]

    operations = [
        migrations.CreateModel(
            name='Watch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('offered_at', models.DateTimeField(blank=True, null=True)),
                ('processing_at', models.DateTimeField(blank=True, help_text='when the archive was first seen to work on it', null=True)),
                ('missing_since', models.DateTimeField(blank=True, null=True)),
                ('problem', models.TextField(blank=True)),
                ('told', models.CharField(blank=True, help_text='what people were told of by mail last', max_length=32)),
                ('delivery', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='watch', to='interactive.delivery')),
            ],
            options={
                'verbose_name_plural': 'watches',
            },
        ),
    ]
