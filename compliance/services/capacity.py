"""What people and teams can do in a week, when they are away, and what a day of a role costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import Capacity, CostRate, Leave, Team, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON

MOST_DAYS_A_WEEK = Decimal(7)
LONGEST_LEAVE_DAYS = 731


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A person, or a team as a whole."""

    user: User | None = None
    team: Team | None = None

    def check(self) -> None:
        """Raise RefusedError unless it is exactly one, and still here."""
        if (self.user is None) == (self.team is None):
            raise RefusedError(_("Name either a person or a team."))
        if self.user is not None and (self.user.is_machine or not self.user.is_active):
            raise RefusedError(_("Capacity is stated for people who work here."))

    @property
    def named(self) -> JSON:
        """Which one, for the ledger."""
        if self.user is not None:
            return {"person": str(self.user.uuid)}
        return {"team": str(self.team.uuid)} if self.team else {}


@transaction.atomic
def state_capacity(
    *,
    holder: Holder,
    days_a_week: Decimal,
    allocation: int,
    work_role: str,
    effective_from: date,
    actor: User,
) -> Capacity:
    """Days a week and the share of them for remediation, from a day on. Raises RefusedError."""
    holder.check()
    if not 0 <= days_a_week <= MOST_DAYS_A_WEEK:
        raise RefusedError(_("A week has from 0 to 7 days."))
    if not 0 <= allocation <= 100:
        raise RefusedError(_("The share for remediation is from 0 to 100 percent."))
    row = Capacity.objects.create(
        user=holder.user,
        team=holder.team,
        days_a_week=days_a_week,
        allocation=allocation,
        work_role=work_role.strip(),
        effective_from=effective_from,
        stated_by=actor,
    )
    facts: JSON = {**holder.named, "days_a_week": str(days_a_week), "allocation": allocation}
    ledger.record(kind="capacity.stated", subject=row, payload=facts, actor=actor, system=None)
    return row


@transaction.atomic
def state_leave(*, holder: Holder, first_day: date, last_day: date, actor: User) -> Leave:
    """Days away, both included; why is not asked. Raises RefusedError."""
    holder.check()
    if last_day < first_day:
        raise RefusedError(_("The last day away is before the first one."))
    if (last_day - first_day).days > LONGEST_LEAVE_DAYS:
        raise RefusedError(_("Leave is stated for two years at most."))
    row = Leave.objects.create(
        user=holder.user, team=holder.team, first_day=first_day, last_day=last_day, stated_by=actor
    )
    ledger.record(kind="leave.stated", subject=row, payload=holder.named, actor=actor, system=None)
    return row


@transaction.atomic
def withdraw_leave(*, leave: Leave, actor: User) -> None:
    """These days are worked after all."""
    named = Holder(user=leave.user, team=leave.team).named
    ledger.record(kind="leave.withdrawn", subject=leave, payload=named, actor=actor, system=None)
    leave.delete()


@transaction.atomic
def state_rate(*, work_role: str, currency: str, amount_a_day: Decimal, effective_from: date, actor: User) -> CostRate:
    """What a day of a role costs from a day on. The ledger notes that it was stated, not how much. Raises RefusedError."""
    currency = currency.strip().upper()
    if not work_role.strip():
        raise RefusedError(_("Name the role."))
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise RefusedError(_("Give the currency by its three letters, such as EUR."))
    if amount_a_day < 0:
        raise RefusedError(_("A day cannot cost less than nothing."))
    row = CostRate.objects.create(
        work_role=work_role.strip(),
        currency=currency,
        amount_a_day=amount_a_day,
        effective_from=effective_from,
        stated_by=actor,
    )
    facts: JSON = {"effective_from": effective_from.isoformat()}
    ledger.record(kind="cost_rate.stated", subject=row, payload=facts, actor=actor, system=None)
    return row
