from typing import Any

from django.db import migrations, models

from compliance.types.job_identity import job_key

_BATCH = 1000


def give_keys(apps: Any, _schema_editor: Any) -> None:
    """Events on record get the key of their job, so that they count like those that are imported from now on."""
    events = apps.get_model("compliance", "JobEvent").objects
    last = 0
    while rows := list(events.filter(pk__gt=last).order_by("pk").only("pk", "source", "job_id", "job_key")[:_BATCH]):
        for row in rows:
            row.job_key = job_key(source=row.source, job_id=row.job_id)
        events.bulk_update(rows, ["job_key"], batch_size=200)
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0011_questions_of_a_technique"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="jobevent", name="compliance__system__fd9f31_idx"),
        migrations.AddField(
            model_name="jobevent",
            name="job_key",
            field=models.CharField(blank=True, max_length=64, verbose_name="which job it is, whoever tells of it"),
        ),
        migrations.AddField(
            model_name="jobevent",
            name="names_committed",
            field=models.BooleanField(
                default=False, verbose_name="session and on behalf of are signed by commitments"
            ),
        ),
        migrations.RunPython(give_keys, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="jobevent",
            index=models.Index(
                fields=[
                    "system", "action_class", "outcome", "occurred_at", "actor", "job_key", "source", "role"
                ],
                name="job_event_counted",
            ),
        ),
    ]  # fmt: skip
