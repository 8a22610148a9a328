from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0014_pairs_by_people_and_standing"),
    ]

    operations = [
        migrations.AddField(
            "evidence", "environment", models.CharField(blank=True, max_length=200, verbose_name="environment")
        ),
        migrations.AddField(
            "evidence", "query", models.TextField(blank=True, verbose_name="exact query or parameters")
        ),
        migrations.AddField(
            "evidence", "executed_by", models.CharField(blank=True, max_length=200, verbose_name="executed by")
        ),
        migrations.AddField(
            "evidence", "zone", models.CharField(blank=True, max_length=64, verbose_name="time zone of the extraction")
        ),
        migrations.AddField(
            "evidence", "row_count", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="row count")
        ),
        migrations.AddField(
            "evidence", "control_total", models.CharField(blank=True, max_length=200, verbose_name="control total")
        ),
        migrations.AddField(
            "evidence",
            "obtained",
            models.CharField(
                blank=True,
                choices=[
                    ("by_auditor", "By the auditor, from the source"),
                    ("api", "By a machine, from the source’s API"),
                    ("upload", "Exported and uploaded by the organisation"),
                ],
                max_length=32,
                verbose_name="obtained",
            ),
        ),
        migrations.AddField(
            "evidence",
            "description_version",
            models.PositiveIntegerField(default=0, verbose_name="version of the description"),
        ),
    ]
