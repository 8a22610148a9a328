import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0009_controlreview"),
    ]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="alone_reason",
            field=models.TextField(blank=True, verbose_name="why nobody else approved it"),
        ),
        migrations.AddField(
            model_name="answer",
            name="approved_on",
            field=models.JSONField(blank=True, default=list, verbose_name="evidence as it was approved"),
        ),
        migrations.AddField(
            model_name="answer",
            name="assignee",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assigned_answers",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="delegate",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegated_answers",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="due_on",
            field=models.DateField(blank=True, null=True, verbose_name="due on"),
        ),
        migrations.AddField(
            model_name="answer",
            name="justification",
            field=models.TextField(blank=True, verbose_name="why approved over contradictions"),
        ),
        migrations.AddField(
            model_name="answer",
            name="justified",
            field=models.JSONField(blank=True, default=list, verbose_name="contradictions approved over"),
        ),
        migrations.AddField(
            model_name="answer",
            name="reviewer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reviewed_answers",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
