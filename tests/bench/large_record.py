"""Makes the record of an installation large, by copying rows that real imports, scans and people made.

    DJANGO_SETTINGS_MODULE=compliance.settings python -m tests.bench.large_record [SHARE]

Rows of a finished demonstration are copied inside the database with new identities, times and owners, so that each page shows
what it would show of real ones. SHARE (default 1) is the part of `SIZES` to make. The ledger of such a record does not verify,
since nobody acted: never grow a record that counts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

SIZES: Mapping[str, int] = {
    "compliance_principal": 200,
    "compliance_evidence": 10_000,
    "compliance_modelversion": 1_000,
    "compliance_observation": 100_000,
    "compliance_finding": 100_000,
    "compliance_remediationitem": 20_000,
    "compliance_slaclock": 60_000,
    "compliance_workentry": 40_000,
    "compliance_planupdate": 10_000,
    "compliance_assessment": 200,
    "compliance_jobevent": 1_000_000,
    "compliance_jobbinding": 100_000,
    "compliance_entitlement": 100_000,
    "compliance_completenessrow": 20_000,
    "compliance_job": 20_000,
    "compliance_ledgerevent": 200_000,
    "scanning_import": 2_000,
    "scanning_scan": 2_000,
}
# How far the copies of a row lie apart: a million events cover about a year.
SECONDS_APART: Mapping[str, int] = {
    "compliance_jobevent": 30,
    "compliance_finding": 300,
    "compliance_remediationitem": 1_500,
}
MADE_BY_DATABASE = {"id", "severity_rank", "priority_rank"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the two databases say differently."""

    series: str
    uuid: str
    digest: str
    earlier: str


SQLITE = Dialect(
    series="(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {count}) SELECT n FROM up)",
    uuid="lower(hex(randomblob(16)))",
    digest="lower(hex(randomblob(32)))",
    earlier="strftime('%Y-%m-%d %H:%M:%f000', {time}, '-' || ({seconds}) || ' seconds')",
)
POSTGRES = Dialect(
    series="(SELECT generate_series(1, {count}) AS n)",
    uuid="gen_random_uuid()",
    digest="encode(sha256(gen_random_uuid()::text::bytea), 'hex')",
    earlier="{time} - ({seconds}) * interval '1 second'",
)


class Grower:
    """Copies rows of the open database, up to a share of each size."""

    def __init__(self, share: float) -> None:
        from django.db import connection

        self._share, self._connection, self._cursor = share, connection, connection.cursor()
        self._words = POSTGRES if connection.vendor == "postgresql" else SQLITE

    def run(self, statement: str) -> None:
        """One statement, in which {uuid} and {digest} are made anew for each row."""
        self._cursor.execute(statement.replace("{uuid}", self._words.uuid).replace("{digest}", self._words.digest))

    def earlier(self, time: str, seconds: str) -> str:
        """So many seconds before a time."""
        return self._words.earlier.format(time=time, seconds=seconds)

    def count(self, table: str, where: str) -> int:
        """Rows of a table that fit."""
        self._cursor.execute(f"SELECT count(*) FROM {table} x WHERE {where}")
        found: int = self._cursor.fetchone()[0]
        return found

    def copy(self, table: str, *, where: str = "1 = 1", join: str = "", **changed: str) -> None:
        """Copies the rows that fit, each in turn, until the table has its size.

        changed: column -> SQL over `t` (the row copied), `s.n` (1, 2, …) and what `join` brings. Times are moved back.
        """
        missing, rows = int(SIZES[table] * self._share) - self.count(table, "1 = 1"), self.count(table, where)
        if missing <= 0:
            return
        assert rows, f"{table} has no row to copy"
        columns = self._connection.introspection.get_table_description(self._cursor, table)
        names = [column.name for column in columns if column.name not in MADE_BY_DATABASE]
        values = {name: f"t.{name}" for name in names} | {"uuid": "{uuid}"} | changed
        if table in SECONDS_APART or "created_at" in names:
            apart = f"s.n * {SECONDS_APART.get(table, 60)}"
            for name in ("created_at", "occurred_at", "last_seen_at", "observed_at"):
                values |= {name: self.earlier(f"t.{name}", apart)} if name in names else {}
        self.run(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values[name] for name in names)}"
            f" FROM {self._words.series.format(count=missing)} s JOIN {ranked(table, where)} t ON t.turn = s.n % {rows} {join}"
        )

    def copy_for(self, table: str, owner: str, column: str, *, where: str) -> None:
        """Copies rows of a table for the first of those rows of another table that fit and have none, one for each."""
        missing, rows = int(SIZES[table] * self._share) - self.count(table, "1 = 1"), self.count(table, "1 = 1")
        assert rows, f"{table} has no row to copy"
        columns = self._connection.introspection.get_table_description(self._cursor, table)
        names = [name for name, *_ in columns if name not in MADE_BY_DATABASE]
        values = {name: f"t.{name}" for name in names} | {"uuid": "{uuid}", column: "o.id"}
        free = f"{where} AND x.id NOT IN (SELECT {column} FROM {table})"
        self.run(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values[name] for name in names)}"
            f" FROM {ranked(owner, free)} o JOIN {ranked(table)} t ON t.turn = o.turn % {rows} WHERE o.turn < {missing}"
        )

    def other(self, table: str, alias: str, where: str = "1 = 1") -> str:
        """A join that brings the rows of a table in turn; a step of a prime keeps two turns from going together."""
        rows = self.count(table, where)
        return f"JOIN {ranked(table, where)} {alias} ON {alias}.turn = (s.n % {rows}) * 7919 % {rows}"


