"""Many rows into one table, as fast as the database takes them: COPY on PostgreSQL, one prepared statement on SQLite.

`bulk_create` builds a statement of thousands of parameters for every few hundred rows; with ten thousand rows that is
most of the time of an import. What this does not do: conflicts, and tables that inherit from others.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

Convert = Callable[[Any], Any]
ModelT = TypeVar("ModelT", bound=models.Model)
_AS_IT_IS = (
    models.CharField, models.TextField, models.IntegerField, models.AutoField, models.BigAutoField, models.ForeignKey,
    models.BooleanField,
)  # fmt: skip
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def as_json(value: Any) -> str:
    """A value as the text that a JSON column takes on either database."""
    return _as_json(value)


@models.Field.register_lookup
@models.ForeignKey.register_lookup
class Among(models.Lookup):
    """`fingerprint__among=[…]`: as `__in` for thousands of values, with one parameter where Django makes one of each.

    Texts or whole numbers. On PostgreSQL an array and no subquery: whatever it knows of a table that is being filled, it then
    looks at each row once.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The condition, and its parameters."""
        column, parameters = self.process_lhs(compiler, connection)
        values = list(self.rhs)
        if not values:
            raise EmptyResultSet
        if connection.vendor == "postgresql":
            kind = "bigint" if all(isinstance(value, int) for value in values) else "text"
            return f"{column} = ANY(%s::{kind}[])", (*parameters, values)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*parameters, as_json(values))  # noqa: S608 # nosec B608


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


def create(model: type[ModelT], *, names: Sequence[str], values: Sequence[Sequence[Any]]) -> list[ModelT]:
    """Insert rows and answer them. names: attributes that are given (`system_id`, not `system`); values: of one row each.

    Other attributes get their defaults; all rows are recorded as of one moment.
    """
    if not values:
        return []
    fields = _written(model)
    attributes = [field.attname for field in fields]
    assert set(names) <= set(attributes)
    given = dict(zip(names, zip(*values, strict=True), strict=True))
    with transaction.atomic():
        columns = _columns(model, len(values), given)
        stored = [_converted(field, column) for field, column in zip(fields, columns, strict=True)]
        insert_values(model=model, columns=[str(field.column) for field in fields], rows=zip(*stored, strict=True))
    return [model.from_db(DEFAULT_DB_ALIAS, attributes, row) for row in zip(*columns, strict=True)]


def _columns(model: type[models.Model], count: int, given: Mapping[str, Sequence[Any]]) -> list[Sequence[Any]]:
    """The values of so many rows, by field: as given, else as the model says."""
    now = timezone.now()

    def column(field: models.Field[Any, Any]) -> Sequence[Any]:
        if field.primary_key:
            return _reserved(model, count)
        if field.attname in given:
            return given[field.attname]
        if getattr(field, "auto_now_add", False):
            return [now] * count
        return [field.get_default() for _ in range(count)]

    return [column(field) for field in _written(model)]


def _written(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The fields that a row is given; the database itself fills generated ones, and who needs them reads them."""
    return [field for field in model._meta.concrete_fields if not field.generated]


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
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', list(rows))  # noqa: S608 - our own names # nosec B608


def update(rows: Sequence[models.Model], *, names: Sequence[str]) -> None:
    """Write these fields of each row: one prepared statement, where `bulk_update` makes a CASE of thousands of branches."""
    if not rows:
        return
    model = type(rows[0])
    key = model._meta.pk
    assert key is not None
    fields = [*(field for field in model._meta.concrete_fields if field.name in names), key]
    given = zip(*map(attrgetter(*(field.attname for field in fields)), rows), strict=True)
    columns = [_converted(field, column) for field, column in zip(fields, given, strict=True)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_update_from_arrays(model, fields), [list(column) for column in columns])
        else:
            assigned = ", ".join(f'"{field.column}" = %s' for field in fields[:-1])
            cursor.executemany(
                f'UPDATE "{model._meta.db_table}" SET {assigned} WHERE "{key.column}" = %s',  # noqa: S608 - our own names # nosec B608
                list(zip(*columns, strict=True)),
            )


def _update_from_arrays(model: type[models.Model], fields: Sequence[models.Field[Any, Any]]) -> str:
    """An UPDATE of PostgreSQL for any number of rows, which takes an array for each field; the last names the row."""
    names = [f'"{field.column}"' for field in fields]
    # Without its length: a cast to varchar(20) would cut what is longer, and say nothing.
    arrays = [f"%s::{str(field.rel_db_type(connection)).partition('(')[0]}[]" for field in fields]
    assigned = ", ".join(f"{name} = s.{name}" for name in names[:-1])
    return (
        f'UPDATE "{model._meta.db_table}" t SET {assigned} '  # noqa: S608 - our own names # nosec B608
        f"FROM unnest({', '.join(arrays)}) AS s ({', '.join(names)}) WHERE t.{names[-1]} = s.{names[-1]}"
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


def _converted(field: models.Field[Any, Any], column: Sequence[Any]) -> Iterable[Any]:
    """From attributes of rows to what the driver takes for this field."""
    if isinstance(field, _AS_IT_IS):
        return column
    if isinstance(field, models.JSONField):
        return map(_as_json, column)
    if isinstance(field, models.DateTimeField):
        # Most rows of an import share their times.
        return map(lru_cache(maxsize=1024)(connection.ops.adapt_datetimefield_value), column)

    def convert(value: Any) -> Any:
        return value.hex if type(value) is UUID else field.get_db_prep_save(value, connection)

    return map(convert, column)
