"""Many rows into one table, as fast as the database takes them: COPY on PostgreSQL, one prepared statement on SQLite.

`bulk_create` builds a statement of thousands of parameters for every few hundred rows; with ten thousand rows that is
most of the time of an import. What this does not do: conflicts, and tables that inherit from others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

Convert = Callable[[Any], Any]


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model and give each its primary key. All rows are recorded as of one moment."""
    if not rows:
        return
    model = type(rows[0])
    fields = model._meta.concrete_fields
    now = timezone.now()
    with transaction.atomic():
        for key, row in zip(_reserved(model, len(rows)), rows, strict=True):
            row.pk = key
            for field in fields:
                if getattr(field, "auto_now_add", False):
                    setattr(row, field.attname, now)
            row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as Django's own bulk_create does
        converts = [(field.attname, _convert_of(field)) for field in fields]
        insert_values(
            model=model,
            columns=[str(field.column) for field in fields],
            rows=(tuple(convert(getattr(row, name)) for name, convert in converts) for row in rows),
        )


def insert_values(*, model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows that are values for these columns already: JSON and times as text, identifiers as the database has them."""
    names = ", ".join(f'"{column}"' for column in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', list(rows))  # noqa: S608 - our own names


def update(rows: Sequence[models.Model], *, names: Sequence[str]) -> None:
    """Write these fields of each row: one prepared statement, where `bulk_update` makes a CASE of thousands of branches."""
    if not rows:
        return
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if field.name in names]
    converts = [(field.attname, _convert_of(field)) for field in fields]
    assigned = ", ".join(f'"{field.column}" = %s' for field in fields)
    key = model._meta.pk
    assert key is not None
    with connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{model._meta.db_table}" SET {assigned} WHERE "{key.column}" = %s',  # noqa: S608 - our own names
            [(*(convert(getattr(row, name)) for name, convert in converts), row.pk) for row in rows],
        )


def _reserved(model: type[models.Model], count: int) -> Sequence[int]:
    """Primary keys that nobody else gets. On SQLite the transaction that this is called in holds the one writer."""
    table, key = model._meta.db_table, model._meta.pk
    assert isinstance(key, models.AutoField | models.BigAutoField)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [f'"{table}"', key.column, count],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
    last = found[0] if found else 0
    return range(last + 1, last + 1 + count)


def _convert_of(field: models.Field[Any, Any]) -> Convert:
    """From an attribute of a row to what the driver takes for this field."""
    if isinstance(field, models.JSONField):
        return as_json
    if isinstance(field, models.DateTimeField):
        return _as_moment
    if isinstance(field, models.CharField | models.TextField):
        return _as_text
    if isinstance(field, models.AutoField | models.BigAutoField | models.ForeignKey | models.IntegerField):
        return _as_it_is
    return lambda value: field.get_db_prep_save(value, connection)


def as_json(value: Any) -> str:
    """A value as the text that a JSON column takes on either database."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _as_moment(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _as_it_is(value: Any) -> Any:
    return value
