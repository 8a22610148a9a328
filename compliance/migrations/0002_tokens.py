"""What a token may do: apart, since Knox needs the record's people first."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [("compliance", "0025_scoped_tokens_and_machines")]

    dependencies = [
        ("compliance", "0001_record"),
        ("knox", "0009_extend_authtoken_field"),
    ]

    operations = [
        migrations.CreateModel(
            name="TokenScope",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scope", to=settings.KNOX_TOKEN_MODEL
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("verbs", models.JSONField(null=True, verbose_name="verbs")),
                ("limits_systems", models.BooleanField(default=False, verbose_name="limited to systems")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("last_used_at", models.DateTimeField(null=True, verbose_name="last used at")),
                ("systems", models.ManyToManyField(blank=True, related_name="+", to="compliance.aisystem")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [],
                "constraints": [],
            },
        ),
    ]
