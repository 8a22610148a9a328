"""Monthly summaries that tell what work costs are marked as such."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("compliance", "0003_pack_files")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="remediationsummary",
            name="has_costs",
            field=models.BooleanField(default=False, verbose_name="with costs"),
        ),
    ]
