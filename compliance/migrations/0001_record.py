"""The record as it stood when 0.1.0 was made ready; an installation that ran the earlier steps has it already."""

import uuid
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.types.applicability
import compliance.types.audit_requests
import compliance.types.bindings
import compliance.types.controls
import compliance.types.engagements
import compliance.types.handling
import compliance.types.notices
import compliance.types.plans
import compliance.types.retention
import compliance.types.risk_life
import compliance.types.risk_priority
import compliance.types.statements
import compliance.types.states
import compliance.types.testing
from compliance.types.retention import SHIPPED


def begin_with_shipped_terms(apps: Any, schema_editor: Any) -> None:
    """The shipped wording of each class; the organisation writes its own over it."""
    terms = apps.get_model("compliance", "RetentionTerms")
    for key, shipped in SHIPPED.items():
        terms.objects.create(
            key=key.value,
            version=1,
            title=shipped.title,
            months=shipped.months,
            starts=shipped.starts.value,
            legal_basis=shipped.legal_basis,
            kinds=sorted(kind.value for kind in shipped.kinds),
        )


class Migration(migrations.Migration):
    replaces = [
        ("compliance", "0001_initial"),
        ("compliance", "0002_job_event_origins"),
        ("compliance", "0003_entitlements"),
        ("compliance", "0004_packs_for_external_recipients"),
        ("compliance", "0005_observation_by_fingerprint"),
        ("compliance", "0006_bindings_checks_and_access_reviews"),
        ("compliance", "0007_original_held_at"),
        ("compliance", "0008_completeness"),
        ("compliance", "0009_controlreview"),
        ("compliance", "0010_answers_assigned_and_bound"),
        ("compliance", "0011_questions_of_a_technique"),
        ("compliance", "0012_jobs_by_key_and_names_by_commitment"),
        ("compliance", "0013_controls_with_versions"),
        ("compliance", "0014_pairs_by_people_and_standing"),
        ("compliance", "0014_third_parties"),
        ("compliance", "0015_evidence_described"),
        ("compliance", "0016_statements_of_applicability"),
        ("compliance", "0017_job_events_by_job"),
        ("compliance", "0018_job_events_by_time"),
        ("compliance", "0019_engagements"),
        ("compliance", "0020_auditors_by_team"),
        ("compliance", "0021_auditor_reads"),
        ("compliance", "0022_control_tests"),
        ("compliance", "0023_gravest_findings_first"),
        ("compliance", "0024_retention_files_handling"),
        ("compliance", "0026_requests_of_auditors"),
        ("compliance", "0027_work_papers"),
        ("compliance", "0028_remediation_desk"),
        ("compliance", "0029_time_limits_notices_and_webhooks"),
        ("compliance", "0030_risks_in_their_table"),
        ("compliance", "0031_risks_as_they_stood"),
        ("compliance", "0032_remediation_plans"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("key", models.CharField(max_length=100, verbose_name="file")),
                ("version", models.CharField(max_length=64, verbose_name="version")),
                ("content_date", models.CharField(blank=True, max_length=32, verbose_name="dated")),
                ("licence", models.CharField(blank=True, max_length=200, verbose_name="licence")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("content", models.JSONField(default=dict, verbose_name="content")),
                ("is_current", models.BooleanField(default=True, verbose_name="in force")),
            ],
            options={
                "ordering": ("key", "-created_at"),
                "constraints": [models.UniqueConstraint(fields=("key", "sha256"), name="catalog_release_once")],
            },
        ),
        migrations.CreateModel(
            name="Technique",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("atlas_id", models.CharField(max_length=32, unique=True, verbose_name="ATLAS id")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("atlas_release", models.CharField(max_length=32, verbose_name="ATLAS release")),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subtechniques",
                        to="compliance.technique",
                    ),
                ),
                ("summary", models.TextField(verbose_name="summary")),
                ("url", models.URLField(blank=True, verbose_name="source")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
            ],
            options={
                "ordering": ("atlas_id",),
            },
        ),
        migrations.CreateModel(
            name="Mitigation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("atlas_id", models.CharField(max_length=32, unique=True, verbose_name="ATLAS id")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("summary", models.TextField(verbose_name="summary")),
                ("url", models.URLField(blank=True, verbose_name="source")),
                ("is_direct", models.BooleanField(default=False, verbose_name="linked upstream")),
                (
                    "techniques",
                    models.ManyToManyField(blank=True, related_name="mitigations", to="compliance.technique"),
                ),
            ],
            options={
                "ordering": ("atlas_id",),
            },
        ),
        migrations.CreateModel(
            name="CaseStudy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("atlas_id", models.CharField(max_length=32, unique=True, verbose_name="ATLAS id")),
                ("name", models.CharField(max_length=300, verbose_name="name")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
                ("url", models.URLField(blank=True, verbose_name="source")),
                (
                    "techniques",
                    models.ManyToManyField(blank=True, related_name="case_studies", to="compliance.technique"),
                ),
            ],
            options={
                "verbose_name_plural": "case studies",
                "ordering": ("atlas_id",),
            },
        ),
        migrations.CreateModel(
            name="TechniqueSection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "technique",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sections", to="compliance.technique"
                    ),
                ),
                ("key", models.SlugField(max_length=64, verbose_name="key")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                ("content", models.JSONField(default=dict, verbose_name="content")),
            ],
            options={
                "ordering": ("technique", "position"),
                "constraints": [
                    models.UniqueConstraint(fields=("technique", "key"), name="section_once_per_technique")
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditQuestion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "technique",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="questions", to="compliance.technique"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("text", models.TextField(verbose_name="question")),
                ("guidance", models.TextField(verbose_name="good evidence for this is")),
                ("facts", models.JSONField(default=dict, verbose_name="structured claims and pitfalls")),
            ],
            options={
                "ordering": ("technique__atlas_id", "number"),
                "constraints": [
                    models.UniqueConstraint(fields=("technique", "number"), name="question_number_once_per_technique")
                ],
            },
        ),
        migrations.CreateModel(
            name="Framework",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("key", models.SlugField(max_length=64, unique=True, verbose_name="key")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("licence", models.TextField(blank=True, verbose_name="licence")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
            ],
            options={
                "ordering": ("title",),
            },
        ),
        migrations.CreateModel(
            name="ReferenceControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("control_id", models.CharField(max_length=32, unique=True, verbose_name="control")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("family", models.CharField(max_length=100, verbose_name="family")),
                ("objective", models.TextField(verbose_name="objective")),
                ("tier", models.CharField(max_length=16, verbose_name="tier")),
                ("is_key", models.BooleanField(default=False, verbose_name="key control")),
                ("control_type", models.CharField(max_length=32, verbose_name="preventive or detective")),
                ("nature", models.CharField(max_length=32, verbose_name="manual or automated")),
                ("frequency", models.CharField(max_length=64, verbose_name="frequency")),
                (
                    "person_days",
                    models.DecimalField(
                        decimal_places=1, default=0, max_digits=6, verbose_name="effort in person-days"
                    ),
                ),
                ("facts", models.JSONField(default=dict, verbose_name="population, tests, evidence, rule")),
                (
                    "questions",
                    models.ManyToManyField(blank=True, related_name="controls", to="compliance.auditquestion"),
                ),
                ("techniques", models.ManyToManyField(blank=True, related_name="controls", to="compliance.technique")),
            ],
            options={
                "ordering": ("control_id",),
            },
        ),
        migrations.CreateModel(
            name="LedgerEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("kind", models.CharField(max_length=64, verbose_name="kind")),
                ("subject_type", models.CharField(max_length=64, verbose_name="subject")),
                ("subject_uuid", models.UUIDField(verbose_name="subject identifier")),
                ("payload_sha256", models.CharField(max_length=64, verbose_name="payload SHA-256")),
            ],
            options={
                "indexes": [models.Index(fields=["subject_uuid"], name="compliance__subject_ecb49b_idx")],
            },
        ),
        migrations.CreateModel(
            name="LedgerBlock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="sealed at"),
                ),
                ("number", models.PositiveBigIntegerField(unique=True, verbose_name="block")),
                ("first_position", models.PositiveBigIntegerField(unique=True, verbose_name="first position")),
                ("event_count", models.PositiveIntegerField(verbose_name="events")),
                ("merkle_root", models.CharField(max_length=64, verbose_name="Merkle root")),
                ("previous_sha256", models.CharField(blank=True, max_length=64, verbose_name="previous block")),
                ("block_sha256", models.CharField(max_length=64, unique=True, verbose_name="block SHA-256")),
                ("key_id", models.CharField(blank=True, max_length=64, verbose_name="checkpoint key")),
                ("signature", models.TextField(blank=True, verbose_name="checkpoint signature")),
            ],
            options={
                "ordering": ("number",),
            },
        ),
        migrations.CreateModel(
            name="LedgerPosition",
            fields=[
                (
                    "position",
                    models.PositiveBigIntegerField(primary_key=True, serialize=False, verbose_name="position"),
                ),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="place", to="compliance.ledgerevent"
                    ),
                ),
                (
                    "block",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="places", to="compliance.ledgerblock"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail address")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("administrator", "Administrator"),
                            ("officer", "Compliance officer"),
                            ("manager", "Manager"),
                            ("contributor", "Contributor"),
                            ("auditor", "Auditor"),
                            ("collector", "Collector (machine)"),
                        ],
                        max_length=32,
                        verbose_name="role",
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                ("language", models.CharField(default="en", max_length=16, verbose_name="language")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("is_demonstration", models.BooleanField(default=False, verbose_name="demonstration person")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="recorded at"),
                ),
                ("deactivated_at", models.DateTimeField(blank=True, null=True, verbose_name="deactivated at")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="machines",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="CostRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("work_role", models.CharField(max_length=100, verbose_name="role")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("amount_a_day", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="amount a day")),
                ("effective_from", models.DateField(verbose_name="from")),
                (
                    "stated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("work_role", "-effective_from", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="MappingPair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pairs",
                        to="compliance.referencecontrol",
                    ),
                ),
                (
                    "framework",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pairs", to="compliance.framework"
                    ),
                ),
                ("requirement_id", models.CharField(max_length=100, verbose_name="requirement")),
                ("relation", models.CharField(max_length=32, verbose_name="relation")),
                ("strength", models.CharField(max_length=32, verbose_name="strength")),
                ("rationale", models.TextField(verbose_name="rationale")),
                ("checked", models.CharField(max_length=32, verbose_name="how the id was seen")),
                ("facts", models.JSONField(default=dict, verbose_name="kind, note, applicability")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("retired", "Retired"),
                        ],
                        default=compliance.types.states.MappingState["DRAFT"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="written_pairs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="why it is retired")),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
            ],
            options={
                "ordering": ("control", "framework", "requirement_id"),
                "constraints": [
                    models.UniqueConstraint(fields=("control", "framework", "requirement_id"), name="mapping_pair_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
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
                ("changes", models.JSONField(default=list, verbose_name="what changed")),
                ("note", models.TextField(blank=True, verbose_name="conclusion")),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
            ],
            options={
                "ordering": ("control__control_id", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("control", "release"), name="control_review_once_per_release")
                ],
            },
        ),
        migrations.CreateModel(
            name="AISystem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="name")),
                ("description", models.TextField(blank=True, verbose_name="description")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="owned_systems",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_demonstration", models.BooleanField(default=False, verbose_name="demonstration data")),
                (
                    "handling",
                    models.CharField(
                        choices=[
                            ("none", "No label"),
                            ("internal", "Internal"),
                            ("nda", "Under a non-disclosure agreement"),
                            ("region", "Stays in its region"),
                            ("privileged", "Privileged"),
                            ("export-review", "Awaits export review"),
                        ],
                        default=compliance.types.handling.HandlingLabel["NONE"],
                        max_length=32,
                        verbose_name="handling label",
                    ),
                ),
                ("region", models.CharField(blank=True, max_length=64, verbose_name="region")),
                ("legal_roles", models.JSONField(blank=True, default=list, verbose_name="roles of the organisation")),
                (
                    "risk_class",
                    models.CharField(
                        choices=[
                            ("not-assessed", "Not assessed yet"),
                            ("high-risk-annex-iii", "High-risk, by Annex III"),
                            ("high-risk-annex-i", "High-risk, by Annex I"),
                            ("transparency", "Transparency duties only"),
                            ("minimal", "None of these"),
                        ],
                        default=compliance.types.applicability.RiskClass["NOT_ASSESSED"],
                        max_length=32,
                        verbose_name="class",
                    ),
                ),
                (
                    "is_systemic",
                    models.BooleanField(blank=True, null=True, verbose_name="general-purpose model with systemic risk"),
                ),
                ("on_market_since", models.DateField(blank=True, null=True, verbose_name="first on the market")),
                ("standing_reason", models.TextField(blank=True, verbose_name="on what role and class rest")),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Assessment",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "technique",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="compliance.technique",
                    ),
                ),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                ("scope", models.TextField(blank=True, verbose_name="scope and exclusions")),
                ("period_start", models.DateField(verbose_name="period from")),
                ("period_end", models.DateField(verbose_name="period to")),
                ("audit_date", models.DateField(blank=True, null=True, verbose_name="audit on")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("frozen", "Frozen")],
                        default=compliance.types.states.AssessmentState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="opened_assessments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("releases", models.ManyToManyField(related_name="assessments", to="compliance.catalogrelease")),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gte", models.F("period_start"))),
                        name="assessment_period_in_order",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CompletenessReading",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="completeness_readings",
                        to="compliance.aisystem",
                    ),
                ),
                ("period_start", models.DateField(verbose_name="period from")),
                ("period_end", models.DateField(verbose_name="period to")),
                ("as_of", models.DateTimeField(verbose_name="as of")),
                ("rule_version", models.CharField(max_length=64, verbose_name="Assay")),
                ("figures", models.JSONField(default=dict, verbose_name="figures")),
                ("limits", models.JSONField(default=dict, verbose_name="limits")),
                ("stood_on", models.JSONField(default=dict, verbose_name="what it stands on")),
                ("rows_root", models.CharField(blank=True, max_length=64, verbose_name="Merkle root of the rows")),
                ("outcome_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the outcome")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [
                    models.Index(fields=["system", "-created_at"], name="compliance__system__ef95e9_idx"),
                    models.Index(
                        fields=["system", "period_start", "period_end", "-created_at"],
                        name="compliance__system__524187_idx",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CompletenessRow",
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
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rows",
                        to="compliance.completenessreading",
                    ),
                ),
                ("n", models.PositiveIntegerField(verbose_name="line")),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("coverage", "Coverage"),
                            ("integrity", "Integrity"),
                            ("reconciliation", "Reconciliation"),
                        ],
                        max_length=32,
                        verbose_name="figure",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("delivers", "Delivers logs"),
                            ("not_delivering", "Delivers no logs"),
                            ("not_assessed", "Not assessed"),
                            ("consistent", "Consistent with the keys on record"),
                            ("logs_absent", "Log files not on record"),
                            ("unverified", "Not verified"),
                            ("no_digest", "No digest file"),
                            ("unlisted", "Listed by no digest file"),
                            ("broken", "Does not fit"),
                            ("not_in_log", "In no log"),
                            ("not_listed", "In the log, not in the list"),
                            ("vanished", "Gone from the list"),
                        ],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("platform", models.CharField(max_length=64, verbose_name="platform")),
                ("place", models.CharField(blank=True, max_length=300, verbose_name="account, region, workspace")),
                ("name", models.CharField(blank=True, max_length=500, verbose_name="what")),
                ("sentence", models.TextField(verbose_name="in words")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="to")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
            ],
            options={
                "ordering": ("reading", "n"),
                "indexes": [
                    models.Index(fields=["reading", "part", "state", "n"], name="compliance__reading_fc5aa8_idx")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("reading", "n"), name="completeness_row_once_per_reading")
                ],
            },
        ),
        migrations.CreateModel(
            name="KeyComparison",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="key_comparisons",
                        to="compliance.aisystem",
                    ),
                ),
                ("key_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the key")),
                ("region", models.CharField(blank=True, max_length=64, verbose_name="region")),
                ("seen", models.CharField(max_length=64, verbose_name="fingerprint that was seen")),
                ("matches", models.BooleanField(verbose_name="is the same")),
                ("way", models.TextField(verbose_name="how it was fetched")),
                (
                    "compared_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [
                    models.Index(fields=["system", "key_sha256", "-created_at"], name="compliance__system__a59343_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="ImplementedControl",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="controls", to="compliance.aisystem"
                    ),
                ),
                ("control_id", models.CharField(max_length=32, verbose_name="own id")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("adopted", "Adopted as the template says"),
                            ("adapted", "Adapted: it differs from the template"),
                        ],
                        default=compliance.types.controls.ControlBasis["ADOPTED"],
                        max_length=32,
                        verbose_name="adopted or adapted",
                    ),
                ),
                ("statement", models.TextField(verbose_name="statement")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="owned_controls",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("performer", models.CharField(max_length=200, verbose_name="performed by")),
                ("frequency", models.CharField(max_length=64, verbose_name="frequency")),
                ("scope", models.TextField(blank=True, verbose_name="scope")),
                ("systems", models.JSONField(blank=True, default=list, verbose_name="systems in scope")),
                ("accounts", models.JSONField(blank=True, default=list, verbose_name="accounts in scope")),
                (
                    "nature",
                    models.CharField(
                        choices=[("manual", "Manual"), ("automated", "Automated"), ("it-dependent", "IT-dependent")],
                        max_length=32,
                        verbose_name="manual, automated or IT-dependent",
                    ),
                ),
                (
                    "control_type",
                    models.CharField(
                        choices=[
                            ("preventive", "Preventive"),
                            ("detective", "Detective"),
                            ("corrective", "Corrective"),
                        ],
                        max_length=32,
                        verbose_name="preventive, detective or corrective",
                    ),
                ),
                ("is_key", models.BooleanField(default=False, verbose_name="key control")),
                ("effective_from", models.DateField(verbose_name="effective from")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("retired_on", models.DateField(blank=True, null=True, verbose_name="retired on")),
                (
                    "references",
                    models.ManyToManyField(related_name="implementations", to="compliance.referencecontrol"),
                ),
            ],
            options={
                "ordering": ("control_id", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("system", "control_id"), name="control_id_once_per_system")
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlRequirement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requirements",
                        to="compliance.implementedcontrol",
                    ),
                ),
                (
                    "framework",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="implementations",
                        to="compliance.framework",
                    ),
                ),
                ("requirement_id", models.CharField(max_length=100, verbose_name="requirement")),
            ],
            options={
                "ordering": ("framework__key", "requirement_id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("control", "framework", "requirement_id"), name="control_requirement_once_per_control"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="compliance.implementedcontrol",
                    ),
                ),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                (
                    "act",
                    models.CharField(
                        choices=[("adopted", "Adopted"), ("changed", "Changed"), ("retired", "Retired")],
                        max_length=32,
                        verbose_name="act",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("terms", models.JSONField(verbose_name="as it stood")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("control", "-version"),
                "constraints": [
                    models.UniqueConstraint(fields=("control", "version"), name="control_version_once_per_control")
                ],
            },
        ),
        migrations.CreateModel(
            name="Evidence",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="compliance.aisystem"
                    ),
                ),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("filename", models.CharField(max_length=300, verbose_name="original file name")),
                ("storage_name", models.CharField(max_length=300, verbose_name="kept as")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.BigIntegerField(verbose_name="size in bytes")),
                (
                    "media_type",
                    models.CharField(default="application/octet-stream", max_length=100, verbose_name="media type"),
                ),
                (
                    "handling",
                    models.CharField(
                        choices=[
                            ("none", "No label"),
                            ("internal", "Internal"),
                            ("nda", "Under a non-disclosure agreement"),
                            ("region", "Stays in its region"),
                            ("privileged", "Privileged"),
                            ("export-review", "Awaits export review"),
                        ],
                        default=compliance.types.handling.HandlingLabel["NONE"],
                        max_length=32,
                        verbose_name="handling label",
                    ),
                ),
                ("region", models.CharField(blank=True, max_length=64, verbose_name="region")),
                ("declared_type", models.CharField(blank=True, max_length=100, verbose_name="media type as declared")),
                (
                    "type_differs",
                    models.BooleanField(default=False, verbose_name="first bytes differ from what was declared"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("document", "Document"),
                            ("log-or-report", "Log or report that was imported"),
                            ("model", "Model file"),
                            ("data", "Data"),
                            ("result", "Result of a scan"),
                        ],
                        default=compliance.types.retention.EvidenceKind["DOCUMENT"],
                        max_length=32,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("disposed", "Disposed of"),
                        ],
                        default=compliance.types.states.EvidenceState["RECEIVED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("rejection", models.TextField(blank=True, verbose_name="why it was rejected")),
                ("source_system", models.CharField(blank=True, max_length=200, verbose_name="source system")),
                ("collected_how", models.TextField(blank=True, verbose_name="how it was collected")),
                ("original_held_at", models.CharField(blank=True, max_length=500, verbose_name="original held at")),
                ("collected_at", models.DateTimeField(blank=True, null=True, verbose_name="collected at")),
                ("environment", models.CharField(blank=True, max_length=200, verbose_name="environment")),
                ("query", models.TextField(blank=True, verbose_name="exact query or parameters")),
                ("executed_by", models.CharField(blank=True, max_length=200, verbose_name="executed by")),
                ("zone", models.CharField(blank=True, max_length=64, verbose_name="time zone of the extraction")),
                ("row_count", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="row count")),
                ("control_total", models.CharField(blank=True, max_length=200, verbose_name="control total")),
                (
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
                (
                    "description_version",
                    models.PositiveIntegerField(default=0, verbose_name="version of the description"),
                ),
                ("effective_from", models.DateField(blank=True, null=True, verbose_name="covers from")),
                ("effective_to", models.DateField(blank=True, null=True, verbose_name="covers to")),
                (
                    "received_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="compliance.evidence",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "evidence",
                "ordering": ("-created_at",),
                "indexes": [models.Index(fields=["sha256"], name="compliance__sha256_bd5145_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("system", "sha256"), name="evidence_bytes_once_per_system")
                ],
            },
        ),
        migrations.CreateModel(
            name="PlatformDocument",
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
                ("source_uuid", models.UUIDField(verbose_name="import")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("kind", models.CharField(max_length=64, verbose_name="kind of document")),
                ("platform", models.CharField(max_length=32, verbose_name="platform")),
                (
                    "scope",
                    models.CharField(
                        blank=True, max_length=300, verbose_name="account, subscription, project or cluster"
                    ),
                ),
                ("taken_at", models.DateTimeField(verbose_name="taken at")),
                (
                    "dated_by",
                    models.CharField(
                        choices=[
                            ("document", "the document itself"),
                            ("importer", "whoever imported it"),
                            ("receipt", "its receipt"),
                        ],
                        max_length=16,
                        verbose_name="what dates it",
                    ),
                ),
                ("locator", models.CharField(blank=True, max_length=300, verbose_name="place in the file")),
                ("content", models.JSONField(default=dict, verbose_name="content")),
                ("raw_sha256", models.CharField(max_length=64, verbose_name="raw record SHA-256")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="platform_documents",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="platform_documents",
                        to="compliance.evidence",
                    ),
                ),
            ],
            options={
                "ordering": ("-taken_at", "-pk"),
                "indexes": [
                    models.Index(fields=["system", "kind", "-taken_at"], name="compliance__system__3c2dbd_idx"),
                    models.Index(fields=["source_uuid"], name="compliance__source__834b31_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("system", "fingerprint"), name="platform_document_once_per_system")
                ],
            },
        ),
        migrations.CreateModel(
            name="EntitlementSnapshot",
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
                ("source_uuid", models.UUIDField(verbose_name="import")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("kind", models.CharField(max_length=64, verbose_name="kind of document")),
                ("platform", models.CharField(max_length=32, verbose_name="platform")),
                (
                    "scope",
                    models.CharField(
                        blank=True, max_length=300, verbose_name="account, subscription, project or cluster"
                    ),
                ),
                ("taken_at", models.DateTimeField(verbose_name="taken at")),
                (
                    "dated_by",
                    models.CharField(
                        choices=[
                            ("document", "the document itself"),
                            ("importer", "whoever imported it"),
                            ("receipt", "its receipt"),
                        ],
                        max_length=16,
                        verbose_name="what dates it",
                    ),
                ),
                ("locator", models.CharField(blank=True, max_length=300, verbose_name="place in the file")),
                ("content", models.JSONField(default=dict, verbose_name="content")),
                ("raw_sha256", models.CharField(max_length=64, verbose_name="raw record SHA-256")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlement_snapshots",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlement_snapshots",
                        to="compliance.evidence",
                    ),
                ),
            ],
            options={
                "ordering": ("-taken_at", "-pk"),
                "indexes": [
                    models.Index(
                        fields=["system", "platform", "kind", "scope", "-taken_at"],
                        name="compliance__system__da04dd_idx",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("system", "fingerprint"), name="entitlement_snapshot_once_per_system"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EntitlementReading",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlement_readings",
                        to="compliance.aisystem",
                    ),
                ),
                ("source_uuid", models.UUIDField(verbose_name="import")),
                ("as_of", models.DateTimeField(verbose_name="as of")),
                ("rule_version", models.CharField(max_length=64, verbose_name="Assay")),
                ("principals", models.PositiveIntegerField(verbose_name="principals looked at")),
                ("not_assessed", models.JSONField(default=list, verbose_name="not assessed")),
                ("limits", models.JSONField(default=list, verbose_name="limits")),
                ("rows_root", models.CharField(blank=True, max_length=64, verbose_name="Merkle root of the rows")),
                ("documents", models.ManyToManyField(related_name="readings", to="compliance.entitlementsnapshot")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [models.Index(fields=["system", "-created_at"], name="compliance__system__5f637b_idx")],
            },
        ),
        migrations.CreateModel(
            name="AccessReview",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_reviews",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_reviews",
                        to="compliance.entitlementreading",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("due_on", models.DateField(verbose_name="review due on")),
                ("removals_due_on", models.DateField(verbose_name="removals due on")),
                ("population", models.PositiveIntegerField(verbose_name="principals")),
                ("population_root", models.CharField(max_length=64, verbose_name="Merkle root of the population")),
                ("completed_at", models.DateTimeField(blank=True, null=True, verbose_name="completed at")),
                (
                    "decisions_root",
                    models.CharField(blank=True, max_length=64, verbose_name="Merkle root of the decisions"),
                ),
                ("statement", models.TextField(blank=True, verbose_name="reviewer's statement")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("removals_due_on__gte", models.F("due_on"))),
                        name="access_review_days_in_order",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChangeWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_windows",
                        to="compliance.aisystem",
                    ),
                ),
                ("days", models.JSONField(default=list, verbose_name="days of the week")),
                ("opens", models.TimeField(verbose_name="from")),
                ("closes", models.TimeField(verbose_name="to")),
                ("time_zone", models.CharField(max_length=64, verbose_name="time zone")),
                ("effective_from", models.DateField(verbose_name="in force from")),
                (
                    "stated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-effective_from", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="ExpectedRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="expected_rates",
                        to="compliance.aisystem",
                    ),
                ),
                ("source", models.CharField(max_length=64, verbose_name="source")),
                ("longest_silence_hours", models.PositiveIntegerField(verbose_name="longest silence in hours")),
                (
                    "stated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("source", "-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="AIModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="models", to="compliance.aisystem"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("purpose", models.TextField(blank=True, verbose_name="purpose")),
            ],
            options={
                "ordering": ("name",),
                "constraints": [models.UniqueConstraint(fields=("system", "name"), name="model_name_once_per_system")],
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
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
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="compliance.aimodel"
                    ),
                ),
                ("label", models.CharField(max_length=100, verbose_name="version")),
                ("digest", models.CharField(max_length=64, verbose_name="SHA-256")),
                (
                    "architecture_digest",
                    models.CharField(blank=True, max_length=64, verbose_name="architecture digest"),
                ),
                ("size", models.BigIntegerField(default=0, verbose_name="size in bytes")),
                ("format", models.CharField(blank=True, max_length=64, verbose_name="format")),
                (
                    "origin",
                    models.CharField(
                        choices=[("inherited", "Inherited"), ("own", "Own"), ("unknown", "Not stated")],
                        default=compliance.types.states.ModelOrigin["UNKNOWN"],
                        max_length=32,
                        verbose_name="origin",
                    ),
                ),
                ("supplier", models.CharField(blank=True, max_length=200, verbose_name="supplier")),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="compliance.modelversion",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="model_versions",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "registered_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("model__name", "label"),
                "indexes": [models.Index(fields=["digest"], name="compliance__digest_fd88be_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("model", "digest"), name="model_version_once_per_digest"),
                    models.UniqueConstraint(fields=("model", "label"), name="model_version_once_per_label"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="datasets", to="compliance.aisystem"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
            ],
            options={
                "ordering": ("name",),
                "constraints": [models.UniqueConstraint(fields=("system", "name"), name="dataset_once_per_system")],
            },
        ),
        migrations.CreateModel(
            name="DatasetVersion",
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
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="compliance.dataset"
                    ),
                ),
                ("label", models.CharField(max_length=100, verbose_name="version")),
                ("manifest_root", models.CharField(max_length=64, verbose_name="manifest root")),
                ("file_count", models.BigIntegerField(default=0, verbose_name="files")),
                ("size", models.BigIntegerField(default=0, verbose_name="size in bytes")),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dataset_versions",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "registered_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "trained",
                    models.ManyToManyField(blank=True, related_name="training_data", to="compliance.modelversion"),
                ),
            ],
            options={
                "ordering": ("dataset__name", "label"),
                "constraints": [
                    models.UniqueConstraint(fields=("dataset", "manifest_root"), name="dataset_version_once_per_root")
                ],
            },
        ),
        migrations.CreateModel(
            name="BindingRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="binding_rules",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "named",
                    models.CharField(
                        choices=[
                            ("base_model", "Base model"),
                            ("dataset", "Data set"),
                            ("output_model", "Output model"),
                        ],
                        max_length=32,
                        verbose_name="what it names",
                    ),
                ),
                ("prefix", models.CharField(max_length=1000, verbose_name="names that begin with")),
                (
                    "model_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="binding_rules",
                        to="compliance.modelversion",
                    ),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="binding_rules",
                        to="compliance.datasetversion",
                    ),
                ),
                ("not_ours", models.BooleanField(default=False, verbose_name="none of ours")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("applies_from", models.DateField(blank=True, null=True, verbose_name="for jobs from")),
                ("applies_to", models.DateField(blank=True, null=True, verbose_name="for jobs to")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("dataset_version__isnull", True), ("model_version__isnull", False), ("not_ours", False)
                            ),
                            models.Q(
                                ("dataset_version__isnull", False), ("model_version__isnull", True), ("not_ours", False)
                            ),
                            models.Q(
                                ("dataset_version__isnull", True), ("model_version__isnull", True), ("not_ours", True)
                            ),
                            _connector="OR",
                        ),
                        name="binding_rule_one_target",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DatasetVerification",
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
                    "dataset_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="compliance.datasetversion",
                    ),
                ),
                ("verified_at", models.DateTimeField(verbose_name="verified at")),
                ("matches", models.BooleanField(verbose_name="as the manifest says")),
                ("found_root", models.CharField(blank=True, max_length=64, verbose_name="root found")),
                ("added", models.PositiveBigIntegerField(default=0, verbose_name="files added")),
                ("removed", models.PositiveBigIntegerField(default=0, verbose_name="files removed")),
                ("changed", models.PositiveBigIntegerField(default=0, verbose_name="files changed")),
                (
                    "verified_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-verified_at", "-pk"),
                "indexes": [
                    models.Index(fields=["dataset_version", "verified_at"], name="compliance__dataset_0ecabe_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("kind", models.CharField(max_length=32, verbose_name="kind")),
                ("task_name", models.CharField(max_length=200, verbose_name="task")),
                ("queue", models.CharField(default="default", max_length=32, verbose_name="queue")),
                ("subject_type", models.CharField(max_length=64, verbose_name="subject")),
                ("subject_uuid", models.UUIDField(verbose_name="subject identifier")),
                ("subject_url_name", models.CharField(blank=True, max_length=64, verbose_name="page of the subject")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                (
                    "system",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="jobs",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Finished"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default=compliance.types.states.JobState["QUEUED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("stage", models.CharField(blank=True, max_length=200, verbose_name="stage")),
                ("done", models.BigIntegerField(default=0, verbose_name="done")),
                ("total", models.BigIntegerField(blank=True, null=True, verbose_name="of")),
                ("lease_owner", models.CharField(blank=True, max_length=64, verbose_name="lease owner")),
                ("lease_expires_at", models.DateTimeField(blank=True, null=True, verbose_name="lease ends")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("max_attempts", models.PositiveSmallIntegerField(default=4, verbose_name="attempts allowed")),
                ("cancel_requested", models.BooleanField(default=False, verbose_name="cancel requested")),
                ("dispatched_at", models.DateTimeField(blank=True, null=True, verbose_name="last dispatched")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                ("asked", models.JSONField(default=dict, verbose_name="asked for, beside the subject")),
                ("result", models.JSONField(default=dict, verbose_name="result")),
                ("error", models.TextField(blank=True, verbose_name="why it failed")),
            ],
            options={
                "ordering": ("-created_at",),
                "indexes": [
                    models.Index(fields=["state", "lease_expires_at"], name="compliance__state_9db100_idx"),
                    models.Index(fields=["subject_uuid"], name="compliance__subject_b9fa30_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CheckRun",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="check_runs", to="compliance.aisystem"
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="check_run", to="compliance.job"
                    ),
                ),
                ("period_start", models.DateField(blank=True, null=True, verbose_name="period from")),
                ("period_end", models.DateField(blank=True, null=True, verbose_name="period to")),
                ("results", models.JSONField(default=list, verbose_name="results")),
                ("facts", models.JSONField(default=dict, verbose_name="what the checks stood on")),
                ("outcome_sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256 of the outcome")),
                (
                    "repeats",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repeated_by",
                        to="compliance.checkrun",
                    ),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
            ],
            options={
                "ordering": ("-finished_at", "-pk"),
                "indexes": [models.Index(fields=["system", "-finished_at"], name="compliance__system__b5858f_idx")],
            },
        ),
        migrations.CreateModel(
            name="RehashRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rehash_run",
                        to="compliance.job",
                    ),
                ),
                ("is_whole", models.BooleanField(default=False, verbose_name="all files")),
                ("planned", models.PositiveIntegerField(default=0, verbose_name="files planned")),
                ("checked", models.PositiveIntegerField(default=0, verbose_name="files checked")),
                ("bytes_read", models.PositiveBigIntegerField(default=0, verbose_name="bytes read")),
                ("altered", models.PositiveIntegerField(default=0, verbose_name="altered")),
                ("missing", models.PositiveIntegerField(default=0, verbose_name="missing")),
                ("disposed", models.PositiveIntegerField(default=0, verbose_name="disposed of by then")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="FileCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("storage_name", models.CharField(max_length=300, unique=True, verbose_name="kept as")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256 on record")),
                (
                    "state",
                    models.CharField(
                        choices=[("unaltered", "Unaltered"), ("altered", "Altered"), ("missing", "Missing")],
                        max_length=32,
                        verbose_name="found",
                    ),
                ),
                ("size", models.BigIntegerField(default=0, verbose_name="bytes read")),
                ("checked_at", models.DateTimeField(verbose_name="checked at")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checks", to="compliance.rehashrun"
                    ),
                ),
            ],
            options={
                "ordering": ("checked_at", "pk"),
                "indexes": [
                    models.Index(fields=["state"], name="compliance__state_921f5f_idx"),
                    models.Index(fields=["sha256"], name="compliance__sha256_d3a6b7_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="JobStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="compliance.job"
                    ),
                ),
                ("n", models.PositiveIntegerField(verbose_name="step")),
                ("digest", models.CharField(blank=True, max_length=64, verbose_name="what the step made")),
                ("result", models.JSONField(default=dict, verbose_name="result")),
                ("finished_at", models.DateTimeField(auto_now_add=True, verbose_name="finished")),
            ],
            options={
                "ordering": ("job", "n"),
                "constraints": [models.UniqueConstraint(fields=("job", "n"), name="job_step_once")],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("assigned", "Work assigned to you"),
                            ("due_soon", "Due soon"),
                            ("overdue", "Due or overdue"),
                            ("sla_near", "Findings near their time limit"),
                            ("sla_breached", "Findings over their time limit"),
                            ("acceptance_asked", "Risk acceptances to decide"),
                            ("acceptance_decided", "Risk acceptances decided"),
                            ("acceptance_expired", "Risk acceptances that ended"),
                            ("finding_back", "Findings that are back"),
                            ("closing_proposed", "Closings to confirm"),
                            ("comment", "Comments"),
                            ("coverage_stale", "Tests that grew too old"),
                            ("webhook_failing", "Webhooks that fail"),
                        ],
                        max_length=32,
                        verbose_name="about",
                    ),
                ),
                ("key", models.CharField(max_length=150, verbose_name="key")),
                ("subject_type", models.CharField(blank=True, max_length=60, verbose_name="kind of record")),
                ("subject_uuid", models.UUIDField(blank=True, null=True, verbose_name="record")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="how many")),
                ("place", models.CharField(blank=True, max_length=200, verbose_name="place")),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="due on")),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="read at")),
                ("mailed_at", models.DateTimeField(blank=True, null=True, verbose_name="mailed at")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [
                    models.Index(fields=["user", "read_at"], name="notice_unread"),
                    models.Index(fields=["user", "-created_at", "-id"], name="notice_latest"),
                    models.Index(
                        condition=models.Q(("mailed_at__isnull", True)), fields=["user"], name="notice_to_be_mailed"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("user", "key"), name="told_once_of_a_thing")],
            },
        ),
        migrations.CreateModel(
            name="NoticeChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notice_choice",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "how_often",
                    models.CharField(
                        choices=[
                            ("hourly", "when something happens, at most once an hour"),
                            ("daily", "once a day"),
                            ("weekly", "once a week"),
                            ("never", "never"),
                        ],
                        default=compliance.types.notices.HowOften["DAILY"],
                        max_length=32,
                        verbose_name="mail",
                    ),
                ),
                ("hour", models.PositiveSmallIntegerField(default=7, verbose_name="from")),
                ("weekday", models.PositiveSmallIntegerField(default=0, verbose_name="day of the week")),
                ("not_mailed", models.JSONField(default=list, verbose_name="not by mail")),
                ("not_shown", models.JSONField(default=list, verbose_name="not in the inbox")),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="MailState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mail_state",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("last_sent_at", models.DateTimeField(blank=True, null=True, verbose_name="last message")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failed tries")),
                ("failing_since", models.DateTimeField(blank=True, null=True, verbose_name="failing since")),
                ("retry_at", models.DateTimeField(blank=True, null=True, verbose_name="next try")),
                ("error", models.CharField(blank=True, max_length=100, verbose_name="kind of error")),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="CalendarFeed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calendar_feed",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("secret_sha256", models.CharField(max_length=64, unique=True, verbose_name="digest of the secret")),
                ("everything", models.BooleanField(default=False, verbose_name="all open work")),
                ("renewed_at", models.DateTimeField(verbose_name="made")),
                ("last_read_at", models.DateTimeField(blank=True, null=True, verbose_name="last read")),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="Observation",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="observations",
                        to="compliance.aisystem",
                    ),
                ),
                ("source_uuid", models.UUIDField(verbose_name="scan or import")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("producer", models.CharField(max_length=100, verbose_name="producer")),
                ("producer_version", models.CharField(blank=True, max_length=64, verbose_name="producer version")),
                ("rule", models.CharField(max_length=200, verbose_name="rule")),
                ("title", models.CharField(max_length=500, verbose_name="title")),
                ("description", models.TextField(verbose_name="description")),
                (
                    "method",
                    models.CharField(
                        choices=[("EXAMINE", "Examine"), ("INTERVIEW", "Interview"), ("TEST", "Test")],
                        max_length=32,
                        verbose_name="method",
                    ),
                ),
                ("verdict", models.CharField(max_length=32, verbose_name="verdict")),
                (
                    "severity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("critical", "Critical"),
                            ("high", "High"),
                            ("medium", "Medium"),
                            ("low", "Low"),
                            ("informational", "Informational"),
                        ],
                        max_length=32,
                        verbose_name="severity",
                    ),
                ),
                (
                    "native_severity",
                    models.CharField(blank=True, max_length=64, verbose_name="the producer's severity"),
                ),
                ("techniques", models.JSONField(default=list, verbose_name="ATLAS techniques")),
                ("asset_kind", models.CharField(max_length=64, verbose_name="asset kind")),
                ("asset_name", models.CharField(max_length=500, verbose_name="asset")),
                ("asset_digest", models.CharField(blank=True, max_length=64, verbose_name="asset SHA-256")),
                (
                    "model_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="observations",
                        to="compliance.modelversion",
                    ),
                ),
                ("location", models.CharField(blank=True, max_length=1000, verbose_name="location")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
                ("raw_sha256", models.CharField(blank=True, max_length=64, verbose_name="raw record SHA-256")),
                ("observed_at", models.DateTimeField(blank=True, null=True, verbose_name="observed at")),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="observations",
                        to="compliance.evidence",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="observation_latest"),
                    models.Index(fields=["asset_digest"], name="compliance__asset_d_dbd2e1_idx"),
                    models.Index(fields=["system", "verdict"], name="compliance__system__eb25e7_idx"),
                    models.Index(fields=["system", "fingerprint"], name="compliance__system__15a2ef_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("source_uuid", "fingerprint"), name="observation_once_per_source")
                ],
            },
        ),
        migrations.CreateModel(
            name="Freeze",
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
                    "assessment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="freeze", to="compliance.assessment"
                    ),
                ),
                ("sha256", models.CharField(max_length=64, verbose_name="document SHA-256")),
                ("storage_name", models.CharField(max_length=300, verbose_name="kept as")),
                ("attachments", models.JSONField(default=dict, verbose_name="registers by name")),
                (
                    "frozen_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="EvidencePack",
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
                    "freeze",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="packs", to="compliance.freeze"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="pack number")),
                (
                    "audience",
                    models.CharField(
                        choices=[("internal", "The organisation itself"), ("external", "External recipients")],
                        default=compliance.types.states.Audience["INTERNAL"],
                        max_length=32,
                        verbose_name="made for",
                    ),
                ),
                ("storage_name", models.CharField(max_length=300, verbose_name="kept as")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.BigIntegerField(verbose_name="size in bytes")),
                ("pages", models.PositiveIntegerField(default=0, verbose_name="pages")),
                ("receipt", models.JSONField(verbose_name="receipt")),
                ("signer_sha256", models.CharField(blank=True, max_length=64, verbose_name="signer certificate")),
                ("is_demonstration_signer", models.BooleanField(default=True, verbose_name="demonstration signer")),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="compliance.evidencepack",
                    ),
                ),
                (
                    "issued_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [
                    models.UniqueConstraint(fields=("freeze", "number"), name="pack_number_once_per_freeze")
                ],
            },
        ),
        migrations.CreateModel(
            name="PackHandover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "pack",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="handovers",
                        to="compliance.evidencepack",
                    ),
                ),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("download", "Downloaded"),
                            ("command", "Written out by a command"),
                            ("handed-over", "Handed over"),
                        ],
                        max_length=32,
                        verbose_name="way",
                    ),
                ),
                ("recipient", models.CharField(max_length=300, verbose_name="recipient")),
                ("purpose", models.TextField(blank=True, verbose_name="purpose")),
                (
                    "handed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="name")),
                ("members", models.ManyToManyField(blank=True, related_name="teams", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Capacity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="capacities",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="capacities",
                        to="compliance.team",
                    ),
                ),
                ("days_a_week", models.DecimalField(decimal_places=2, max_digits=3, verbose_name="days a week")),
                ("allocation", models.PositiveSmallIntegerField(verbose_name="share for remediation, percent")),
                ("work_role", models.CharField(blank=True, max_length=100, verbose_name="role")),
                ("effective_from", models.DateField(verbose_name="from")),
                (
                    "stated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("effective_from", "pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("team__isnull", True), ("user__isnull", False)),
                            models.Q(("team__isnull", False), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="capacity_person_or_team",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Leave",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leaves",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leaves",
                        to="compliance.team",
                    ),
                ),
                ("first_day", models.DateField(verbose_name="first day")),
                ("last_day", models.DateField(verbose_name="last day")),
                (
                    "stated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("first_day", "pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("team__isnull", True), ("user__isnull", False)),
                            models.Q(("team__isnull", False), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="leave_person_or_team",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("last_day__gte", models.F("first_day"))), name="leave_ends_after_it_begins"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="compliance.team",
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("administrator", "Administrator"),
                            ("officer", "Compliance officer"),
                            ("manager", "Manager"),
                            ("contributor", "Contributor"),
                            ("auditor", "Auditor"),
                            ("collector", "Collector (machine)"),
                        ],
                        max_length=32,
                        verbose_name="role",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("team__isnull", True), ("user__isnull", False)),
                            models.Q(("team__isnull", False), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="membership_person_or_team",
                    ),
                    models.UniqueConstraint(fields=("user", "system"), name="membership_once_per_person"),
                    models.UniqueConstraint(fields=("team", "system"), name="membership_once_per_team"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Principal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("pseudonym", models.CharField(max_length=64, unique=True, verbose_name="pseudonym")),
                ("commitment_key", models.BinaryField(null=True, verbose_name="commitment key")),
                ("identifier", models.TextField(null=True, unique=True, verbose_name="identifier")),
                ("display", models.CharField(blank=True, max_length=512, verbose_name="shown as")),
                ("kind", models.CharField(blank=True, max_length=64, verbose_name="kind")),
                ("erased_at", models.DateTimeField(blank=True, null=True, verbose_name="erased at")),
            ],
            options={
                "ordering": ("display",),
            },
        ),
        migrations.CreateModel(
            name="AccessReviewLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="compliance.accessreview"
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_reviews",
                        to="compliance.principal",
                    ),
                ),
                (
                    "reach",
                    models.CharField(
                        choices=[
                            ("now", "Can submit now"),
                            ("after_step", "Can after one more step"),
                            ("shared_key", "Whoever holds a key can"),
                        ],
                        max_length=32,
                        verbose_name="how far away",
                    ),
                ),
                ("ways", models.PositiveIntegerField(verbose_name="ways to submit")),
                ("platforms", models.JSONField(default=list, verbose_name="platforms and scopes")),
                ("actions", models.JSONField(default=list, verbose_name="permissions")),
                ("last_submitted_at", models.DateTimeField(blank=True, null=True, verbose_name="last submitted at")),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("keep", "Keep"), ("remove", "Remove")],
                        max_length=32,
                        verbose_name="decision",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
            ],
            options={
                "ordering": ("review", "principal__display", "pk"),
                "indexes": [models.Index(fields=["review", "decision"], name="compliance__review__6196ae_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("review", "principal"), name="access_review_principal_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Entitlement",
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
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="compliance.entitlementreading",
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="compliance.principal",
                    ),
                ),
                ("platform", models.CharField(max_length=32, verbose_name="platform")),
                (
                    "scope",
                    models.CharField(
                        blank=True, max_length=300, verbose_name="account, subscription, project or cluster"
                    ),
                ),
                (
                    "reach",
                    models.CharField(
                        choices=[
                            ("now", "Can submit now"),
                            ("after_step", "Can after one more step"),
                            ("shared_key", "Whoever holds a key can"),
                        ],
                        max_length=32,
                        verbose_name="how far away",
                    ),
                ),
                ("actions", models.JSONField(default=list, verbose_name="permissions")),
                ("path", models.JSONField(default=list, verbose_name="path")),
                ("resources", models.JSONField(default=list, verbose_name="resources")),
                ("conditions", models.JSONField(default=list, verbose_name="conditions")),
                ("runs_as", models.JSONField(default=list, verbose_name="identities a job may run as")),
                ("missing", models.JSONField(default=list, verbose_name="still missing")),
            ],
            options={
                "ordering": ("reading", "principal", "pk"),
                "indexes": [
                    models.Index(fields=["reading", "reach", "principal"], name="compliance__reading_d8e574_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="JobApproval",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_approvals",
                        to="compliance.aisystem",
                    ),
                ),
                ("job", models.CharField(max_length=500, verbose_name="job id or name")),
                (
                    "approver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_approvals",
                        to="compliance.principal",
                    ),
                ),
                ("approved_at", models.DateTimeField(verbose_name="approved at")),
                (
                    "dataset_digest",
                    models.CharField(blank=True, max_length=64, verbose_name="data-set digest named in the approval"),
                ),
                (
                    "base_digest",
                    models.CharField(blank=True, max_length=64, verbose_name="base-model digest named in the approval"),
                ),
                ("reference", models.CharField(blank=True, max_length=300, verbose_name="ticket or document")),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_approvals",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-approved_at", "-pk"),
                "indexes": [models.Index(fields=["system", "job"], name="compliance__system__1fd08e_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("system", "job", "approver", "approved_at"),
                        name="job_approval_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JobEvent",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="job_events", to="compliance.aisystem"
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="job_events", to="compliance.evidence"
                    ),
                ),
                ("source_uuid", models.UUIDField(verbose_name="import")),
                ("fingerprint", models.CharField(max_length=64, verbose_name="fingerprint")),
                ("source", models.CharField(max_length=64, verbose_name="source")),
                ("source_event_id", models.CharField(blank=True, max_length=300, verbose_name="the source's id")),
                ("locator", models.CharField(blank=True, max_length=300, verbose_name="place in the file")),
                ("raw", models.JSONField(default=dict, verbose_name="record, secrets removed")),
                ("raw_sha256", models.CharField(max_length=64, verbose_name="raw record SHA-256")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_events",
                        to="compliance.principal",
                    ),
                ),
                ("session", models.CharField(blank=True, max_length=500, verbose_name="session")),
                ("on_behalf_of", models.CharField(blank=True, max_length=500, verbose_name="on behalf of")),
                (
                    "names_committed",
                    models.BooleanField(
                        default=False, verbose_name="session and on behalf of are signed by commitments"
                    ),
                ),
                ("role", models.CharField(blank=True, max_length=500, verbose_name="role used")),
                ("execution_role", models.CharField(blank=True, max_length=500, verbose_name="runs as")),
                ("action", models.CharField(max_length=200, verbose_name="operation")),
                (
                    "action_class",
                    models.CharField(
                        choices=[
                            ("submit", "Submit"),
                            ("cancel", "Cancel"),
                            ("register", "Register"),
                            ("approve", "Approve"),
                            ("deploy", "Deploy"),
                            ("grant", "Grant"),
                            ("import", "Import"),
                            ("other", "Other"),
                        ],
                        max_length=32,
                        verbose_name="act",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("success", "Success"),
                            ("denied", "Denied"),
                            ("failed", "Failed"),
                            ("unknown", "Not stated"),
                        ],
                        max_length=32,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "outcome_detail",
                    models.CharField(blank=True, max_length=500, verbose_name="outcome in the source's words"),
                ),
                ("source_address", models.CharField(blank=True, max_length=200, verbose_name="source address")),
                ("account", models.CharField(blank=True, max_length=200, verbose_name="account")),
                ("region", models.CharField(blank=True, max_length=64, verbose_name="region")),
                ("job_id", models.CharField(blank=True, max_length=500, verbose_name="job")),
                ("job_name", models.CharField(blank=True, max_length=300, verbose_name="job name")),
                (
                    "job_key",
                    models.CharField(blank=True, max_length=64, verbose_name="which job it is, whoever tells of it"),
                ),
                ("inputs", models.JSONField(default=list, verbose_name="inputs")),
                ("base_model", models.CharField(blank=True, max_length=500, verbose_name="base model")),
                ("output_uri", models.CharField(blank=True, max_length=1000, verbose_name="output")),
                ("output_model", models.CharField(blank=True, max_length=500, verbose_name="output model")),
                ("unknown_fields", models.JSONField(default=list, verbose_name="not given by the source")),
                ("redacted_fields", models.JSONField(default=list, verbose_name="removed on import")),
                ("origins", models.JSONField(default=dict, verbose_name="where each field was taken from")),
                (
                    "purged_leaf",
                    models.CharField(
                        blank=True, max_length=64, verbose_name="SHA-256 that stands for the purged record"
                    ),
                ),
            ],
            options={
                "ordering": ("-occurred_at", "-pk"),
                "indexes": [
                    models.Index(fields=["-occurred_at", "-id"], name="compliance__occurre_5f0c1b_idx"),
                    models.Index(
                        fields=[
                            "system",
                            "action_class",
                            "outcome",
                            "occurred_at",
                            "actor",
                            "job_key",
                            "source",
                            "role",
                        ],
                        name="job_event_counted",
                    ),
                    models.Index(fields=["source_uuid"], name="compliance__source__e5a835_idx"),
                    models.Index(fields=["job_key"], name="compliance__job_key_b6df57_idx"),
                    models.Index(
                        condition=models.Q(("output_model", ""), _negated=True),
                        fields=["output_model"],
                        name="job_event_made",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("system", "fingerprint"), name="job_event_once_per_system")
                ],
            },
        ),
        migrations.CreateModel(
            name="JobBinding",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_bindings",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bindings", to="compliance.jobevent"
                    ),
                ),
                ("place", models.CharField(max_length=32, verbose_name="place in the event")),
                (
                    "named",
                    models.CharField(
                        choices=[
                            ("base_model", "Base model"),
                            ("dataset", "Data set"),
                            ("output_model", "Output model"),
                        ],
                        max_length=32,
                        verbose_name="what it names",
                    ),
                ),
                ("name", models.CharField(max_length=1000, verbose_name="as the log names it")),
                ("name_digest", models.CharField(blank=True, max_length=128, verbose_name="digest in the log")),
                (
                    "bound_by",
                    models.CharField(
                        choices=[
                            ("digest", "By its digest in the log"),
                            ("provenance", "By the provenance of a version"),
                            ("rule", "By a saved rule"),
                            ("person", "By a person"),
                            ("not_ours", "None of ours, says a person"),
                            ("nothing", "Bound to nothing yet"),
                        ],
                        max_length=32,
                        verbose_name="bound by",
                    ),
                ),
                (
                    "model_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_bindings",
                        to="compliance.modelversion",
                    ),
                ),
                (
                    "dataset_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="job_bindings",
                        to="compliance.datasetversion",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bindings",
                        to="compliance.bindingrule",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("superseded_at", models.DateTimeField(blank=True, null=True, verbose_name="superseded at")),
            ],
            options={
                "ordering": ("event", "place", "pk"),
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("bound_by", compliance.types.bindings.BoundBy["NOTHING"]), ("superseded_at__isnull", True)
                        ),
                        fields=["system", "named"],
                        name="job_binding_waiting",
                    ),
                    models.Index(fields=["rule"], name="compliance__rule_id_d9b77c_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("superseded_at__isnull", True)),
                        fields=("event", "place"),
                        name="job_binding_one_in_force",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_filters",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("query", models.CharField(blank=True, max_length=1000, verbose_name="filter")),
                ("is_shared", models.BooleanField(default=False, verbose_name="shared")),
            ],
            options={
                "ordering": ("name", "pk"),
                "constraints": [models.UniqueConstraint(fields=("owner", "name"), name="filter_name_once_per_person")],
            },
        ),
        migrations.CreateModel(
            name="BulkEdit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("changes", models.JSONField(verbose_name="changes")),
                ("items", models.JSONField(verbose_name="items")),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bulk_edit",
                        to="compliance.job",
                    ),
                ),
                ("result", models.JSONField(default=dict, verbose_name="result")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="RemediationSummary",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("month", models.DateField(verbose_name="month")),
                ("storage_name", models.CharField(max_length=300, verbose_name="kept as")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.BigIntegerField(verbose_name="size in bytes")),
                ("pages", models.PositiveIntegerField(verbose_name="pages")),
                ("document", models.JSONField(verbose_name="figures")),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="summary",
                        to="compliance.job",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-month", "-created_at"),
            },
        ),
        migrations.CreateModel(
            name="RetentionTerms",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "key",
                    models.CharField(
                        choices=[("standard", "Standard"), ("extended", "Extended"), ("transient", "Transient")],
                        max_length=32,
                        verbose_name="class",
                    ),
                ),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("title", models.CharField(max_length=100, verbose_name="name")),
                ("months", models.PositiveIntegerField(blank=True, null=True, verbose_name="months")),
                (
                    "starts",
                    models.CharField(
                        choices=[
                            ("receipt", "The day on which it was received"),
                            ("last-use", "The last day it covers, or the last audit it served"),
                        ],
                        max_length=32,
                        verbose_name="counted from",
                    ),
                ),
                ("legal_basis", models.TextField(verbose_name="legal basis")),
                ("kinds", models.JSONField(default=list, verbose_name="kinds of evidence")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("key", "-version"),
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="retention_terms_once_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("title", models.CharField(max_length=200, verbose_name="matter")),
                ("reason", models.TextField(verbose_name="reason")),
                (
                    "system",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legal_holds",
                        to="compliance.aisystem",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legal_holds",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "placed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("lifted_at", models.DateTimeField(blank=True, null=True, verbose_name="lifted at")),
                ("lift_reason", models.TextField(blank=True, verbose_name="why it was lifted")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [models.Index(fields=["lifted_at"], name="compliance__lifted__8cf008_idx")],
            },
        ),
        migrations.CreateModel(
            name="DisposalRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("refused", "Refused"),
                            ("approved", "Approved, under way"),
                            ("completed", "Completed"),
                        ],
                        default=compliance.types.retention.RunState["PROPOSED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("due_by", models.DateField(verbose_name="due by")),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                ("note", models.TextField(blank=True, verbose_name="note of the decision")),
                (
                    "job",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.job"
                    ),
                ),
                ("completed_at", models.DateTimeField(blank=True, null=True, verbose_name="completed at")),
                ("certificate", models.JSONField(default=dict, verbose_name="certificate")),
                ("certificate_sha256", models.CharField(blank=True, max_length=64, verbose_name="certificate SHA-256")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="DisposalItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="compliance.disposalrun"
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disposal_items",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "terms",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.retentionterms"
                    ),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("kept", "Kept by the decision"),
                            ("held", "Kept by a legal hold"),
                            ("recorded", "Being disposed of"),
                            ("disposed", "Disposed of"),
                        ],
                        default=compliance.types.retention.ItemState["PROPOSED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("bytes_deleted", models.BooleanField(null=True, verbose_name="bytes deleted")),
                ("note", models.TextField(blank=True, verbose_name="note")),
            ],
            options={
                "ordering": ("due_on", "pk"),
                "constraints": [models.UniqueConstraint(fields=("run", "evidence"), name="disposal_item_once_per_run")],
            },
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "evidence",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tombstone", to="compliance.evidence"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tombstones",
                        to="compliance.disposalrun",
                    ),
                ),
                (
                    "terms",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.retentionterms"
                    ),
                ),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.BigIntegerField(verbose_name="size in bytes")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("document", "Document"),
                            ("log-or-report", "Log or report that was imported"),
                            ("model", "Model file"),
                            ("data", "Data"),
                            ("result", "Result of a scan"),
                        ],
                        max_length=32,
                        verbose_name="kind",
                    ),
                ),
                ("media_type", models.CharField(max_length=100, verbose_name="media type")),
                ("records", models.PositiveBigIntegerField(default=0, verbose_name="raw records purged")),
                (
                    "approved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Waiver",
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
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "In force"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("revoked", "Revoked"),
                            ("expired", "Expired"),
                            ("replaced", "Replaced by a later request"),
                        ],
                        default=compliance.types.risk_life.AgreementState["REQUESTED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.TextField(verbose_name="rationale")),
                ("ends_on", models.DateField(verbose_name="last day")),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided at")),
                ("decision", models.TextField(blank=True, verbose_name="note of the decision")),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="waivers", to="compliance.aisystem"
                    ),
                ),
                ("producer", models.CharField(max_length=100, verbose_name="scanner")),
                ("rule", models.CharField(max_length=200, verbose_name="rule")),
                ("assets", models.CharField(blank=True, max_length=500, verbose_name="assets")),
            ],
            options={
                "ordering": ("ends_on", "pk"),
                "indexes": [models.Index(fields=["system", "state", "ends_on"], name="waiver_in_force")],
            },
        ),
        migrations.CreateModel(
            name="Finding",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="compliance.aisystem"
                    ),
                ),
                ("asset_key", models.CharField(max_length=200, verbose_name="asset key")),
                ("asset_name", models.CharField(max_length=500, verbose_name="asset")),
                (
                    "model_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="compliance.modelversion",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="compliance.referencecontrol",
                    ),
                ),
                ("rule_fingerprint", models.CharField(max_length=64, verbose_name="rule fingerprint")),
                ("title", models.CharField(max_length=500, verbose_name="title")),
                (
                    "state",
                    models.CharField(
                        choices=[("satisfied", "Satisfied"), ("not-satisfied", "Not satisfied")],
                        max_length=32,
                        verbose_name="conclusion",
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("critical", "Critical"),
                            ("high", "High"),
                            ("medium", "Medium"),
                            ("low", "Low"),
                            ("informational", "Informational"),
                        ],
                        max_length=32,
                        verbose_name="severity",
                    ),
                ),
                ("techniques", models.JSONField(default=list, verbose_name="ATLAS techniques")),
                ("condition", models.TextField(verbose_name="condition: what was found")),
                ("criteria", models.TextField(verbose_name="criteria: what should be")),
                ("cause", models.TextField(blank=True, verbose_name="cause")),
                ("effect", models.TextField(blank=True, verbose_name="effect")),
                ("first_seen_at", models.DateTimeField(verbose_name="first seen")),
                ("last_seen_at", models.DateTimeField(verbose_name="last seen")),
                (
                    "severity_rank",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(severity="critical", then=0),
                            models.When(severity="high", then=1),
                            models.When(severity="medium", then=2),
                            models.When(severity="low", then=3),
                            models.When(severity="informational", then=4),
                            default=5,
                            output_field=models.SmallIntegerField(),
                        ),
                        output_field=models.SmallIntegerField(),
                    ),
                ),
                (
                    "sighting",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("new", "New"),
                            ("unchanged", "Unchanged"),
                            ("fixed", "Fixed"),
                            ("reappeared", "Reappeared"),
                        ],
                        max_length=32,
                        verbose_name="beside the report before",
                    ),
                ),
                ("reappearances", models.PositiveIntegerField(default=0, verbose_name="reappearances")),
                (
                    "priority",
                    models.CharField(
                        choices=[
                            ("p1", "P1, first of all"),
                            ("p2", "P2, soon"),
                            ("p3", "P3, in turn"),
                            ("p4", "P4, when there is time"),
                        ],
                        default=compliance.types.risk_priority.Priority["P4"],
                        max_length=32,
                        verbose_name="priority by the rule",
                    ),
                ),
                ("priority_points", models.PositiveSmallIntegerField(default=0, verbose_name="points")),
                ("priority_reasons", models.JSONField(default=list, verbose_name="reasons")),
                (
                    "priority_by_hand",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("p1", "P1, first of all"),
                            ("p2", "P2, soon"),
                            ("p3", "P3, in turn"),
                            ("p4", "P4, when there is time"),
                        ],
                        max_length=32,
                        verbose_name="priority set by a person",
                    ),
                ),
                ("priority_reason", models.TextField(blank=True, verbose_name="why a person set it")),
                (
                    "priority_set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("priority_set_at", models.DateTimeField(null=True, verbose_name="priority set at")),
                (
                    "priority_rank",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(priority_by_hand="p1", then=0),
                            models.When(priority_by_hand="p2", then=1),
                            models.When(priority_by_hand="p3", then=2),
                            models.When(priority_by_hand="p4", then=3),
                            models.When(priority="p1", then=0),
                            models.When(priority="p2", then=1),
                            models.When(priority="p3", then=2),
                            models.When(priority="p4", then=3),
                            default=4,
                            output_field=models.SmallIntegerField(),
                        ),
                        output_field=models.SmallIntegerField(),
                    ),
                ),
                (
                    "waiver",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="compliance.waiver",
                    ),
                ),
                ("waived_until", models.DateField(null=True, verbose_name="waived until")),
                ("observations", models.ManyToManyField(related_name="findings", to="compliance.observation")),
            ],
            options={
                "ordering": ("-last_seen_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["state", "severity_rank", "-last_seen_at", "id"], name="finding_gravest_of_state"
                    ),
                    models.Index(fields=["severity_rank", "-last_seen_at", "id"], name="finding_gravest"),
                    models.Index(fields=["system", "state", "target"], name="finding_counted"),
                    models.Index(fields=["-last_seen_at", "-id"], name="finding_latest"),
                    models.Index(
                        fields=["state", "priority_rank", "-last_seen_at", "id"], name="finding_urgent_of_state"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("system", "asset_key", "target", "rule_fingerprint"),
                        name="finding_once_per_asset_and_rule",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Answer",
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
                    "assessment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="compliance.assessment"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="compliance.auditquestion",
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("yes", "Yes"),
                            ("partly", "Partly"),
                            ("no", "No"),
                            ("not_applicable", "Not applicable"),
                        ],
                        max_length=32,
                        verbose_name="answer",
                    ),
                ),
                ("statement", models.TextField(blank=True, verbose_name="statement")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("claims", models.JSONField(blank=True, default=dict, verbose_name="structured claims")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Not answered"),
                            ("draft", "Draft"),
                            ("submitted", "In review"),
                            ("returned", "Returned"),
                            ("approved", "Approved"),
                        ],
                        default=compliance.types.states.AnswerState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=0, verbose_name="version")),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="written_answers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("submitted_at", models.DateTimeField(blank=True, null=True, verbose_name="submitted at")),
                (
                    "approver",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approved_answers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assigned_answers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delegate",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="delegated_answers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviewed_answers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="due on")),
                ("approved_on", models.JSONField(blank=True, default=list, verbose_name="evidence as it was approved")),
                ("justified", models.JSONField(blank=True, default=list, verbose_name="contradictions approved over")),
                ("justification", models.TextField(blank=True, verbose_name="why approved over contradictions")),
                ("alone_reason", models.TextField(blank=True, verbose_name="why nobody else approved it")),
                ("findings", models.ManyToManyField(blank=True, related_name="answers", to="compliance.finding")),
            ],
            options={
                "ordering": ("question__number",),
                "constraints": [
                    models.UniqueConstraint(fields=("assessment", "question"), name="one_answer_per_question")
                ],
            },
        ),
        migrations.CreateModel(
            name="AnswerRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "answer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="compliance.answer"
                    ),
                ),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("act", models.CharField(max_length=32, verbose_name="act")),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("snapshot", models.JSONField(verbose_name="as it stood")),
                ("comment", models.TextField(blank=True, verbose_name="comment")),
            ],
            options={
                "ordering": ("answer", "version", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Risk",
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
                    "finding",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="risk", to="compliance.finding"
                    ),
                ),
                ("title", models.CharField(max_length=500, verbose_name="title")),
                ("statement", models.TextField(verbose_name="statement")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Under investigation"),
                            ("remediating", "Being remediated"),
                            ("deviation-requested", "Acceptance requested"),
                            ("deviation-approved", "Accepted until a date"),
                            ("closed", "Closed"),
                        ],
                        default=compliance.types.states.RiskState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("critical", "Critical"),
                            ("high", "High"),
                            ("medium", "Medium"),
                            ("low", "Low"),
                            ("informational", "Informational"),
                        ],
                        max_length=32,
                        verbose_name="severity",
                    ),
                ),
                ("deadline", models.DateField(blank=True, null=True, verbose_name="deadline")),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="opened at")),
                ("accepted_until", models.DateField(blank=True, null=True, verbose_name="accepted until")),
            ],
            options={
                "ordering": ("-created_at",),
                "indexes": [models.Index(fields=["state", "accepted_until"], name="risk_by_end_of_acceptance")],
            },
        ),
        migrations.CreateModel(
            name="RiskAcceptance",
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
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "In force"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("revoked", "Revoked"),
                            ("expired", "Expired"),
                            ("replaced", "Replaced by a later request"),
                        ],
                        default=compliance.types.risk_life.AgreementState["REQUESTED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.TextField(verbose_name="rationale")),
                ("ends_on", models.DateField(verbose_name="last day")),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided at")),
                ("decision", models.TextField(blank=True, verbose_name="note of the decision")),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "risk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acceptances", to="compliance.risk"
                    ),
                ),
                ("compensation", models.TextField(blank=True, verbose_name="how these controls compensate")),
                ("review_on", models.DateField(verbose_name="review on")),
                ("reviewed_at", models.DateTimeField(null=True, verbose_name="last reviewed")),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "controls",
                    models.ManyToManyField(blank=True, related_name="compensates", to="compliance.implementedcontrol"),
                ),
            ],
            options={
                "ordering": ("ends_on", "pk"),
                "indexes": [models.Index(fields=["state", "ends_on"], name="risk_acceptance_by_end")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    compliance.types.risk_life.AgreementState["APPROVED"],
                                    compliance.types.risk_life.AgreementState["REQUESTED"],
                                ],
                            )
                        ),
                        fields=("risk",),
                        name="risk_acceptance_one_live",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RiskMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "risk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="compliance.risk"
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("identified", "Recorded as a risk"),
                            ("investigated", "Under investigation"),
                            ("taken_up", "Taken up for remediation"),
                            ("put_back", "Put back"),
                            ("acceptance_requested", "Acceptance requested"),
                            ("acceptance_withdrawn", "Request withdrawn"),
                            ("acceptance_refused", "Acceptance refused"),
                            ("acceptance_approved", "Acceptance approved"),
                            ("acceptance_reviewed", "Acceptance reviewed"),
                            ("acceptance_revoked", "Acceptance revoked"),
                            ("acceptance_expired", "Acceptance expired"),
                            ("closed", "Closed"),
                            ("reopened", "Opened again"),
                        ],
                        max_length=32,
                        verbose_name="act",
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Under investigation"),
                            ("remediating", "Being remediated"),
                            ("deviation-requested", "Acceptance requested"),
                            ("deviation-approved", "Accepted until a date"),
                            ("closed", "Closed"),
                        ],
                        max_length=32,
                        verbose_name="from",
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Under investigation"),
                            ("remediating", "Being remediated"),
                            ("deviation-requested", "Acceptance requested"),
                            ("deviation-approved", "Accepted until a date"),
                            ("closed", "Closed"),
                        ],
                        max_length=32,
                        verbose_name="to",
                    ),
                ),
                ("words", models.TextField(blank=True, verbose_name="what was said")),
                (
                    "acceptance",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moves",
                        to="compliance.riskacceptance",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("risk", "created_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="BusinessCalendar",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("key", models.SlugField(verbose_name="key")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("title", models.CharField(max_length=100, verbose_name="name")),
                ("zone", models.CharField(max_length=64, verbose_name="time zone")),
                ("hours", models.JSONField(default=list, verbose_name="working hours")),
                ("holidays", models.JSONField(default=list, verbose_name="holidays")),
                ("systems", models.JSONField(default=list, verbose_name="AI systems")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("key", "-version"),
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="business_calendar_once_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="SlaPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("version", models.PositiveIntegerField(unique=True, verbose_name="version")),
                ("limits", models.JSONField(default=list, verbose_name="limits")),
                ("near_percent", models.PositiveSmallIntegerField(default=80, verbose_name="near from, in percent")),
                ("calendar_key", models.SlugField(verbose_name="calendar")),
                ("reason", models.TextField(blank=True, verbose_name="why")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-version",),
            },
        ),
        migrations.CreateModel(
            name="SlaClock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="clocks", to="compliance.finding"
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.slapolicy"
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.businesscalendar"
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("critical", "Critical"),
                            ("high", "High"),
                            ("medium", "Medium"),
                            ("low", "Low"),
                            ("informational", "Informational"),
                        ],
                        max_length=32,
                        verbose_name="severity",
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        choices=[("days", "days"), ("working_hours", "working hours")],
                        max_length=32,
                        verbose_name="unit",
                    ),
                ),
                ("limit_seconds", models.BigIntegerField(verbose_name="limit, in seconds")),
                ("used_seconds", models.FloatField(default=0.0, verbose_name="counted before, in seconds")),
                ("started_at", models.DateTimeField(verbose_name="began")),
                ("since", models.DateTimeField(verbose_name="runs since")),
                ("near_at", models.DateTimeField(verbose_name="near from")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("paused_at", models.DateTimeField(blank=True, null=True, verbose_name="paused since")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                ("near_told_at", models.DateTimeField(blank=True, null=True, verbose_name="told that it is near")),
                (
                    "breach_told_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="told that it is breached"),
                ),
            ],
            options={
                "ordering": ("-started_at", "-pk"),
                "indexes": [
                    models.Index(fields=["ended_at", "paused_at", "due_at"], name="sla_clock_due"),
                    models.Index(fields=["ended_at", "paused_at", "near_at"], name="sla_clock_near"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("finding",),
                        name="sla_clock_one_runs_per_finding",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NightlyRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                ("steps", models.JSONField(default=list, verbose_name="steps")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
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
                ("requirement_id", models.CharField(max_length=100, verbose_name="control id")),
                (
                    "inclusion",
                    models.CharField(
                        choices=[("undecided", "Undecided"), ("included", "Included"), ("excluded", "Excluded")],
                        default=compliance.types.statements.Inclusion["UNDECIDED"],
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
                        default=compliance.types.statements.Implementation["NOT_STATED"],
                        max_length=32,
                        verbose_name="state of implementation",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=0, verbose_name="version")),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("written_at", models.DateTimeField(verbose_name="written at")),
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
            ],
            options={
                "ordering": ("framework", "system", "-version"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("framework", "system", "version"), name="statement_version_once_per_system"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Supplier",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="suppliers", to="compliance.aisystem"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("ended_on", models.DateField(blank=True, null=True, verbose_name="no longer used since")),
                (
                    "ended_by",
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
                "ordering": ("name", "pk"),
                "constraints": [models.UniqueConstraint(fields=("system", "name"), name="supplier_once_per_system")],
            },
        ),
        migrations.CreateModel(
            name="SupplierReview",
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
                    "supplier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="compliance.supplier"
                    ),
                ),
                ("provides", models.TextField(verbose_name="what they provide")),
                (
                    "report_type",
                    models.CharField(
                        choices=[
                            ("soc1-type1", "SOC 1 type 1 report"),
                            ("soc1-type2", "SOC 1 type 2 report"),
                            ("soc2-type1", "SOC 2 type 1 report"),
                            ("soc2-type2", "SOC 2 type 2 report"),
                            ("isae3402-type1", "ISAE 3402 type 1 report"),
                            ("isae3402-type2", "ISAE 3402 type 2 report"),
                            ("certificate", "Certificate"),
                            ("questionnaire", "Questionnaire that they answered"),
                            ("model-card", "Model card or similar description"),
                            ("test-report", "Report of a test"),
                            ("other", "Other document"),
                            ("none", "No report"),
                        ],
                        max_length=32,
                        verbose_name="report",
                    ),
                ),
                ("issuer", models.CharField(blank=True, max_length=200, verbose_name="issued by")),
                ("period_start", models.DateField(blank=True, null=True, verbose_name="period from")),
                ("period_end", models.DateField(blank=True, null=True, verbose_name="period to, or as of")),
                (
                    "opinion",
                    models.CharField(
                        choices=[
                            ("unqualified", "Unqualified"),
                            ("qualified", "Qualified"),
                            ("adverse", "Adverse"),
                            ("disclaimer", "Disclaimer of opinion"),
                            ("no-opinion", "Gives no opinion"),
                        ],
                        max_length=32,
                        verbose_name="opinion",
                    ),
                ),
                ("exceptions", models.TextField(blank=True, verbose_name="exceptions")),
                ("gap_measures", models.TextField(blank=True, verbose_name="what covers the gap")),
                ("conclusion", models.TextField(verbose_name="what follows")),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="supplier_reviews",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("reviewed_on", models.DateField(verbose_name="reviewed on")),
                (
                    "model_versions",
                    models.ManyToManyField(blank=True, related_name="supplier_reviews", to="compliance.modelversion"),
                ),
            ],
            options={
                "ordering": ("-reviewed_on", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("period_start__isnull", True),
                            ("period_end__gte", models.F("period_start")),
                            _connector="OR",
                        ),
                        name="supplier_report_period_in_order",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="customer_controls",
                        to="compliance.supplierreview",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("reference", models.CharField(blank=True, max_length=100, verbose_name="id in the report")),
                ("statement", models.TextField(verbose_name="what the report expects")),
                ("note", models.TextField(blank=True, verbose_name="why no control is needed")),
                (
                    "controls",
                    models.ManyToManyField(
                        blank=True, related_name="customer_controls", to="compliance.implementedcontrol"
                    ),
                ),
            ],
            options={
                "ordering": ("number",),
                "constraints": [
                    models.UniqueConstraint(fields=("review", "number"), name="customer_control_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TrailEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entry", to="compliance.ledgerevent"
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.aisystem",
                    ),
                ),
                ("payload", models.JSONField(verbose_name="payload")),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="RowChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table_name", models.CharField(max_length=64, verbose_name="table")),
                ("row_key", models.CharField(max_length=128, verbose_name="row")),
                ("operation", models.CharField(max_length=8, verbose_name="operation")),
                ("actor", models.CharField(blank=True, max_length=64, verbose_name="actor")),
                ("changed_at", models.DateTimeField(verbose_name="at")),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("families", models.JSONField(default=list, verbose_name="events")),
                ("sealed_secret", models.TextField(verbose_name="secret, encrypted")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("busy_until", models.DateTimeField(blank=True, null=True, verbose_name="being delivered to until")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failed tries in a row")),
                ("last_success_at", models.DateTimeField(blank=True, null=True, verbose_name="last delivery")),
            ],
            options={
                "ordering": ("name", "pk"),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="compliance.webhookendpoint",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.ledgerevent"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("given_up", "Given up")],
                        default=compliance.types.notices.DeliveryState["WAITING"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="tries")),
                ("next_at", models.DateTimeField(verbose_name="next try")),
                ("last_try_at", models.DateTimeField(blank=True, null=True, verbose_name="last try")),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="answer")),
                ("error", models.CharField(blank=True, max_length=200, verbose_name="what went wrong")),
                ("delivered_at", models.DateTimeField(blank=True, null=True, verbose_name="delivered")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [models.Index(fields=["endpoint", "state", "next_at"], name="webhook_delivery_waiting")],
                "constraints": [
                    models.UniqueConstraint(fields=("endpoint", "event"), name="webhook_delivery_once_per_event")
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkPaperKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_paper_key",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("salt", models.BinaryField(verbose_name="salt")),
                ("cost", models.PositiveIntegerField(verbose_name="cost")),
                ("block", models.PositiveIntegerField(verbose_name="block size")),
                ("lanes", models.PositiveIntegerField(verbose_name="parallelisation")),
                ("wrapped", models.BinaryField(verbose_name="wrapped key")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="wrong passphrases in a row")),
                ("locked_until", models.DateTimeField(null=True, verbose_name="locked until")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Engagement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("internal", "Internal audit"),
                            ("customer", "Customer audit"),
                            ("iso_stage_1", "ISO certification, stage 1"),
                            ("iso_stage_2", "ISO certification, stage 2"),
                            ("soc_2_type_1", "SOC 2 type 1"),
                            ("soc_2_type_2", "SOC 2 type 2"),
                            ("other", "Other"),
                        ],
                        default=compliance.types.engagements.EngagementKind["OTHER"],
                        max_length=32,
                        verbose_name="type",
                    ),
                ),
                ("criteria", models.TextField(blank=True, verbose_name="criteria")),
                ("edition", models.CharField(blank=True, max_length=100, verbose_name="edition")),
                ("entity", models.CharField(blank=True, max_length=200, verbose_name="entity")),
                ("accounts", models.JSONField(blank=True, default=list, verbose_name="accounts in scope")),
                ("regions", models.JSONField(blank=True, default=list, verbose_name="regions in scope")),
                ("as_of", models.DateField(blank=True, null=True, verbose_name="as of")),
                ("period_start", models.DateField(verbose_name="period from")),
                ("period_end", models.DateField(verbose_name="period to")),
                ("exclusions", models.TextField(blank=True, verbose_name="exclusions")),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="engagements_as_contact",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("fieldwork_on", models.DateField(blank=True, null=True, verbose_name="fieldwork from")),
                ("draft_on", models.DateField(blank=True, null=True, verbose_name="draft by")),
                ("response_on", models.DateField(blank=True, null=True, verbose_name="management's response by")),
                ("final_on", models.DateField(blank=True, null=True, verbose_name="final report by")),
                ("follow_up_on", models.DateField(blank=True, null=True, verbose_name="follow-up on")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("plan", "Plan"),
                            ("fieldwork", "Fieldwork"),
                            ("draft", "Draft report"),
                            ("management_response", "Management’s response"),
                            ("final", "Final report"),
                            ("follow_up", "Follow-up"),
                        ],
                        default=compliance.types.engagements.EngagementState["PLAN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("expires_at", models.DateTimeField(verbose_name="access ends at")),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("systems", models.ManyToManyField(related_name="engagements", to="compliance.aisystem")),
                (
                    "assessments",
                    models.ManyToManyField(blank=True, related_name="engagements", to="compliance.assessment"),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gte", models.F("period_start"))),
                        name="engagement_period_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("as_of__isnull", True),
                            models.Q(("as_of__gte", models.F("period_start")), ("as_of__lte", models.F("period_end"))),
                            _connector="OR",
                        ),
                        name="engagement_day_within_period",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="requests", to="compliance.engagement"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("text", models.TextField(blank=True, verbose_name="request")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="due on")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("in_progress", "In progress"),
                            ("answered", "Answered"),
                            ("accepted", "Accepted"),
                            ("clarification", "Clarification asked"),
                            ("denied", "Denied"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default=compliance.types.audit_requests.RequestState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="changed at")),
                (
                    "controls",
                    models.ManyToManyField(
                        blank=True, related_name="audit_requests", to="compliance.implementedcontrol"
                    ),
                ),
            ],
            options={
                "ordering": ("engagement", "number"),
                "indexes": [models.Index(fields=["state", "due_on"], name="compliance__state_e6b1e0_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("engagement", "number"), name="audit_request_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestReply",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replies",
                        to="compliance.auditrequest",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("text", models.TextField(blank=True, verbose_name="words")),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("in_progress", "In progress"),
                            ("answered", "Answered"),
                            ("accepted", "Accepted"),
                            ("clarification", "Clarification asked"),
                            ("denied", "Denied"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=32,
                        verbose_name="from",
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("in_progress", "In progress"),
                            ("answered", "Answered"),
                            ("accepted", "Accepted"),
                            ("clarification", "Clarification asked"),
                            ("denied", "Denied"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=32,
                        verbose_name="to",
                    ),
                ),
            ],
            options={
                "ordering": ("created_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="RequestEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attached",
                        to="compliance.auditrequest",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_requests",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "reply",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attached",
                        to="compliance.requestreply",
                    ),
                ),
                (
                    "attached_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("created_at", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("request", "evidence"), name="evidence_once_per_audit_request")
                ],
            },
        ),
        migrations.CreateModel(
            name="TestingScheme",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "engagement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="testing_scheme",
                        to="compliance.engagement",
                    ),
                ),
                ("rating_words", models.JSONField(default=list, verbose_name="ratings")),
                ("frequency_sizes", models.JSONField(default=list, verbose_name="sizes by frequency")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Population",
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
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="populations",
                        to="compliance.engagement",
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="populations",
                        to="compliance.aisystem",
                    ),
                ),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("job_events", "Job events"),
                            ("approvals", "Approvals of jobs"),
                            ("model_versions", "Model versions"),
                            ("evidence", "Evidence"),
                            ("findings", "Findings"),
                            ("list", "A list that was handed in"),
                        ],
                        max_length=32,
                        verbose_name="made of",
                    ),
                ),
                ("filters", models.JSONField(default=dict, verbose_name="filters")),
                ("period_start", models.DateField(verbose_name="period from")),
                ("period_end", models.DateField(verbose_name="period to")),
                ("stratify_by", models.CharField(blank=True, max_length=100, verbose_name="strata by column")),
                ("source_name", models.CharField(blank=True, max_length=300, verbose_name="file name of the list")),
                ("source_storage", models.CharField(blank=True, max_length=300, verbose_name="list kept as")),
                ("source_sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256 of the list")),
                ("stated_count", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="rows, as stated")),
                (
                    "total_column",
                    models.CharField(blank=True, max_length=100, verbose_name="column of the control total"),
                ),
                ("stated_total", models.CharField(blank=True, max_length=100, verbose_name="control total, as stated")),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="population", to="compliance.job"
                    ),
                ),
                ("count", models.PositiveBigIntegerField(null=True, verbose_name="rows")),
                ("root", models.CharField(blank=True, max_length=64, verbose_name="Merkle root")),
                ("storage_name", models.CharField(blank=True, max_length=300, verbose_name="rows kept as")),
                ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256 of the rows")),
                ("total", models.CharField(blank=True, max_length=100, verbose_name="control total, as counted")),
                ("strata", models.JSONField(default=dict, verbose_name="strata")),
                ("frozen_at", models.DateTimeField(null=True, verbose_name="frozen")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gte", models.F("period_start"))),
                        name="population_period_in_order",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlTest",
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
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_tests",
                        to="compliance.engagement",
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_tests",
                        to="compliance.implementedcontrol",
                    ),
                ),
                ("control_version", models.PositiveIntegerField(verbose_name="version of the control")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("walkthrough", "Walkthrough"),
                            ("design", "Test of design"),
                            ("implementation", "Test of implementation"),
                            ("operation", "Test of operating effectiveness"),
                        ],
                        max_length=32,
                        verbose_name="kind",
                    ),
                ),
                ("procedure", models.TextField(verbose_name="procedure")),
                ("methods", models.JSONField(default=list, verbose_name="methods")),
                ("asked", models.JSONField(default=list, verbose_name="attributes")),
                ("period_start", models.DateField(verbose_name="covers from")),
                ("period_end", models.DateField(verbose_name="covers to")),
                (
                    "population",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_tests",
                        to="compliance.population",
                    ),
                ),
                (
                    "check_run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_tests",
                        to="compliance.checkrun",
                    ),
                ),
                ("check_rules", models.JSONField(default=list, verbose_name="checks of the whole population")),
                (
                    "preparer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prepared_tests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("concluded", "Concluded, waits for its reviewer"),
                            ("agreed", "Agreed, not released"),
                            ("released", "Released"),
                        ],
                        default=compliance.types.testing.ControlTestState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "conclusion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("effective", "Effective"),
                            ("not_effective", "Not effective"),
                            ("none", "No conclusion"),
                        ],
                        max_length=32,
                        verbose_name="conclusion",
                    ),
                ),
                ("statement", models.TextField(blank=True, verbose_name="on what the conclusion rests")),
                ("concluded_at", models.DateTimeField(null=True, verbose_name="concluded")),
                (
                    "reviewer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviewed_tests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("review_note", models.TextField(blank=True, verbose_name="note of the reviewer")),
                ("reviewed_at", models.DateTimeField(null=True, verbose_name="reviewed")),
                (
                    "released_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("released_at", models.DateTimeField(null=True, verbose_name="released")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("period_end__gte", models.F("period_start"))),
                        name="control_test_period_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reviewer__isnull", True),
                            models.Q(("reviewer", models.F("preparer")), _negated=True),
                            _connector="OR",
                        ),
                        name="control_test_reviewed_by_another",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="compliance.controltest"
                    ),
                ),
                (
                    "population",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="compliance.population"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="draw")),
                (
                    "extends",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extensions",
                        to="compliance.sample",
                    ),
                ),
                (
                    "selection",
                    models.CharField(
                        choices=[
                            ("statistical", "By confidence and rates"),
                            ("fixed", "A fixed size"),
                            ("frequency", "By the frequency of the control"),
                            ("judgemental", "By judgement"),
                            ("targeted", "Targeted"),
                        ],
                        max_length=32,
                        verbose_name="chosen by",
                    ),
                ),
                ("seed", models.CharField(blank=True, max_length=64, verbose_name="seed")),
                ("sizes", models.JSONField(default=dict, verbose_name="sizes")),
                ("plan", models.JSONField(default=dict, verbose_name="plan")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                (
                    "drawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("test", "number"),
                "constraints": [models.UniqueConstraint(fields=("test", "number"), name="sample_number_once")],
            },
        ),
        migrations.CreateModel(
            name="SampledInstance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="instances",
                        to="compliance.controltest",
                    ),
                ),
                (
                    "sample",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="instances",
                        to="compliance.sample",
                    ),
                ),
                ("stratum", models.CharField(blank=True, max_length=200, verbose_name="stratum")),
                ("rank", models.PositiveIntegerField(verbose_name="rank")),
                ("row_id", models.CharField(max_length=300, verbose_name="identifier of the row")),
                ("row", models.JSONField(default=dict, verbose_name="row")),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="compliance.sampledinstance",
                    ),
                ),
                ("voided_at", models.DateTimeField(null=True, verbose_name="voided")),
                (
                    "voided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("void_reason", models.TextField(blank=True, verbose_name="why it is void")),
                (
                    "source_check",
                    models.CharField(
                        blank=True,
                        choices=[("agrees", "Agrees with the source"), ("differs", "Differs from the source")],
                        max_length=32,
                        verbose_name="held against the source",
                    ),
                ),
                ("source_note", models.TextField(blank=True, verbose_name="what the source showed")),
                ("source_checked_at", models.DateTimeField(null=True, verbose_name="held against the source at")),
                (
                    "source_checked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("test", "stratum", "rank", "pk"),
                "indexes": [models.Index(fields=["test", "sample"], name="compliance__test_id_813c12_idx")],
            },
        ),
        migrations.CreateModel(
            name="AttributeResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "instance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="results",
                        to="compliance.sampledinstance",
                    ),
                ),
                ("attribute", models.CharField(max_length=8, verbose_name="attribute")),
                (
                    "result",
                    models.CharField(
                        choices=[("pass", "Pass"), ("exception", "Exception"), ("not_applicable", "Not applicable")],
                        max_length=32,
                        verbose_name="result",
                    ),
                ),
                ("note", models.TextField(blank=True, verbose_name="note")),
                (
                    "evidence",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="test_results",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("decided_at", models.DateTimeField(verbose_name="decided at")),
            ],
            options={
                "ordering": ("instance", "attribute"),
                "constraints": [
                    models.UniqueConstraint(fields=("instance", "attribute"), name="attribute_once_per_instance")
                ],
            },
        ),
        migrations.CreateModel(
            name="EngagementMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="compliance.engagement"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="engagement_parts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("lead", "Lead auditor"),
                            ("auditor", "Auditor"),
                            ("specialist", "Specialist"),
                            ("reviewer", "Reviewer"),
                            ("observer", "Observer"),
                        ],
                        default=compliance.types.engagements.TeamPart["AUDITOR"],
                        max_length=32,
                        verbose_name="part",
                    ),
                ),
                ("independence", models.TextField(blank=True, verbose_name="statement of independence")),
                ("independence_at", models.DateTimeField(blank=True, null=True, verbose_name="stated at")),
            ],
            options={
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(fields=("engagement", "user"), name="on_the_team_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("independence_at__isnull", True),
                            models.Q(("independence", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="independence_has_words",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EngagementMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="compliance.engagement"
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("plan", "Plan"),
                            ("fieldwork", "Fieldwork"),
                            ("draft", "Draft report"),
                            ("management_response", "Management’s response"),
                            ("final", "Final report"),
                            ("follow_up", "Follow-up"),
                        ],
                        max_length=32,
                        verbose_name="from",
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("plan", "Plan"),
                            ("fieldwork", "Fieldwork"),
                            ("draft", "Draft report"),
                            ("management_response", "Management’s response"),
                            ("final", "Final report"),
                            ("follow_up", "Follow-up"),
                        ],
                        max_length=32,
                        verbose_name="to",
                    ),
                ),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                (
                    "moved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("created_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="AuditorRead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("read_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                (
                    "reader",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reads", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "engagement",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reads",
                        to="compliance.engagement",
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("looked", "Looked at"),
                            ("listed", "Listed"),
                            ("exported", "Exported"),
                            ("downloaded", "Downloaded"),
                        ],
                        max_length=32,
                        verbose_name="act",
                    ),
                ),
                ("what", models.CharField(max_length=100, verbose_name="what")),
                ("subject", models.CharField(blank=True, max_length=200, verbose_name="subject")),
                ("by_token", models.BooleanField(default=False, verbose_name="by token")),
            ],
            options={
                "ordering": ("-read_at", "-pk"),
                "indexes": [
                    models.Index(fields=["engagement", "-read_at"], name="compliance__engagem_bc3d36_idx"),
                    models.Index(fields=["reader", "-read_at"], name="compliance__reader__a6b793_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkPaperNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_paper_notes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_paper_notes",
                        to="compliance.engagement",
                    ),
                ),
                ("sealed", models.BinaryField(verbose_name="ciphertext")),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="changed at")),
            ],
            options={
                "ordering": ("-changed_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="AuditFinding",
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
                    "engagement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_findings",
                        to="compliance.engagement",
                    ),
                ),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_findings",
                        to="compliance.controltest",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("condition", models.TextField(verbose_name="condition: what was found")),
                ("criteria", models.TextField(verbose_name="criteria: what should be")),
                ("cause", models.TextField(blank=True, verbose_name="cause")),
                ("effect", models.TextField(blank=True, verbose_name="effect")),
                ("rating", models.CharField(max_length=64, verbose_name="rating")),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("critical", "Critical"),
                            ("high", "High"),
                            ("medium", "Medium"),
                            ("low", "Low"),
                            ("informational", "Informational"),
                        ],
                        max_length=32,
                        verbose_name="severity",
                    ),
                ),
                (
                    "repeats",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repeated_by",
                        to="compliance.auditfinding",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("issued", "Waits for management’s response"),
                            ("answered", "Answered by management"),
                            ("accepted", "Response accepted, to be followed up"),
                            ("closed", "Closed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default=compliance.types.testing.AuditFindingState["DRAFT"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "finding",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_finding",
                        to="compliance.finding",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("issued_at", models.DateTimeField(null=True, verbose_name="issued")),
                (
                    "agreement",
                    models.CharField(
                        blank=True,
                        choices=[("agree", "Agrees"), ("partly", "Agrees in part"), ("disagree", "Disagrees")],
                        max_length=32,
                        verbose_name="management",
                    ),
                ),
                ("response", models.TextField(blank=True, verbose_name="management's response")),
                ("action", models.TextField(blank=True, verbose_name="action")),
                (
                    "action_owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions_for_findings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("action_due_on", models.DateField(blank=True, null=True, verbose_name="action by")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed")),
                (
                    "results",
                    models.ManyToManyField(blank=True, related_name="audit_findings", to="compliance.attributeresult"),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("engagement", "number"), name="audit_finding_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditFindingEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "audit_finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="compliance.auditfinding",
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("issue", "Issued to management"),
                            ("respond", "Management responded"),
                            ("send_back", "Response sent back"),
                            ("accept", "Response accepted"),
                            ("still_open", "Followed up: still open"),
                            ("close", "Followed up: closed"),
                            ("withdraw", "Withdrawn"),
                        ],
                        max_length=32,
                        verbose_name="act",
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("issued", "Waits for management’s response"),
                            ("answered", "Answered by management"),
                            ("accepted", "Response accepted, to be followed up"),
                            ("closed", "Closed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=32,
                        verbose_name="from",
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("issued", "Waits for management’s response"),
                            ("answered", "Answered by management"),
                            ("accepted", "Response accepted, to be followed up"),
                            ("closed", "Closed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=32,
                        verbose_name="to",
                    ),
                ),
                ("words", models.TextField(blank=True, verbose_name="what was said")),
                (
                    "evidence",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.evidence",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("audit_finding", "created_at", "pk"),
            },
        ),
        migrations.CreateModel(
            name="EvidenceLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links", to="compliance.evidence"
                    ),
                ),
                (
                    "answer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_links",
                        to="compliance.answer",
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_links",
                        to="compliance.finding",
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_links",
                        to="compliance.implementedcontrol",
                    ),
                ),
                ("note", models.TextField(blank=True, verbose_name="what it shows")),
                (
                    "linked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("created_at",),
                "constraints": [
                    models.UniqueConstraint(fields=("evidence", "answer"), name="evidence_once_per_answer"),
                    models.UniqueConstraint(fields=("evidence", "finding"), name="evidence_once_per_finding"),
                    models.UniqueConstraint(fields=("evidence", "control"), name="evidence_once_per_control"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Closing",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closings", to="compliance.aisystem"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Awaits confirmation"),
                            ("confirmed", "Confirmed"),
                            ("returned", "Returned"),
                            ("lapsed", "Fallen away"),
                        ],
                        default=compliance.types.risk_life.ClosingState["PROPOSED"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                ("basis", models.JSONField(default=list, verbose_name="new evidence")),
                (
                    "observation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.observation",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided at")),
                ("note", models.TextField(blank=True, verbose_name="note of the decision")),
                ("risks", models.ManyToManyField(related_name="closings", to="compliance.risk")),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
                "indexes": [models.Index(fields=["system", "state", "-created_at"], name="closing_waiting")],
            },
        ),
        migrations.CreateModel(
            name="RemediationItem",
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
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to="compliance.aisystem",
                    ),
                ),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("description", models.TextField(blank=True, verbose_name="what is to be done")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("in_progress", "In progress"),
                            ("blocked", "Blocked"),
                            ("done", "Work done, awaiting evidence"),
                            ("closed", "Closed"),
                        ],
                        default=compliance.types.states.RemediationState["OPEN"],
                        max_length=32,
                        verbose_name="state",
                    ),
                ),
                (
                    "effort_planned",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort planned, person-days"),
                ),
                (
                    "effort_spent",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=7, verbose_name="effort spent, person-days"
                    ),
                ),
                (
                    "estimate_low",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, low, person-days"),
                ),
                (
                    "estimate_likely",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, likely, person-days"),
                ),
                (
                    "estimate_high",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, high, person-days"),
                ),
                (
                    "remaining",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort remaining, person-days"),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                ("original_due_on", models.DateField(verbose_name="originally due on")),
                ("slips", models.PositiveIntegerField(default=0, verbose_name="slips")),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to="compliance.team",
                    ),
                ),
                ("work_role", models.CharField(blank=True, max_length=100, verbose_name="role that does the work")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("finding", "Finding"),
                            ("control_gap", "Gap of a control"),
                            ("management_response", "Response to an auditor’s finding"),
                            ("playbook", "Playbook"),
                        ],
                        default=compliance.types.plans.ItemSource["FINDING"],
                        max_length=32,
                        verbose_name="opened from",
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to="compliance.implementedcontrol",
                    ),
                ),
                (
                    "statement_line",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to="compliance.statementline",
                    ),
                ),
                (
                    "control_test",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="remediation_items",
                        to="compliance.controltest",
                    ),
                ),
                ("playbook_task", models.SlugField(blank=True, max_length=64, verbose_name="task of the playbook")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                (
                    "closing_observation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.observation",
                    ),
                ),
                ("ticket_key", models.CharField(blank=True, max_length=100, verbose_name="ticket")),
                ("ticket_url", models.CharField(blank=True, max_length=500, verbose_name="address of the ticket")),
                ("risks", models.ManyToManyField(related_name="items", to="compliance.risk")),
            ],
            options={
                "ordering": ("due_on", "pk"),
                "indexes": [
                    models.Index(fields=["state", "due_on", "id"], name="item_due_of_state"),
                    models.Index(fields=["owner", "state"], name="item_of_owner"),
                    models.Index(fields=["playbook_task", "state"], name="item_of_playbook"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Milestone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="milestones",
                        to="compliance.remediationitem",
                    ),
                ),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                ("due_on", models.DateField(verbose_name="due on")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="done at")),
                (
                    "done_by",
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
                "ordering": ("item", "due_on", "pk"),
            },
        ),
        migrations.CreateModel(
            name="ItemDependency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dependencies",
                        to="compliance.remediationitem",
                    ),
                ),
                (
                    "needs",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dependents",
                        to="compliance.remediationitem",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("item", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("item", "needs"), name="item_dependency_once"),
                    models.CheckConstraint(
                        condition=models.Q(("item", models.F("needs")), _negated=True), name="item_depends_on_another"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RemediationComment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="compliance.remediationitem",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("text", models.TextField(verbose_name="comment")),
            ],
            options={
                "ordering": ("created_at", "pk"),
                "indexes": [models.Index(fields=["item", "created_at"], name="comment_of_item")],
            },
        ),
        migrations.CreateModel(
            name="Baseline",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baselines",
                        to="compliance.remediationitem",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("scope", models.TextField(verbose_name="scope")),
                (
                    "effort_low",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort, low, person-days"),
                ),
                (
                    "effort_likely",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort, likely, person-days"),
                ),
                (
                    "effort_high",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort, high, person-days"),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("item", "number"),
                "constraints": [models.UniqueConstraint(fields=("item", "number"), name="baseline_number_once")],
            },
        ),
        migrations.CreateModel(
            name="BaselineDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "baseline",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="decision", to="compliance.baseline"
                    ),
                ),
                ("is_approved", models.BooleanField(verbose_name="approved")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("baseline",),
            },
        ),
        migrations.CreateModel(
            name="PlanUpdate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_updates",
                        to="compliance.remediationitem",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "estimate_low",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, low, person-days"),
                ),
                (
                    "estimate_likely",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, likely, person-days"),
                ),
                (
                    "estimate_high",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="estimate, high, person-days"),
                ),
                (
                    "remaining",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="effort remaining, person-days"),
                ),
                ("due_on", models.DateField(verbose_name="due on")),
                ("slip_days", models.IntegerField(default=0, verbose_name="days later")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("opened", "As opened"),
                            ("progress", "Progress as it is"),
                            ("learned_more", "More is known now"),
                            ("scope_changed", "The scope changed"),
                            ("waits_for_others", "Waits for others"),
                            ("people_not_free", "People were not free"),
                            ("test_failed", "A test still found it"),
                            ("priority_changed", "Something else went first"),
                            ("correction", "Correction of a mistake"),
                        ],
                        max_length=32,
                        verbose_name="reason",
                    ),
                ),
                ("note", models.TextField(blank=True, verbose_name="note")),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("item", "number"),
                "indexes": [models.Index(fields=["created_at", "slip_days"], name="plan_update_slips")],
                "constraints": [models.UniqueConstraint(fields=("item", "number"), name="plan_update_number_once")],
            },
        ),
        migrations.CreateModel(
            name="WorkEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_entries",
                        to="compliance.remediationitem",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="work_entries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=7, verbose_name="amount")),
                (
                    "unit",
                    models.CharField(
                        choices=[("hours", "Hours"), ("days", "Days")], max_length=32, verbose_name="unit"
                    ),
                ),
                ("person_days", models.DecimalField(decimal_places=4, max_digits=9, verbose_name="person-days")),
                ("work_role", models.CharField(blank=True, max_length=100, verbose_name="in the role of")),
                ("what", models.CharField(max_length=1000, verbose_name="what was done")),
                (
                    "remaining_after",
                    models.DecimalField(decimal_places=2, max_digits=7, verbose_name="remaining then, person-days"),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="compliance.workentry",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-day", "-pk"),
                "indexes": [models.Index(fields=["day"], name="work_entry_day")],
            },
        ),
        migrations.AddField(
            model_name="engagement",
            name="auditors",
            field=models.ManyToManyField(
                related_name="engagements", through="compliance.EngagementMember", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="auditfinding",
            name="item",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="audit_findings",
                to="compliance.remediationitem",
            ),
        ),
        migrations.AddField(
            model_name="evidencelink",
            name="remediation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="evidence_links",
                to="compliance.remediationitem",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencelink",
            constraint=models.UniqueConstraint(
                fields=("evidence", "remediation"), name="evidence_once_per_remediation"
            ),
        ),
        migrations.AddField(
            model_name="closing",
            name="item",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="closings",
                to="compliance.remediationitem",
            ),
        ),
        migrations.AddConstraint(
            model_name="closing",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("item__isnull", False), ("state", compliance.types.risk_life.ClosingState["PROPOSED"])
                ),
                fields=("item",),
                name="closing_one_proposed",
            ),
        ),
        migrations.AddField(
            model_name="remediationitem",
            name="baseline",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="baseline_of",
                to="compliance.baseline",
            ),
        ),
        migrations.AddField(
            model_name="remediationitem",
            name="needs",
            field=models.ManyToManyField(
                blank=True,
                related_name="needed_by",
                through="compliance.ItemDependency",
                to="compliance.remediationitem",
            ),
        ),
        migrations.RunPython(begin_with_shipped_terms, migrations.RunPython.noop),
    ]
