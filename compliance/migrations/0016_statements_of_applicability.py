import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0015_evidence_described"),
    ]

    operations = [
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("requirement_id", models.CharField(max_length=100, verbose_name="control id")),
                (
                    "inclusion",
                    models.CharField(
                        choices=[("undecided", "Undecided"), ("included", "Included"), ("excluded", "Excluded")],
                        default="undecided",
                        max_length=32,
                        verbose_name="included or excluded",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                (
                    "implementation",
                    models.CharField(
                        choices=[
                            ("not-stated", "Not stated"),
                            ("planned", "Planned"),
                            ("partly", "Partly implemented"),
                            ("implemented", "Implemented"),
                        ],
                        default="not-stated",
                        max_length=32,
                        verbose_name="state of implementation",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=0, verbose_name="version")),
                ("written_at", models.DateTimeField(verbose_name="written at")),
                (
                    "framework",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statement_lines",
                        to="compliance.framework",
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statement_lines",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("framework", "requirement_id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("framework", "system", "requirement_id"), name="statement_line_once_per_system"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("system", None)),
                        fields=("framework", "requirement_id"),
                        name="statement_line_once_for_the_organisation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StatementVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("lines", models.JSONField(verbose_name="as approved")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                (
                    "approved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "framework",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="compliance.framework",
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="compliance.aisystem",
                    ),
                ),
            ],
            options={
                "ordering": ("framework", "system", "-version"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("framework", "system", "version"), name="statement_version_once_per_system"
                    ),
                ],
            },
        ),
    ]
