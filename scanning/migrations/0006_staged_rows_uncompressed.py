from typing import Any

from django.db import migrations


def keep_uncompressed(_apps: Any, schema_editor: Any) -> None:
    """Staged rows live for seconds: PostgreSQL need not compress them on the way in and unpack them on the way out."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE scanning_stagedrow ALTER COLUMN payload SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = [("scanning", "0005_column_mappings")]

    operations = [migrations.RunPython(keep_uncompressed, migrations.RunPython.noop)]
