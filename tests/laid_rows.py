"""Records that services made once, laid into the database of each test that asks for them.

A test's transaction is rolled back, so what many tests start from would be made by services each time: hundreds of queries.
`Made.by` has it made once, notes every row that came of it as the database itself writes it, and rolls it back;
`Made.lay` puts the same rows, the same files and fresh copies of the same Python objects there in a few milliseconds.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from django.apps import apps
from django.core.cache import cache
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone

from compliance.models import Evidence, RowChange
from compliance.services import evidence as evidences

FIRST_NUMBER = 1000
T = TypeVar("T")
Rows = dict[str, list[str]]


class _RolledBackError(Exception):
    """Ends the savepoint in which something was made."""


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What was made: its objects, its rows as INSERT statements, the files of its evidence, and the day it was made on."""

    pickled: bytes
    statements: tuple[str, ...]
    files: dict[str, bytes]
    day: date

    @classmethod
    def by(cls, make: Callable[[], T]) -> Made[T]:
        """Has it made in this transaction and takes it back. It must add rows and change none that were there."""
        before = _all_rows()
        taken: list[Made[T]] = []
        try:
            with transaction.atomic():
                _number_from(FIRST_NUMBER)
                made = pickle.dumps(make())
                files = {}
                for name in Evidence.objects.values_list("storage_name", flat=True):
                    with storages["evidence"].open(name) as file:
                        files[name] = file.read()
                taken.append(cls(made, _added(before, _all_rows()), files, timezone.localdate()))
                raise _RolledBackError
        except _RolledBackError:
            return taken[0]

    def lay(self) -> T:
        """The rows and files are there again; nothing that pages keep between them is left of an earlier test."""
        with connection.cursor() as cursor:
            for statement in self.statements:
                cursor.execute(statement)
        self._lay_files()
        cache.clear()  # pages keep figures by the newest entry of the trail, which is now the same one in many tests
        laid: T = pickle.loads(self.pickled)
        return laid

    def _lay_files(self) -> None:
        """The evidence storage holds these files alone: the same ids make the same bytes, which a test before may have
        damaged."""
        folder = Path(storages["evidence"].path(""))
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if self.files.get(path.relative_to(folder).as_posix()) != path.read_bytes():
                path.unlink()
        for name, content in self.files.items():
            if not storages["evidence"].exists(name):
                evidences.store_bytes(stream=io.BytesIO(content))


def _number_from(first: int) -> None:
    """New rows get numbers that no row has which a test makes first; PostgreSQL never gives a number twice anyway."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_sequence")
        cursor.executemany("INSERT INTO sqlite_sequence VALUES (%s, %s)", [(table, first) for table in _tables()])


def _tables() -> dict[str, list[str]]:
    """The columns that rows are written with, of every table but that of row changes: triggers fill it."""
    return {
        model._meta.db_table: [f'"{field.column}"' for field in model._meta.concrete_fields if not field.generated]
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model is not RowChange
    }


def _all_rows() -> Rows:
    """Each row of each table as the list of its values in SQL, as the database itself quotes them."""
    quote = "quote({})" if connection.vendor == "sqlite" else "quote_nullable({}::text)"
    rows: Rows = {}
    with connection.cursor() as cursor:
        for table, columns in _tables().items():
            values = " || ',' || ".join(quote.format(column) for column in columns)
            cursor.execute(f'SELECT {values} FROM "{table}"')
            rows[f'"{table}" ({",".join(columns)})'] = [row for (row,) in cursor.fetchall()]
    return rows


def _added(before: Rows, after: Rows) -> tuple[str, ...]:
    """One INSERT for each table that gained rows."""
    statements = []
    for table, rows in after.items():
        there = set(before[table])
        assert there <= set(rows), f"a row of {table} was changed or removed"
        if new := [row for row in rows if row not in there]:
            statements.append(f"INSERT INTO {table} VALUES ({'),('.join(new)})")
    return tuple(statements)
