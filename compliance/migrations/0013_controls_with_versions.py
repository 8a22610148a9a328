import uuid
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_PLAIN = ("statement", "performer", "frequency", "scope", "nature", "control_type", "is_key")


def carry_over(apps: Any, schema_editor: Any) -> None:
    """A row for each version becomes one control with its versions."""
    control_model = apps.get_model("compliance", "ImplementedControl")
    by_control: dict[tuple[int, int], list[Any]] = {}
    for row in control_model.objects.select_related("reference").order_by("version"):
        by_control.setdefault((row.system_id, row.reference_id), []).append(row)
    for rows in by_control.values():
        _merge(apps, rows)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered


def _merge(apps: Any, rows: list[Any]) -> None:
    last = rows[-1]
    last.control_id, last.title = last.reference.control_id, last.reference.title
    last.save(update_fields=["control_id", "title"])
    last.references.set([last.reference])
    for row in rows:
        _keep(apps, last, row)
    links = apps.get_model("compliance", "EvidenceLink").objects
    held = set(links.filter(control=last).values_list("evidence_id", flat=True))
    for link in links.filter(control__in=rows[:-1]).order_by("pk"):
        if link.evidence_id in held:
            link.delete()
            continue
        held.add(link.evidence_id)
        link.control = last
        link.save(update_fields=["control"])
    for row in rows[:-1]:
        row.delete()


def _keep(apps: Any, control: Any, row: Any) -> None:
    """The version with who made it, as the ledger has it."""
    entries = apps.get_model("compliance", "TrailEntry").objects
    entry = entries.filter(event__subject_uuid=row.uuid, event__kind="control.adopted").first()
    terms = {
        "control_id": control.control_id,
        "title": control.title,
        "basis": "adopted",
        **{name: getattr(row, name) for name in _PLAIN},
        "systems": [],
        "accounts": [],
        "effective_from": row.effective_from.isoformat(),
        "references": [control.control_id],
        "requirements": [],
    }
    version = apps.get_model("compliance", "ControlVersion").objects.create(
        control=control,
        version=row.version,
        act="adopted" if row.version == 1 else "changed",
        terms=terms,
        owner_id=row.owner_id,
        made_by_id=(entry.actor_id if entry else None) or row.owner_id,
    )
    type(version).objects.filter(pk=version.pk).update(created_at=row.created_at)


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0012_jobs_by_key_and_names_by_commitment"),
    ]

    operations = [
        migrations.AlterField(
            model_name="implementedcontrol",
            name="reference",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compliance.referencecontrol"
            ),
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="references",
            field=models.ManyToManyField(related_name="implementations", to="compliance.referencecontrol"),
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="control_id",
            field=models.CharField(default="", max_length=32, verbose_name="own id"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="title",
            field=models.CharField(default="", max_length=300, verbose_name="title"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="basis",
            field=models.CharField(
                choices=[
                    ("adopted", "Adopted as the template says"),
                    ("adapted", "Adapted: it differs from the template"),
                ],
                default="adopted",
                max_length=32,
                verbose_name="adopted or adapted",
            ),
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="systems",
            field=models.JSONField(blank=True, default=list, verbose_name="systems in scope"),
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="accounts",
            field=models.JSONField(blank=True, default=list, verbose_name="accounts in scope"),
        ),
        migrations.AddField(
            model_name="implementedcontrol",
            name="retired_on",
            field=models.DateField(blank=True, null=True, verbose_name="retired on"),
        ),
        migrations.CreateModel(
            name="ControlRequirement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                ("requirement_id", models.CharField(max_length=100, verbose_name="requirement")),
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
            ],
            options={
                "ordering": ("framework__key", "requirement_id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("control", "framework", "requirement_id"),
                        name="control_requirement_once_per_control",
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
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="compliance.implementedcontrol",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "owner",
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
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="implementedcontrol", name="implemented_control_version_once"),
        migrations.AlterModelOptions(name="implementedcontrol", options={"ordering": ("control_id", "pk")}),
        migrations.RemoveField(model_name="implementedcontrol", name="reference"),
        migrations.AlterField(
            model_name="implementedcontrol",
            name="nature",
            field=models.CharField(
                choices=[("manual", "Manual"), ("automated", "Automated"), ("it-dependent", "IT-dependent")],
                max_length=32,
                verbose_name="manual, automated or IT-dependent",
            ),
        ),
        migrations.AlterField(
            model_name="implementedcontrol",
            name="control_type",
            field=models.CharField(
                choices=[("preventive", "Preventive"), ("detective", "Detective"), ("corrective", "Corrective")],
                max_length=32,
                verbose_name="preventive, detective or corrective",
            ),
        ),
        migrations.AddConstraint(
            model_name="implementedcontrol",
            constraint=models.UniqueConstraint(fields=("system", "control_id"), name="control_id_once_per_system"),
        ),
    ]
