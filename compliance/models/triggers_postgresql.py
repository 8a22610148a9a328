"""The triggers in PostgreSQL's words: three functions, and triggers that call them on each guarded table.

They are enabled ALWAYS, so that a session in replica mode fires them too. Compared with what stands in the database
are the function's source, and each trigger's kind (pg_trigger.tgtype), arguments and whether it is on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compliance.models.trigger_tables import INSERT_ONLY, KEPT_COLUMNS, NOTED, ROW_CHANGES, UNCHANGING, Tables

# Bits of pg_trigger.tgtype (PostgreSQL's catalog/pg_trigger.h)
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32

_REFUSE = """
BEGIN
  RAISE EXCEPTION 'assay: % of % is refused, its rows are kept as written', lower(TG_OP), TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
"""
_NOTE = f"""
DECLARE
  quiet text[] := string_to_array(TG_ARGV[1], ',');
  before jsonb;
  after jsonb;
  row_key text := '';
BEGIN
  IF TG_OP IN ('UPDATE', 'DELETE') THEN before := to_jsonb(OLD) - quiet; END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN after := to_jsonb(NEW) - quiet; END IF;
  IF TG_OP = 'UPDATE' AND before = after THEN RETURN NULL; END IF;
  IF TG_OP <> 'TRUNCATE' THEN
    SELECT string_agg(replace(coalesce(after, before) ->> part.name, '-', ''), ':' ORDER BY part.n) INTO row_key
      FROM unnest(string_to_array(TG_ARGV[0], ',')) WITH ORDINALITY AS part (name, n);
  END IF;
  INSERT INTO {ROW_CHANGES} (table_name, row_key, operation, actor, changed_at)
    VALUES (TG_TABLE_NAME, row_key, TG_OP, coalesce(current_setting('assay.actor', true), ''), clock_timestamp());
  RETURN NULL;
END
"""  # names of our own tables # nosec B608
_KEEP = """
BEGIN
  IF to_jsonb(OLD) -> TG_ARGV[0] IS DISTINCT FROM to_jsonb(NEW) -> TG_ARGV[0] THEN
    RAISE EXCEPTION 'assay: update of % of % is refused, it is kept as written', TG_ARGV[0], TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
"""
_FUNCTIONS = {"assay_refuse": _REFUSE, "assay_note": _NOTE, "assay_keep": _KEEP}


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One trigger: `events` as in CREATE TRIGGER, `kind` as in pg_trigger.tgtype."""

    name: str
    table: str
    events: str
    kind: int
    function: str
    arguments: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The statement that makes it."""
        when = "BEFORE" if self.kind & _BEFORE else "AFTER"
        level = "ROW" if self.kind & _ROW else "STATEMENT"
        arguments = ", ".join(f"'{argument}'" for argument in self.arguments)
        return (
            f'CREATE OR REPLACE TRIGGER "{self.name}" {when} {self.events} ON "{self.table}" '
            f"FOR EACH {level} EXECUTE FUNCTION {self.function}({arguments})"
        )


def _refusals(table: str, *, keeps: bool) -> list[_Trigger]:
    events, kind = ("UPDATE OR DELETE", _UPDATE | _DELETE) if keeps else ("UPDATE", _UPDATE)
    return [
        _Trigger(f"assay_refuse_change_{table}", table, events, _ROW | _BEFORE | kind, "assay_refuse"),
        _Trigger(f"assay_refuse_truncate_{table}", table, "TRUNCATE", _BEFORE | _TRUNCATE, "assay_refuse"),
    ]


def _notes(table: str) -> list[_Trigger]:
    arguments = (",".join(NOTED[table].key), ",".join(NOTED[table].quiet))
    rows, kind = "INSERT OR UPDATE OR DELETE", _ROW | _INSERT | _UPDATE | _DELETE
    return [
        _Trigger(f"assay_note_change_{table}", table, rows, kind, "assay_note", arguments),
        _Trigger(f"assay_note_truncate_{table}", table, "TRUNCATE", _TRUNCATE, "assay_note", arguments),
    ]


def wanted(tables: Tables) -> list[_Trigger]:
    """Every trigger that should stand over these tables."""
    triggers: list[_Trigger] = []
    for table in tables.columns:
        if table in INSERT_ONLY or table in UNCHANGING:
            triggers += _refusals(table, keeps=table in INSERT_ONLY)
        if table in KEPT_COLUMNS and KEPT_COLUMNS[table] in tables.columns[table]:
            kind, column = _ROW | _BEFORE | _UPDATE, KEPT_COLUMNS[table]
            triggers.append(_Trigger(f"assay_keep_{column}_{table}", table, "UPDATE", kind, "assay_keep", (column,)))
        if table in NOTED:
            triggers += _notes(table)
    return triggers


def missing(cursor: Any, tables: Tables) -> set[str]:
    """Names of the functions and triggers that are not there exactly as wanted."""
    cursor.execute(
        "SELECT proname, prosrc FROM pg_proc WHERE proname = ANY(%s) AND pronamespace = current_schema()::regnamespace",
        [list(_FUNCTIONS)],
    )
    sources = dict(cursor.fetchall())
    cursor.execute(
        "SELECT t.tgname, c.relname, t.tgtype::int, p.proname, t.tgargs, t.tgenabled::text, t.tgqual IS NULL "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    )
    there = {(name, *rest[:3], bytes(rest[3]), *rest[4:]) for name, *rest in cursor.fetchall()}
    absent = {name for name, source in _FUNCTIONS.items() if sources.get(name) != source}
    for trigger in wanted(tables):
        arguments = b"".join(argument.encode() + b"\0" for argument in trigger.arguments)
        if (trigger.name, trigger.table, trigger.kind, trigger.function, arguments, "A", True) not in there:
            absent.add(trigger.name)
    return absent


def install(cursor: Any, tables: Tables, names: Iterable[str]) -> None:
    """Creates the named ones, in place of any that stand there under the same name."""
    asked = set(names)
    for name, source in _FUNCTIONS.items():
        if name in asked:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                f"SET search_path FROM CURRENT AS $assay${source}$assay$"
            )
    for trigger in wanted(tables):
        if trigger.name in asked:
            cursor.execute(trigger.text)
            cursor.execute(f'ALTER TABLE "{trigger.table}" ENABLE ALWAYS TRIGGER "{trigger.name}"')
