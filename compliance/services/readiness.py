"""Whether this process can do its work: each part is asked, briefly."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import KombuError

from compliance.models.trigger_tables import Tables
from compliance.models.triggers import existing_tables, missing_triggers

OK = "ok"
_BROKER_SECONDS = 2


def readiness() -> dict[str, str]:
    """Each part by name with "ok", or one sentence that says what is wrong and gives no secret away."""
    parts: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": _migrations,
        "triggers": _triggers,
        "storage": _storage,
        "broker": _broker,
    }
    return {name: ask() for name, ask in parts.items()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not answer"
    return OK


def _migrations() -> str:
    try:
        _check_migrations()
    except (DatabaseError, LookupError):
        return "migrations are missing: run manage.py migrate"
    return OK


@cache  # once all are applied they stay applied for the life of the process; a failure is asked again
def _check_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise LookupError


@cache  # tables change by migrations alone, and those come with a new process
def _tables() -> Tables:
    return existing_tables(connection)


def _triggers() -> str:
    try:
        absent = missing_triggers(using=DEFAULT_DB_ALIAS, tables=_tables())
    except DatabaseError:
        return "the database does not answer"
    return f"{len(absent)} triggers are missing: run manage.py verify_ledger" if absent else OK


def _storage() -> str:
    storage = storages["evidence"]
    try:
        if isinstance(storage, FileSystemStorage):
            Path(storage.location).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=storage.location) as file:
                file.write(b"ready?")
        else:
            storage.exists("ready")
    except OSError:
        return "the evidence storage cannot be written"
    return OK


def _broker() -> str:
    try:
        if settings.BROKER_URL.startswith("filesystem://"):
            folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return OK
        with current_app.connection_for_write(connect_timeout=_BROKER_SECONDS) as broker:
            broker.ensure_connection(
                max_retries=1, interval_start=0, timeout=_BROKER_SECONDS, reraise_as_library_errors=True
            )
    except (OSError, KombuError):
        return "the message broker does not answer"
    return OK
