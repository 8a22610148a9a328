from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0011_severity_by_rule"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="jobevent",
            index=models.Index(fields=["evidence", "occurred_at"], name="job_event_of_file"),
        ),
    ]