def ranked(table: str, where: str = "1 = 1") -> str:
    """The rows of a table that fit, numbered from 0 as `turn`."""
    return f"(SELECT x.*, row_number() OVER (ORDER BY x.id) - 1 AS turn FROM {table} x WHERE {where})"


def grow(grower: Grower) -> None:
    """Every table of SIZES, those that others refer to first."""
    _inventory(grower)
    _findings(grower)
    _assessments(grower)
    _job_log(grower)
    _trail(grower)
    grower.run("ANALYZE")


def _inventory(grower: Grower) -> None:
    grower.copy(
        "compliance_principal", where="x.erased_at IS NULL", pseudonym="{digest}",
        identifier="t.identifier || '/' || s.n", display="t.display || ' ' || s.n",
    )  # fmt: skip
    grower.copy("compliance_evidence", sha256="{digest}", title="t.title || ' ' || s.n")
    grower.copy("compliance_modelversion", digest="{digest}", label="t.label || '.' || s.n")
    grower.copy("compliance_job")
    for table in ("scanning_import", "scanning_scan"):
        free = " AND ".join(
            f"x.id NOT IN (SELECT job_id FROM {taken})"
            for taken in ("scanning_import", "scanning_scan", "compliance_checkrun")
        )
        job = f"JOIN {ranked('compliance_job', free)} j ON j.turn = s.n - 1"
        other = (
            ("compliance_evidence", "evidence_id")
            if table == "scanning_import"
            else ("compliance_modelversion", "model_version_id")
        )
        grower.copy(table, join=f"{job} {grower.other(other[0], 'o')}", job_id="j.id", **{other[1]: "o.id"})


def _findings(grower: Grower) -> None:
    grower.copy(
        "compliance_observation", where="x.verdict = 'evidence_found' OR x.severity <> ''", source_uuid="{uuid}",
        join=grower.other("compliance_modelversion", "m"), model_version_id="m.id",
    )  # fmt: skip
    grower.copy(
        "compliance_finding", join=grower.other("compliance_modelversion", "m"), model_version_id="m.id",
        asset_key="'copy:' || s.n", asset_name="t.asset_name || ' ' || s.n",
    )  # fmt: skip
    grower.run(
        "INSERT INTO compliance_finding_observations (finding_id, observation_id) SELECT f.id, o.id"
        f" FROM {ranked('compliance_finding')} f JOIN {ranked('compliance_observation')} o ON o.turn = f.turn"
        " WHERE f.id NOT IN (SELECT finding_id FROM compliance_finding_observations)"
    )
    risks(grower)
    grower.copy(
        "compliance_remediationitem",
        where="x.closed_at IS NULL",
        baseline_id="NULL",
        title="t.title || ' ' || s.n",
        **_progress(grower),
    )
    treated(grower)
    _work(grower)


def risks(grower: Grower) -> None:
    """One of each finding that stands and has none."""
    grower.run(
        "INSERT INTO compliance_risk (uuid, created_at, retention_class, legal_hold, finding_id, title, statement, state,"
        " severity, opened_at) SELECT {uuid}, f.created_at, f.retention_class, f.legal_hold, f.id, f.title, f.condition,"
        " 'open', f.severity, f.created_at"
        " FROM compliance_finding f WHERE f.state = 'not-satisfied' AND f.id NOT IN (SELECT finding_id FROM compliance_risk)"
    )


