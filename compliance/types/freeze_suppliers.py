"""Third parties in a freeze: the latest review of each, and the days of the period that its report leaves open."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.shape import Day, Named, Sha256, Uuid
from compliance.types.suppliers import Opinion, ReportType


class OpenDays(TypedDict):
    """Days of the period that a report does not speak of, both included."""

    start: Day
    end: Day
    days: int


class CustomerControl(TypedDict):
    """What a report expects of its customers. controls: own controls that meet it, as "id title"; note: why none is needed."""

    reference: str
    statement: str
    controls: list[str]
    note: str


class Supplier(TypedDict):
    """One third party by its latest review. `uuid` is that of its record; `models` are uuids of the document's models.

    `period_start` None with `period_end` set: the report speaks of that day alone; both None: there is no report.
    """

    uuid: Uuid
    name: str
    provides: str
    models: list[Uuid]
    report_type: ReportType
    issuer: str
    period_start: Day | None
    period_end: Day | None
    gap: str
    open_days: list[OpenDays]
    gap_measures: str
    opinion: Opinion
    exceptions: str
    conclusion: str
    evidence: Uuid | None
    evidence_sha256: Sha256 | None
    customer_controls: list[CustomerControl]
    reviewer: Named
    reviewed_on: Day
    reviews: int


class Suppliers(TypedDict):
    """`unrecorded`: suppliers that inherited models name and of which there is no record."""

    records: list[Supplier]
    unrecorded: list[str]


def suppliers_fault(told: Suppliers, *, models: set[str], evidence: set[str]) -> str:
    """What does not hold in them, in words; "" where all does. models, evidence: uuids of the document's registers."""
    seen: set[str] = set()
    for record in told["records"]:
        if record["uuid"] in seen:
            return f"suppliers: the uuid {record['uuid']} is there twice"
        seen.add(record["uuid"])
        if missing := set(record["models"]) - models:
            return f"suppliers: {min(missing)} is not in the models"
        if record["evidence"] is not None and record["evidence"] not in evidence:
            return f"suppliers: {record['evidence']} is not in the evidence register"
        if (record["report_type"] == ReportType.NONE) != (record["period_end"] is None):
            return f"suppliers: {record['name']} has a period exactly where there is a report"
    return ""
