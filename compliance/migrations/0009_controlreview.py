import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0008_completeness"),
    ]

    operations = [
        migrations.CreateModel(
            name="ControlReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("changes", models.JSONField(default=list, verbose_name="what changed")),
                ("note", models.TextField(blank=True, verbose_name="conclusion")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="compliance.referencecontrol",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="compliance.catalogrelease",
                    ),
                ),
            ],
            options={
                "ordering": ("control__control_id", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("control", "release"), name="control_review_once_per_release")
                ],
            },
        ),
    ]
