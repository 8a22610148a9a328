"""The request list of an engagement as a file, out and in again: what was edited in it is changed, and nothing else.

Each row carries digits of what it said when it was exported. A row whose digits still fit what it says was not edited and is
left alone, whatever others changed meanwhile. An edited row whose request was changed meanwhile is refused. One row that is
refused leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import AuditRequest, Engagement, ImplementedControl, User
from compliance.selectors.request_sheet import SheetError, read_sheet, sheet_text
from compliance.services import audit_requests, ledger
from compliance.services.audit_requests import RequestDraft
from compliance.services.errors import RefusedError
from compliance.types.audit_requests import RequestState
from compliance.types.request_rows import RequestRow, mark_of
from compliance.types.states import Role


@dataclass(frozen=True, slots=True)
class Imported:
    """How many requests a file asked anew, changed, and left as they were."""

    asked: int
    changed: int
    unchanged: int


class _Names:
    """How controls and owners are written in the lists of one engagement, for one reader, and found again.

    A control is its own id where that is one of a kind, else with its AI system. An owner is an e-mail address; to auditors,
    who do not say who owns what, a name.
    """

    def __init__(self, engagement: Engagement, reader: User) -> None:
        self.reads_names = reader.role == Role.AUDITOR
        rows = ImplementedControl.objects.filter(system__in=engagement.systems.all()).select_related("system")
        self.by_control: dict[str, list[ImplementedControl]] = {}
        for control in rows:
            self.by_control.setdefault(control.control_id, []).append(control)
        self.engagement = engagement
        self._owners: dict[str, User] | None = None

    def control(self, control: ImplementedControl) -> str:
        """One control, as it is written."""
        alone = len(self.by_control.get(control.control_id, [])) < 2
        return control.control_id if alone else f"{control.control_id} ({control.system.name})"

    def owner(self, user: User | None) -> str:
        """An owner, as they are written."""
        return "" if user is None else user.name if self.reads_names else user.email

    def controls_of(self, row: RequestRow) -> list[ImplementedControl]:
        """The controls that a row names. Raises RefusedError."""
        known = {self.control(one): one for entry in self.by_control.values() for one in entry}
        named = [name for part in row.controls.split(";") if (name := part.strip())]
        unknown = [name for name in named if name not in known]
        if unknown:
            raise RefusedError(_("“%s” is no control of the engagement’s AI systems.") % unknown[0])
        return list({known[name].pk: known[name] for name in named}.values())

    def owner_of(self, row: RequestRow) -> User | None:
        """The owner whom a row names. Raises RefusedError."""
        if not row.owner:
            return None
        if self._owners is None:
            self._owners = {user.email: user for user in audit_requests.possible_owners(self.engagement)}
        owner = self._owners.get(row.owner.lower())
        if owner is None:
            raise RefusedError(_("“%s” is no e-mail address of somebody who can own a request here.") % row.owner)
        return owner


def list_rows(*, engagement: Engagement, reader: User) -> Iterator[RequestRow]:
    """Every request of an engagement as a row, by number."""
    names = _Names(engagement, reader)
    rows = engagement.requests.select_related("owner").prefetch_related("controls__system").order_by("number")
    for request in rows.iterator(chunk_size=500):
        yield _row_of(request, names)


def _row_of(request: AuditRequest, names: _Names) -> RequestRow:
    controls = sorted(names.control(control) for control in request.controls.all())
    return RequestRow(
        number=request.number,
        title=sheet_text(request.title),
        text=sheet_text(request.text),
        controls="; ".join(controls),
        owner=names.owner(request.owner),
        due_on=request.due_on,
        state=str(label(RequestState(request.state))),
    )


@transaction.atomic
def import_list(*, engagement: Engagement, file: IO[bytes], actor: User) -> Imported:
    """Takes an edited list in, whole or not at all. Raises RefusedError with the place of what is wrong."""
    try:
        rows = read_sheet(file)
    except SheetError as error:
        raise RefusedError(str(error)) from error
    names = _Names(engagement, actor)
    wanted = [row.number for row in rows if row.number is not None]
    there = _existing(engagement, wanted)
    counted = {"asked": 0, "changed": 0, "unchanged": 0}
    for row in rows:
        try:
            counted[_take(row, there, names, actor)] += 1
        except RefusedError as error:
            raise RefusedError(_("Row %(row)d: %(what)s") % {"row": row.place, "what": error}) from error
    if counted["asked"] or counted["changed"]:
        ledger.record(
            kind="audit_request.imported", subject=engagement, payload=dict(counted), actor=actor, system=None
        )
    return Imported(**counted)


def _existing(engagement: Engagement, numbers: list[int]) -> dict[int, AuditRequest]:
    found: dict[int, AuditRequest] = {}
    rows = engagement.requests.select_related("owner", "asked_by", "engagement").prefetch_related("controls__system")
    for start in range(0, len(numbers), 500):
        found |= {request.number: request for request in rows.filter(number__in=numbers[start : start + 500])}
    return found


def _take(row: RequestRow, there: dict[int, AuditRequest], names: _Names, actor: User) -> str:
    """What became of one row. Raises RefusedError."""
    if row.number is None:
        audit_requests.ask(engagement=names.engagement, draft=_draft(row, None, names), actor=actor)
        return "asked"
    request = there.get(row.number)
    if request is None:
        raise RefusedError(_("this engagement has no request %d; leave the number empty for a new one.") % row.number)
    if not row.mark:
        raise RefusedError(_("the last column is empty: export the list and edit that file."))
    said = replace(row, controls="; ".join(sorted(part.strip() for part in row.controls.split(";") if part.strip())))
    if mark_of(said) == row.mark:
        return "unchanged"
    now = _row_of(request, names)
    if mark_of(now) != row.mark:
        raise RefusedError(_("request %d was changed meanwhile; export the list anew.") % row.number)
    if said.state != now.state:
        raise RefusedError(_("the state of a request is changed on its page, with words, not in the file."))
    audit_requests.change(request=request, draft=_draft(said, request, names), actor=actor)
    return "changed"


def _draft(row: RequestRow, request: AuditRequest | None, names: _Names) -> RequestDraft:
    """The row as the service takes it; what was not edited stays as it is in the table, letter by letter."""
    now = _row_of(request, names) if request is not None else None
    same_owner = request is not None and now is not None and row.owner == now.owner
    return RequestDraft(
        title=request.title if request is not None and now is not None and row.title == now.title else row.title,
        text=request.text if request is not None and now is not None and row.text == now.text else row.text,
        controls=names.controls_of(row),
        owner=request.owner if request is not None and same_owner else _new_owner(row, names),
        due_on=row.due_on,
    )


def _new_owner(row: RequestRow, names: _Names) -> User | None:
    if names.reads_names and row.owner:
        raise RefusedError(_("the organisation says who owns a request; leave the column as it was."))
    return names.owner_of(row)
