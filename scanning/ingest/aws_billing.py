"""The AWS bill, as the Cost and Usage Report (legacy CSV, or CUR 2.0 exported as CSV): which fine-tune jobs were paid for.

Read are lines whose resource is a training job or a customization job, which needs a report with resource ids. Columns: AWS'
column dictionary; COLUMNS is the choice. Lines of SageMaker and Bedrock without such a resource are counted and not judged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts
from scanning.ingest.limits import BoundedReader
from scanning.ingest.records import RejectedError, moment
from scanning.ingest.report_reading import report_drafts
from scanning.ingest.table_reading import TableRecords, dialect_of

SOURCE, KIND = "aws_billing", "aws-billing"
# What is read: the columns' names in the legacy report, and in CUR 2.0.
COLUMNS = {
    "resource": ("lineItem/ResourceId", "line_item_resource_id"),
    "account": ("lineItem/UsageAccountId", "line_item_usage_account_id"),
    "start": ("lineItem/UsageStartDate", "line_item_usage_start_date"),
    "product": ("lineItem/ProductCode", "line_item_product_code"),
    "type": ("lineItem/LineItemType", "line_item_line_item_type"),
}
_PRODUCTS = ("AmazonSageMaker", "AmazonBedrock")
_KIND_OF_JOB = {"training-job": "sagemaker-training-jobs", "model-customization-job": "bedrock-customization-jobs"}
_ARN = re.compile(r"arn:[^:]+:[a-z]+:([a-z0-9-]+):(\d{12}):(training-job|model-customization-job)/(.+)")


def _columns(names: tuple[str, ...]) -> dict[str, str] | None:
    """What to read -> its column here; None where one is missing."""
    found = {part: next((name for name in spelled if name in names), "") for part, spelled in COLUMNS.items()}
    return found if all(found.values()) else None


class _Bill:
    """Lines of a bill gathered by job. Lines that cannot be taken are set apart with their place."""

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        self.name, self._columns = name, columns
        self.jobs: dict[str, JSON] = {}
        self.unnamed: dict[str, int] = defaultdict(int)
        self.rejects: list[Reject] = []
        self.lines = 0
        self.first = self.last = ""

    def add(self, row: Mapping[str, str], place: str) -> None:
        """Take a line. Raises RejectedError."""
        self.lines += 1
        value = {part: row[column] for part, column in self._columns.items()}
        if not value["type"].endswith("Usage"):
            return  # taxes, credits, fees
        job = _ARN.fullmatch(value["resource"])
        if job is None:
            if value["product"] in _PRODUCTS:
                self.unnamed[value["account"]] += 1
            return
        # CUR 2.0 writes its times in UTC without saying so.
        when = moment(value["start"], self._columns["start"], assumed=timedelta(0)).isoformat()
        self.first, self.last = min(self.first or when, when), max(self.last, when)
        known = self.jobs.setdefault(
            value["resource"],
            {
                "id": value["resource"], "name": job[4], "kind": _KIND_OF_JOB[job[3]], "account": job[2],
                "region": job[1], "created_at": when, "lines": 0, "locator": place,
            },
        )  # fmt: skip
        known["lines"] += 1
        known["created_at"] = min(known["created_at"], when)

    def section(self) -> Section:
        """The bill as a document."""
        content: JSON = {
            "jobs": [self.jobs[identifier] for identifier in sorted(self.jobs)],
            "lines_without_job": dict(sorted(self.unnamed.items())),
            "first": self.first,
            "last": self.last,
        }
        return Section(kind=KIND, scope="", content=content, locator="document")


class AwsBilling:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS Cost and Usage Report with resource ids (CSV)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the names of the columns."""
        header = head.lstrip(b"\r\n").split(b"\n", 1)[0]
        spelled = all(any(name.encode() in header for name in names) for names in COLUMNS.values())
        return CERTAIN if spelled and dialect_of(head.decode("utf-8", "replace")) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One document with every job that was paid for. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        reader = BoundedReader(stream, name, context.limits, context.on_offset)
        table = TableRecords(reader, file_name=name, max_record=context.limits.max_record)
        columns = _columns(table.columns)
        if columns is None:
            raise BadInputError(f"{name} lacks a column that is read; see docs/formats/completeness.md for which.")
        bill = _Bill(name, columns)
        scope: dict[str, Any] = {}
        return report_drafts(_read(table, bill, scope), producer=SOURCE, file_name=name, scope=scope)


def _read(table: TableRecords, bill: _Bill, scope: dict[str, Any]) -> Iterator[Draft]:
    for framed in table:
        try:
            if not isinstance(framed.value, dict):
                raise RejectedError(framed.problem)
            bill.add(framed.value, framed.locator)
        except RejectedError as error:
            yield Reject(locator=framed.locator, reason=f"{bill.name}, {framed.locator}: {error}.")
    if not bill.jobs and not bill.unnamed:
        raise BadInputError(f"{bill.name} holds no line of SageMaker or Bedrock; export the report with both.")
    yield from document_drafts(
        [bill.section()], make=CompletenessDraft, platform="aws", taken_at=None, file_name=bill.name
    )
    scope |= {
        "documents": [KIND], "scopes": [], "jobs": len(bill.jobs), "lines": bill.lines,
        "first_event": bill.first, "last_event": bill.last,
    }  # fmt: skip


PARSER = AwsBilling()
