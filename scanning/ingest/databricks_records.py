"""The parts of one audit record of Databricks, whichever carrier brought it.

What Databricks nests in request parameters and answers is JSON in a string: its origin is that string.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scanning.ingest.records import Fields, Record, RejectedError, escaped, moment, object_of, text_of, within_text

_CUT = "... truncated"


@dataclass(frozen=True, slots=True)
class Carrier:
    """How one carrier names the members of a record, as JSON pointers; the first that is there counts."""

    time: str
    service: str
    action: str
    parameters: str
    response: str
    user: str
    address: tuple[str, ...]
    account: tuple[str, ...]
    event_id: tuple[str, ...]
    request_id: str
    status: tuple[str, ...] = ("status_code", "statusCode")
    message: tuple[str, ...] = ("error_message", "errorMessage")


CARRIERS = (
    Carrier(
        time="/event_time",
        service="/service_name",
        action="/action_name",
        parameters="/request_params",
        response="/response",
        user="/user_identity",
        address=("/source_ip_address",),
        account=("/workspace_id", "/account_id"),
        event_id=("/event_id",),
        request_id="/request_id",
    ),
    Carrier(
        time="/timestamp",
        service="/serviceName",
        action="/actionName",
        parameters="/requestParams",
        response="/response",
        user="/userIdentity",
        address=("/sourceIPAddress",),
        account=("/workspaceId", "/orgId", "/accountId"),
        event_id=("/eventId",),
        request_id="/requestId",
    ),
    Carrier(
        time="/TimeGenerated",
        service="/ServiceName",
        action="/ActionName",
        parameters="/RequestParams",
        response="/Response",
        user="/Identity",
        address=("/SourceIPAddress", "/SourceIpAddress"),
        account=("/_ResourceId", "/ResourceId"),
        event_id=("/LogId",),
        request_id="/RequestId",
    ),
)


class Inner:
    """An object that a record holds as it is or as JSON in a string, and where its members stand in the record."""

    def __init__(self, fields: Fields, pointer: str) -> None:
        value = fields.peek(pointer)
        self._fields, self._pointer, self._is_text = fields, pointer, isinstance(value, str)
        self.values: Record = object_of(within_text(value))

    def text(self, field: str, *names: str) -> str:
        """The first member that is text, noted under `field`."""
        for name in names:
            if found := text_of(self.values.get(name)):
                self._fields.origins[field] = self.place(name)
                return found
        return ""

    def place(self, name: str) -> str:
        """Where a member stands: of JSON in a string, the string."""
        return self._pointer if self._is_text else f"{self._pointer}/{escaped(name)}"

    def nested(self, name: str) -> object:
        """A member, taken out of its string where it is JSON in one."""
        return within_text(self.values.get(name))

    def is_cut(self) -> bool:
        """Whether the source cut its values for their size."""
        return "TRUNCATED" in self.values or any(
            isinstance(value, str) and value.endswith(_CUT) for value in self.values.values()
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One record with its parts at hand."""

    fields: Fields
    carrier: Carrier
    when: datetime
    action: str
    parameters: Inner
    response: Inner
    user: Inner


def _carrier_of(record: Record) -> Carrier:
    for carrier in CARRIERS:
        if all(text_of(record.get(pointer[1:])) for pointer in (carrier.service, carrier.action)):
            return carrier
    raise RejectedError("it is no audit event of Databricks: its service or action is missing")


def row_of(record: Record) -> Row:
    """The parts of a record. Raises RejectedError for one of another kind, or without a time."""
    carrier, fields = _carrier_of(record), Fields(record)
    when = moment(record.get(carrier.time[1:]), carrier.time[1:])
    service = fields.text("action", carrier.service)
    fields.origins["occurred_at"] = carrier.time
    return Row(
        fields=fields,
        carrier=carrier,
        when=when,
        action=f"{service}:{fields.text('action', carrier.action)}",
        parameters=Inner(fields, carrier.parameters),
        response=Inner(fields, carrier.response),
        user=Inner(fields, carrier.user),
    )
