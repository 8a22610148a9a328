from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# What was computed by number until now is named by the content from now on.
NAMED = {
    1: {"computed": ["training_data"], "checks": ["dataset-not-verified", "dataset-changed"]},
    2: {
        "computed": ["submitters", "access_review"],
        "checks": [
            "submitter-not-approved",
            "submitter-cannot-be-told",
            "approved-own-job",
            "job-without-approval",
            "approval-after-start",
            "approval-without-digests",
            "used-not-entitled",
            "entitled-unused",
            "denied-burst",
            "outside-change-window",
        ],
    },
    3: {
        "computed": ["inherited_models"],
        "checks": ["base-model-unknown", "base-model-not-scanned", "base-model-changed", "output-not-signed"],
    },
    4: {"computed": ["job_log"], "checks": ["log-gap", "submitter-cannot-be-told"]},
}


def give_technique(apps: Any, schema_editor: Any) -> None:
    """All questions so far are about AML.T0018."""
    technique = apps.get_model("compliance", "Technique").objects.filter(atlas_id="AML.T0018").first()
    for question in apps.get_model("compliance", "AuditQuestion").objects.all():
        question.technique = technique
        question.facts = {**question.facts, **NAMED.get(question.number, {})}
        question.save(update_fields=["technique", "facts"])
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0010_answers_assigned_and_bound"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditquestion",
            name="technique",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="questions",
                to="compliance.technique",
            ),
        ),
        migrations.RunPython(give_technique, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="auditquestion",
            name="technique",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="questions", to="compliance.technique"
            ),
        ),
        migrations.AlterField(
            model_name="auditquestion",
            name="number",
            field=models.PositiveSmallIntegerField(verbose_name="number"),
        ),
        migrations.AlterModelOptions(name="auditquestion", options={"ordering": ("technique__atlas_id", "number")}),
        migrations.AddConstraint(
            model_name="auditquestion",
            constraint=models.UniqueConstraint(
                fields=("technique", "number"), name="question_number_once_per_technique"
            ),
        ),
    ]
