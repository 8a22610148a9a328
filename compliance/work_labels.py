"""Labels of what work on findings is told by: time limits, notices and webhooks. `choices.py` takes them over."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from compliance.types import estimate_claim, notices, sla

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LABELLED: tuple[tuple[StrEnum, _StrPromise], ...] = (
    (sla.SlaUnit.DAYS, _("days")),
    (sla.SlaUnit.WORKING_HOURS, _("working hours")),
    (sla.SlaState.IN_TIME, _("In time")),
    (sla.SlaState.NEAR, _("Near its limit")),
    (sla.SlaState.BREACHED, _("Over its limit")),
    (sla.SlaState.PAUSED, _("Paused")),
    (sla.SlaState.MET, _("Met")),
    (sla.SlaState.MISSED, _("Missed")),
    (notices.NoticeKind.ASSIGNED, _("Work assigned to you")),
    (notices.NoticeKind.DUE_SOON, _("Due soon")),
    (notices.NoticeKind.OVERDUE, _("Due or overdue")),
    (notices.NoticeKind.SLA_NEAR, _("Findings near their time limit")),
    (notices.NoticeKind.SLA_BREACHED, _("Findings over their time limit")),
    (notices.NoticeKind.ACCEPTANCE_ASKED, _("Risk acceptances to decide")),
    (notices.NoticeKind.ACCEPTANCE_DECIDED, _("Risk acceptances decided")),
    (notices.NoticeKind.ACCEPTANCE_EXPIRED, _("Risk acceptances that ended")),
    (notices.NoticeKind.FINDING_BACK, _("Findings that are back")),
    (notices.NoticeKind.CLOSING_PROPOSED, _("Closings to confirm")),
    (notices.NoticeKind.COMMENT, _("Comments")),
    (notices.NoticeKind.COVERAGE_STALE, _("Tests that grew too old")),
    (notices.NoticeKind.WEBHOOK_FAILING, _("Webhooks that fail")),
    (notices.HowOften.HOURLY, _("when something happens, at most once an hour")),
    (notices.HowOften.DAILY, _("once a day")),
    (notices.HowOften.WEEKLY, _("once a week")),
    (notices.HowOften.NEVER, _("never")),
    (notices.DeliveryState.WAITING, _("Waiting")),
    (notices.DeliveryState.DELIVERED, _("Delivered")),
    (notices.DeliveryState.GIVEN_UP, _("Given up")),
    (notices.EventFamily.FINDING, _("Findings")),
    (notices.EventFamily.RISK, _("Risks")),
    (notices.EventFamily.RISK_ACCEPTANCE, _("Risk acceptances")),
    (notices.EventFamily.WAIVER, _("Waivers")),
    (notices.EventFamily.REMEDIATION, _("Remediation items")),
    (notices.EventFamily.SLA, _("Time limits")),
    (notices.EventFamily.SCAN, _("Scans")),
    (notices.EventFamily.IMPORT, _("Imports")),
    (notices.EventFamily.ASSESSMENT, _("Assessments")),
    (notices.EventFamily.ANSWER, _("Answers")),
    (notices.EventFamily.EVIDENCE, _("Evidence")),
    (notices.EventFamily.PACK, _("Packs")),
    (notices.EventFamily.AUDIT_FINDING, _("Findings of auditors")),
    (notices.EventFamily.AUDIT_REQUEST, _("Requests of auditors")),
    (estimate_claim.Standing.IN_PART, _("Some tasks not opened")),
    (estimate_claim.Standing.RUNNING, _("Not over")),
    (estimate_claim.Standing.SHORTER, _("Took less")),
    (estimate_claim.Standing.AS_TOLD, _("As told")),
    (estimate_claim.Standing.LONGER, _("Longer")),
    (estimate_claim.ClaimVerdict.NOT_ENOUGH, _("Not enough on record")),
    (estimate_claim.ClaimVerdict.HOLDS, _("Holds so far")),
    (estimate_claim.ClaimVerdict.SHORTER, _("Took less so far")),
    (estimate_claim.ClaimVerdict.LONGER, _("Took longer so far")),
    (estimate_claim.ClaimVerdict.MIXED, _("Does not hold so far")),
)
