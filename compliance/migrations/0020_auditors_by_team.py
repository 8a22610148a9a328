from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who the auditors of an engagement are is read from its team."""

    dependencies = [
        ("compliance", "0019_engagements"),
    ]

    operations = [
        migrations.RemoveField(model_name="engagement", name="auditors"),
        migrations.AddField(
            model_name="engagement",
            name="auditors",
            field=models.ManyToManyField(
                related_name="engagements", through="compliance.EngagementMember", to=settings.AUTH_USER_MODEL
            ),
        ),
    ]
