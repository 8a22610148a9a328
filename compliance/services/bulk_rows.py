"""Many rows into one table, as fast as the database takes them: COPY on PostgreSQL, one prepared statement on SQLite.

`bulk_create` builds a statement of thousands of parameters for every few hundred rows; with ten thousand rows that is
most of the time of an import. What this does not do: conflicts, and tables that inherit from others.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

Convert = Callable[[Any], Any]
_AS_IT_IS = (
    models.CharField, models.TextField, models.IntegerField, models.AutoField, models.BigAutoField, models.ForeignKey,
)  # fmt: skip


def as_json(value: Any) -> str:
    """A value as the text that a JSON column takes on either database."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Tens of thousands of rows are made, none of them in a cycle: the collector would walk all of them over and over."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
        values = _values_of(fields)
        insert_values(model=model, columns=[str(field.column) for field in fields], rows=map(values, rows))


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
    key = model._meta.pk
    assert key is not None
    values = _values_of([*fields, key])
    assigned = ", ".join(f'"{field.column}" = %s' for field in fields)
    with connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{model._meta.db_table}" SET {assigned} WHERE "{key.column}" = %s',  # noqa: S608 - our own names
            list(map(values, rows)),
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


def _values_of(fields: Sequence[models.Field[Any, Any]]) -> Callable[[models.Model], Sequence[Any]]:
    """From a row to what the driver takes for these fields, in their order."""
    converted = [(place, convert) for place, field in enumerate(fields) if (convert := _convert_of(field))]
    read = attrgetter(*(field.attname for field in fields))

    def values(row: models.Model) -> list[Any]:
        found = list(read(row))
        for place, convert in converted:
            found[place] = convert(found[place])
        return found

    return values


def _convert_of(field: models.Field[Any, Any]) -> Convert | None:
    """From an attribute of a row to what the driver takes for this field; None where that is the same."""
    if isinstance(field, models.JSONField):
        return as_json
    if isinstance(field, models.DateTimeField):
        adapt: Convert = connection.ops.adapt_datetimefield_value
        return adapt
    if isinstance(field, _AS_IT_IS):
        return None
    return lambda value: field.get_db_prep_save(value, connection)
