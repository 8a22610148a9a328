"""What people are told, how often they are told by mail, and what is sent to other programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GROUP_ABOVE = 5  # of one kind, for one person, at one time: more become one line
MAIL_LINES_A_KIND = 20


class NoticeKind(StrEnum):
    """What a notice is about."""

    ASSIGNED = "assigned"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    SLA_NEAR = "sla_near"
    SLA_BREACHED = "sla_breached"
    ACCEPTANCE_ASKED = "acceptance_asked"
    ACCEPTANCE_DECIDED = "acceptance_decided"
    ACCEPTANCE_EXPIRED = "acceptance_expired"
    FINDING_BACK = "finding_back"
    CLOSING_PROPOSED = "closing_proposed"
    COMMENT = "comment"
    COVERAGE_STALE = "coverage_stale"
    WEBHOOK_FAILING = "webhook_failing"


class HowOften(StrEnum):
    """How often somebody wants mail; never more than one message at a time."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTimes:
    """When somebody wants their mail, by their own clock: from which hour on, and on which day of the week (0: Monday) where
    it is weekly."""

    how_often: HowOften
    hour: int
    weekday: int

    def is_due(self, here: datetime, last: datetime | None) -> bool:
        """Whether a message may go now. here: the moment on the person's own clock; last: their last message."""
        if self.how_often is HowOften.NEVER:
            return False
        if self.how_often is HowOften.HOURLY:
            return last is None or here - last >= timedelta(hours=1)
        day = here.date()
        if self.how_often is HowOften.WEEKLY:
            day -= timedelta(days=(here.weekday() - self.weekday) % 7)
        is_time = here.date() > day or here.hour >= self.hour
        return is_time and (last is None or last.astimezone(here.tzinfo).date() < day)


class DeliveryState(StrEnum):
    """What became of one delivery to one endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class EventFamily(StrEnum):
    """What an endpoint may subscribe to: the first word of the ledger's kinds of events."""

    FINDING = "finding"
    RISK = "risk"
    RISK_ACCEPTANCE = "risk_acceptance"
    WAIVER = "waiver"
    REMEDIATION = "remediation"
    SLA = "sla"
    SCAN = "scan"
    IMPORT = "import"
    ASSESSMENT = "assessment"
    ANSWER = "answer"
    EVIDENCE = "evidence"
    PACK = "pack"
    AUDIT_FINDING = "audit_finding"
    AUDIT_REQUEST = "audit_request"


MOST_ATTEMPTS = 12
_FIRST_WAIT = 30.0
_LONGEST_WAIT = 12 * 3600.0


def wait_after(attempts: int, jitter: float) -> float:
    """Seconds until the next try after so many failed ones. jitter: from 0 to 1, chosen at random, so that deliveries that
    failed together are not repeated together."""
    whole = min(_FIRST_WAIT * 2.0 ** min(attempts - 1, 20), _LONGEST_WAIT)
    return whole * (0.5 + jitter / 2)
