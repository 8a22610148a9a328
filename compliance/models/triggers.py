"""Triggers that make records insert-only, and note what libraries write. Installed after every migration.

Django's SQLite backend remakes a table on most schema changes and so drops its triggers without a word: therefore one
function that can be run at any time puts back whatever is missing, and `missing_triggers` says what that is.

Refused statements fail with IntegrityError on both databases. What a trigger cannot stop — whoever may drop it — is
written in docs/trust-model.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from compliance.models import triggers_postgresql, triggers_sqlite
from compliance.models.trigger_tables import NOTED, ROW_CHANGES, Tables


def existing_tables(connection: BaseDatabaseWrapper) -> Tables:
    """Which guarded tables are there, with their columns and unique keys: in a half-done migration not all are."""
    with connection.cursor() as cursor:
        return Tables.found(connection, cursor)


def missing_triggers(*, using: str, tables: Tables | None = None) -> tuple[str, ...]:
    """Names of the triggers and functions that are absent, disabled or other than they should be; sorted.

    tables: what `existing_tables` found before, for callers that ask often: to find it takes about a second on SQLite.
    """
    connection = connections[using]
    tables = tables or existing_tables(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return tuple(sorted(triggers_postgresql.missing(cursor, tables)))
        return tuple(sorted(triggers_sqlite.missing(cursor, tables)))


def install_triggers(*, using: str) -> tuple[str, ...]:
    """Puts every missing trigger in place; answers which those were. Safe to run at any time, any number of times."""
    absent = missing_triggers(using=using)
    if not absent:
        return ()
    connection = connections[using]
    tables = existing_tables(connection)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            triggers_postgresql.install(cursor, tables, absent)
        else:
            triggers_sqlite.install(cursor, tables, absent)
    return absent


def install_after_migrate(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_: object) -> None:
    """Receiver of post_migrate. Django sends it once for each app; one answer is enough."""
    if sender.name == "compliance":
        install_triggers(using=using)


def clear_before_migrate(
    sender: AppConfig, using: str = DEFAULT_DB_ALIAS, plan: Sequence[object] = (), **_: object
) -> None:
    """Receiver of pre_migrate: SQLite cannot rename a remade table while another table's trigger names it.

    Only the triggers that note changes name a second table; those that refuse stay in place throughout.
    """
    connection = connections[using]
    if sender.name != "compliance" or not plan or connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        triggers_sqlite.drop_noting(cursor)


__all__ = [
    "NOTED",
    "ROW_CHANGES",
    "clear_before_migrate",
    "install_after_migrate",
    "install_triggers",
    "missing_triggers",
]
