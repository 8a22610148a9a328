"""The triggers in SQLite's words.

REPLACE removes the row in its way without firing DELETE triggers, hence the third refusal. A trigger of the main
schema cannot read a temporary table, so the actor of the statement is handed over in a table of one row, which is set
and emptied again within the same transaction (compliance/services/actor.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compliance.models.trigger_tables import (
    ACTOR_TABLE,
    INSERT_ONLY,
    KEPT_COLUMNS,
    NOTED,
    ROW_CHANGES,
    UNCHANGING,
    Tables,
)

_NOTE = "assay_note_"
_ACTOR_SQL = f'CREATE TABLE "{ACTOR_TABLE}" ("id" integer PRIMARY KEY CHECK ("id" = 1), "actor" text NOT NULL)'


def _refusal(table: str, act: str, when: str = "") -> tuple[str, str]:
    """Name and text of a trigger that refuses."""
    name = f"assay_refuse_{act}_{table}"
    verb = "INSERT" if act == "replace" else act.upper()
    return name, (
        f'CREATE TRIGGER "{name}" BEFORE {verb} ON "{table}" {when}'
        f"BEGIN SELECT RAISE(ABORT, 'assay: {act} of {table} is refused, its rows are kept as written'); END"
    )


def _keeping(table: str, column: str) -> tuple[str, str]:
    """Name and text of a trigger that refuses another value of one column."""
    name = f"assay_keep_{column}_{table}"
    return name, (
        f'CREATE TRIGGER "{name}" BEFORE UPDATE ON "{table}" WHEN OLD."{column}" IS NOT NEW."{column}" '
        f"BEGIN SELECT RAISE(ABORT, 'assay: update of {column} of {table} is refused, it is kept as written'); END"
    )


def _in_the_way(table: str, unique: Iterable[tuple[str, ...]]) -> str:
    groups = (" AND ".join(f'"{column}" = NEW."{column}"' for column in group) for group in unique)
    condition = " OR ".join(f"({group})" for group in groups)
    return f'WHEN EXISTS (SELECT 1 FROM "{table}" WHERE {condition}) '  # names of our own tables # nosec B608


def _note(table: str, act: str, columns: tuple[str, ...]) -> tuple[str, str]:
    """Name and text of a trigger that notes a change."""
    name, noted, row = f"{_NOTE}{act}_{table}", NOTED[table], "OLD" if act == "delete" else "NEW"
    key = " || ':' || ".join(f'{row}."{column}"' for column in noted.key)
    changed = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in columns if column not in noted.quiet)
    when = f"WHEN {changed} " if act == "update" else ""
    return (
        name,
        (
            f'CREATE TRIGGER "{name}" AFTER {act.upper()} ON "{table}" {when}'
            f'BEGIN INSERT INTO "{ROW_CHANGES}" ("table_name", "row_key", "operation", "actor", "changed_at") '
            f"VALUES ('{table}', {key}, '{act.upper()}', "
            f"""coalesce((SELECT "actor" FROM "{ACTOR_TABLE}"), ''), strftime('%Y-%m-%d %H:%M:%f', 'now')); END"""  # nosec B608
        ),
    )


def wanted(tables: Tables) -> dict[str, str]:
    """Every trigger that should stand over these tables: name -> text. The actor's table first."""
    pairs = [(ACTOR_TABLE, _ACTOR_SQL)]
    for table in tables.columns:
        if table in INSERT_ONLY or table in UNCHANGING:
            pairs.append(_refusal(table, "update"))
        if table in INSERT_ONLY:
            pairs.append(_refusal(table, "delete"))
            pairs.append(_refusal(table, "replace", _in_the_way(table, tables.unique[table])))
        if table in KEPT_COLUMNS and KEPT_COLUMNS[table] in tables.columns[table]:
            pairs.append(_keeping(table, KEPT_COLUMNS[table]))
        if table in NOTED:
            pairs.extend(_note(table, act, tables.columns[table]) for act in ("insert", "update", "delete"))
    return dict(pairs)


def missing(cursor: Any, tables: Tables) -> set[str]:
    """Names of what is not there exactly as wanted."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' OR name = %s", [ACTOR_TABLE])
    there = dict(cursor.fetchall())
    return {name for name, text in wanted(tables).items() if there.get(name) != text}


def install(cursor: Any, tables: Tables, names: Iterable[str]) -> None:
    """Creates the named ones, in place of any that stand there under the same name."""
    texts, asked = wanted(tables), set(names)
    for name, text in texts.items():
        if name in asked:
            cursor.execute(f'DROP {"TABLE" if name == ACTOR_TABLE else "TRIGGER"} IF EXISTS "{name}"')
            cursor.execute(text)


def drop_noting(cursor: Any) -> None:
    """Removes the triggers that name a second table; installing puts them back."""
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB %s", [f"{_NOTE}*"])
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')
