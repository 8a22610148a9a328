"""Imports and scans as they stood when 0.1.0 was made ready."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.types.states


class Migration(migrations.Migration):
    replaces = [
        ("scanning", "0001_initial"),
        ("scanning", "0002_scan_inputs"),
        ("scanning", "0003_signing_keys"),
        ("scanning", "0004_import_about"),
        ("scanning", "0005_column_mappings"),
        ("scanning", "0006_staged_rows_uncompressed"),
        ("scanning", "0007_retention_words"),
    ]

    initial = True

    dependencies = [
        ("compliance", "0001_record"),
    ]

    operations = [
        migrations.CreateModel(
            name="ColumnMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                (
                    "layout",
                    models.CharField(
                        choices=[("csv", "Table (CSV)"), ("jsonl", "JSON lines")], max_length=8, verbose_name="layout"
                    ),
                ),
                ("definition", models.JSONField(verbose_name="what the columns mean")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("columns", models.JSONField(default=list, verbose_name="columns of the log it was made on")),
                ("columns_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of these columns")),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name", "-version"),
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="column_mapping_version_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "retention_class",
                    models.CharField(
                        choices=[("standard", "Standard"), ("extended", "Extended"), ("transient", "Transient")],
                        default=compliance.types.states.RetentionClass["STANDARD"],
                        max_length=32,
                        verbose_name="retention",
                    ),
                ),
                ("legal_hold", models.BooleanField(default=False, verbose_name="legal hold")),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="document_import", to="compliance.job"
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="imports", to="compliance.aisystem"
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="imports", to="compliance.evidence"
                    ),
                ),
                ("requested_format", models.CharField(blank=True, max_length=64, verbose_name="format asked for")),
                (
                    "threshold",
                    models.FloatField(blank=True, null=True, verbose_name="threshold that the importer stated"),
                ),
                (
                    "about_sha256",
                    models.CharField(
                        blank=True,
                        max_length=64,
                        verbose_name="SHA-256 of the file that it is about, as the importer stated",
                    ),
                ),
                (
                    "mapping",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="imports",
                        to="scanning.columnmapping",
                    ),
                ),
                ("format", models.CharField(blank=True, max_length=64, verbose_name="format recognised")),
                ("read", models.PositiveBigIntegerField(default=0, verbose_name="records read")),
                ("relevant", models.PositiveBigIntegerField(default=0, verbose_name="records that matter here")),
                ("recorded", models.PositiveBigIntegerField(default=0, verbose_name="recorded")),
                ("duplicates", models.PositiveBigIntegerField(default=0, verbose_name="already known")),
                ("rejected", models.PositiveBigIntegerField(default=0, verbose_name="rejected")),
                ("scope", models.JSONField(default=dict, verbose_name="what the document covers")),
                ("rows_root", models.CharField(blank=True, max_length=64, verbose_name="Merkle root of the rows")),
                ("published_at", models.DateTimeField(blank=True, null=True, verbose_name="published at")),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="StagedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="staged", to="scanning.import"
                    ),
                ),
                ("n", models.PositiveIntegerField(verbose_name="row")),
                ("kind", models.CharField(max_length=16, verbose_name="kind")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("payload", models.JSONField(verbose_name="draft")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("document_import", "n"), name="staged_row_once")],
            },
        ),
        migrations.CreateModel(
            name="ImportReject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document_import",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rejects", to="scanning.import"
                    ),
                ),
                ("n", models.PositiveIntegerField(verbose_name="reject")),
                ("locator", models.CharField(max_length=300, verbose_name="place")),
                ("reason", models.TextField(verbose_name="reason")),
            ],
            options={
                "ordering": ("n",),
                "constraints": [models.UniqueConstraint(fields=("document_import", "n"), name="import_reject_once")],
            },
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "retention_class",
                    models.CharField(
                        choices=[("standard", "Standard"), ("extended", "Extended"), ("transient", "Transient")],
                        default=compliance.types.states.RetentionClass["STANDARD"],
                        max_length=32,
                        verbose_name="retention",
                    ),
                ),
                ("legal_hold", models.BooleanField(default=False, verbose_name="legal hold")),
                ("name", models.CharField(max_length=200, verbose_name="whose key it is")),
                ("note", models.TextField(blank=True, verbose_name="how it was received")),
                ("algorithm", models.CharField(max_length=64, verbose_name="kind")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("pem", models.TextField(verbose_name="public key")),
                (
                    "registered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("withdrawal_reason", models.TextField(blank=True, verbose_name="why it was withdrawn")),
            ],
            options={
                "ordering": ("name", "created_at"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("fingerprint",),
                        name="signing_key_in_force_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReferenceBank",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "retention_class",
                    models.CharField(
                        choices=[("standard", "Standard"), ("extended", "Extended"), ("transient", "Transient")],
                        default=compliance.types.states.RetentionClass["STANDARD"],
                        max_length=32,
                        verbose_name="retention",
                    ),
                ),
                ("legal_hold", models.BooleanField(default=False, verbose_name="legal hold")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="name")),
                ("architecture", models.CharField(max_length=200, verbose_name="architecture")),
                (
                    "architecture_digest",
                    models.CharField(blank=True, max_length=64, verbose_name="architecture digest"),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reference_banks",
                        to="compliance.evidence",
                    ),
                ),
                ("size", models.PositiveIntegerField(verbose_name="models")),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Scan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "retention_class",
                    models.CharField(
                        choices=[("standard", "Standard"), ("extended", "Extended"), ("transient", "Transient")],
                        default=compliance.types.states.RetentionClass["STANDARD"],
                        max_length=32,
                        verbose_name="retention",
                    ),
                ),
                ("legal_hold", models.BooleanField(default=False, verbose_name="legal hold")),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="scan", to="compliance.job"
                    ),
                ),
                (
                    "model_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="scans", to="compliance.modelversion"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("file", "File scan"), ("detection", "Detection")], max_length=16, verbose_name="kind"
                    ),
                ),
                ("detectors", models.JSONField(default=list, verbose_name="detectors asked for")),
                (
                    "held_out",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "suspects",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "training_images",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "base_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.modelversion",
                    ),
                ),
                (
                    "reference_bank",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="scanning.referencebank"
                    ),
                ),
                ("seed", models.PositiveIntegerField(default=0, verbose_name="seed")),
                ("verdict", models.CharField(blank=True, max_length=32, verbose_name="verdict")),
                ("report", models.JSONField(default=dict, verbose_name="report")),
                ("report_sha256", models.CharField(blank=True, max_length=64, verbose_name="report SHA-256")),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
    ]
