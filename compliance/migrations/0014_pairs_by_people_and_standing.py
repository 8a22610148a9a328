import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0014_third_parties"),
    ]

    operations = [
        migrations.AddField(
            model_name="aisystem",
            name="is_systemic",
            field=models.BooleanField(blank=True, null=True, verbose_name="general-purpose model with systemic risk"),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="legal_roles",
            field=models.JSONField(blank=True, default=list, verbose_name="roles of the organisation"),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="on_market_since",
            field=models.DateField(blank=True, null=True, verbose_name="first on the market"),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="risk_class",
            field=models.CharField(
                choices=[
                    ("not-assessed", "Not assessed yet"),
                    ("high-risk-annex-iii", "High-risk, by Annex III"),
                    ("high-risk-annex-i", "High-risk, by Annex I"),
                    ("transparency", "Transparency duties only"),
                    ("minimal", "None of these"),
                ],
                default="not-assessed",
                max_length=32,
                verbose_name="class",
            ),
        ),
        migrations.AddField(
            model_name="aisystem",
            name="standing_reason",
            field=models.TextField(blank=True, verbose_name="on what role and class rest"),
        ),
        migrations.AddField(
            model_name="mappingpair",
            name="author",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="written_pairs",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="mappingpair",
            name="reason",
            field=models.TextField(blank=True, verbose_name="why it is retired"),
        ),
        migrations.AlterField(
            model_name="mappingpair",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("approved", "Approved"),
                    ("rejected", "Rejected"),
                    ("retired", "Retired"),
                ],
                default="draft",
                max_length=32,
                verbose_name="state",
            ),
        ),
    ]