def treated(grower: Grower) -> None:
    """A risk to each remediation item that treats none."""
    grower.run(
        "INSERT INTO compliance_remediationitem_risks (remediationitem_id, risk_id) SELECT i.id, r.id"
        f" FROM {ranked('compliance_remediationitem')} i JOIN {ranked('compliance_risk')} r ON r.turn = i.turn"
        " WHERE i.id NOT IN (SELECT remediationitem_id FROM compliance_remediationitem_risks)"
        " AND r.id NOT IN (SELECT risk_id FROM compliance_remediationitem_risks)"
    )


def _work(grower: Grower) -> None:
    """Time limits of findings that stand, and what was worked and moved on items."""
    grower.copy_for("compliance_slaclock", "compliance_finding", "finding_id", where="x.state = 'not-satisfied'")
    grower.copy_for("compliance_planupdate", "compliance_remediationitem", "item_id", where="x.closed_at IS NULL")
    grower.copy(
        "compliance_workentry", where="x.reverses_id IS NULL",
        join=grower.other("compliance_remediationitem", "i"), item_id="i.id",
    )  # fmt: skip


def _progress(grower: Grower) -> dict[str, str]:
    """A third of the items was closed, 2 to 41 days after it was opened; the others are in each state of work."""
    apart, taken = SECONDS_APART["compliance_remediationitem"], "(s.n % 40 + 2) * 86400"
    over = f"s.n % 3 = 0 AND s.n * {apart} > {taken}"
    states = "CASE s.n % 4 WHEN 0 THEN 'open' WHEN 1 THEN 'in_progress' WHEN 2 THEN 'blocked' ELSE 'done' END"
    closed = grower.earlier("t.created_at", f"s.n * {apart} - {taken}")
    return {
        "state": f"CASE WHEN {over} THEN 'closed' ELSE {states} END",
        "closed_at": f"CASE WHEN {over} THEN {closed} END",
    }


def _assessments(grower: Grower) -> None:
    grower.copy("compliance_assessment", title="t.title || ' ' || s.n", state="'open'")
    grower.run(
        "INSERT INTO compliance_answer (uuid, created_at, retention_class, legal_hold, assessment_id, question_id, value,"
        " statement, reason, claims, state, version, approved_on, justified, justification, alone_reason)"
        " SELECT {uuid}, a.created_at, a.retention_class, a.legal_hold, a.id, q.id,"
        " 'yes', 'As the evidence says.', '', '{}', 'draft', 1, '[]', '[]', '', ''"
        " FROM compliance_assessment a CROSS JOIN compliance_auditquestion q"
        " WHERE a.id NOT IN (SELECT assessment_id FROM compliance_answer)"
    )


def _job_log(grower: Grower) -> None:
    grower.copy(
        "compliance_jobevent", fingerprint="{digest}", source_event_id="''", job_name="t.job_name || '-' || s.n",
        job_id="t.job_id || '-' || s.n", job_key="CASE WHEN t.job_key = '' THEN '' ELSE {digest} END",
        join=grower.other("compliance_principal", "p"), actor_id="p.id",
    )  # fmt: skip
    waiting = "x.superseded_at IS NULL AND x.bound_by = 'nothing'"
    free = "x.id NOT IN (SELECT event_id FROM compliance_jobbinding)"
    grower.copy(
        "compliance_jobbinding", where=waiting, name="t.name || '-' || (s.n / 20)",
        join=f"JOIN {ranked('compliance_jobevent', free)} e ON e.turn = s.n", event_id="e.id",
    )  # fmt: skip
    grower.copy("compliance_entitlement", join=grower.other("compliance_principal", "p"), principal_id="p.id")
    grower.copy("compliance_completenessrow", n="t.n + s.n * 1000")


def _trail(grower: Grower) -> None:
    with_entry = "x.id IN (SELECT event_id FROM compliance_trailentry)"
    grower.copy("compliance_ledgerevent", where=with_entry)
    grower.run(
        "INSERT INTO compliance_trailentry (event_id, actor_id, system_id, payload)"
        " SELECT e.id, t.actor_id, t.system_id, t.payload FROM compliance_ledgerevent e"
        " JOIN (SELECT max(x.id) AS id, x.kind FROM compliance_ledgerevent x JOIN compliance_trailentry y ON y.event_id = x.id"
        " GROUP BY x.kind) k ON k.kind = e.kind JOIN compliance_trailentry t ON t.event_id = k.id"
        " WHERE e.id NOT IN (SELECT event_id FROM compliance_trailentry)"
    )


def main(share: float) -> None:
    """Grow the record of the installation that the environment names."""
    import django
    from django.db import transaction

    django.setup()
    with transaction.atomic():
        grow(Grower(share))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
