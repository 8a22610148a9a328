from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def take_over(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """What findings said until now is what their reports state."""
    apps.get_model("compliance", "Finding").objects.update(severity_by_rule=F("severity"))


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0010_severity_by_hand"),
    ]

    operations = [
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
