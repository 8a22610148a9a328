"""Labels of layouts of packs, and of what is decided about risks, for compliance.choices."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from compliance.types import pack_layouts, risk_life, risk_priority, risk_transitions, seals

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

OF_PACKS: tuple[tuple[StrEnum, _StrPromise], ...] = (
    (pack_layouts.Layout.FULL, _("Full evidence pack")),
    (pack_layouts.Layout.SUMMARY, _("Management summary")),
    (pack_layouts.Layout.CHANGES, _("Statement of changes")),
)
OF_SEALS: tuple[tuple[StrEnum, _StrPromise], ...] = (
    (seals.SealLevel.B_T, _("B-T: signed and time-stamped")),
    (seals.SealLevel.B_LT, _("B-LT: with revocation data")),
    (seals.SealLevel.B_LTA, _("B-LTA: with revocation data under an archive time stamp")),
    (seals.RevocationReason.KEY_COMPROMISE, _("The key may be in other hands")),
    (seals.RevocationReason.SUPERSEDED, _("Another certificate took its place")),
    (seals.RevocationReason.CESSATION, _("It is no longer used")),
    (seals.RevocationReason.UNSPECIFIED, _("No reason given")),
)

OF_RISKS: tuple[tuple[StrEnum, _StrPromise], ...] = (
    (risk_transitions.RiskAct.IDENTIFY, _("Recorded as a risk")),
    (risk_transitions.RiskAct.INVESTIGATE, _("Under investigation")),
    (risk_transitions.RiskAct.REMEDIATE, _("Taken up for remediation")),
    (risk_transitions.RiskAct.PUT_BACK, _("Put back")),
    (risk_transitions.RiskAct.REQUEST_ACCEPTANCE, _("Acceptance requested")),
    (risk_transitions.RiskAct.WITHDRAW_ACCEPTANCE, _("Request withdrawn")),
    (risk_transitions.RiskAct.REFUSE_ACCEPTANCE, _("Acceptance refused")),
    (risk_transitions.RiskAct.APPROVE_ACCEPTANCE, _("Acceptance approved")),
    (risk_transitions.RiskAct.REVIEW_ACCEPTANCE, _("Acceptance reviewed")),
    (risk_transitions.RiskAct.REVOKE_ACCEPTANCE, _("Acceptance revoked")),
    (risk_transitions.RiskAct.EXPIRE_ACCEPTANCE, _("Acceptance expired")),
    (risk_transitions.RiskAct.CLOSE, _("Closed")),
    (risk_transitions.RiskAct.REOPEN, _("Opened again")),
    (risk_life.Sighting.NEW, _("New")),
    (risk_life.Sighting.UNCHANGED, _("Unchanged")),
    (risk_life.Sighting.FIXED, _("Fixed")),
    (risk_life.Sighting.REAPPEARED, _("Reappeared")),
    (risk_life.AgreementState.REQUESTED, _("Requested")),
    (risk_life.AgreementState.APPROVED, _("In force")),
    (risk_life.AgreementState.REFUSED, _("Refused")),
    (risk_life.AgreementState.WITHDRAWN, _("Withdrawn")),
    (risk_life.AgreementState.REVOKED, _("Revoked")),
    (risk_life.AgreementState.EXPIRED, _("Expired")),
    (risk_life.AgreementState.REPLACED, _("Replaced by a later request")),
    (risk_life.ClosingState.PROPOSED, _("Awaits confirmation")),
    (risk_life.ClosingState.CONFIRMED, _("Confirmed")),
    (risk_life.ClosingState.RETURNED, _("Returned")),
    (risk_life.ClosingState.LAPSED, _("Fallen away")),
    (risk_life.ClosingBasis.RESCAN, _("A new test of the same scope no longer reproduces it")),
    (
        risk_life.ClosingBasis.REPLACEMENT,
        _("The model was replaced, and the same test does not find it in its successor"),
    ),
    (risk_life.ClosingBasis.VERIFICATION, _("The data sets were compared with their manifests again")),
    (risk_life.ClosingBasis.ENTITLEMENTS, _("A new reading of who can submit no longer has it")),
    (risk_life.ClosingBasis.CHECK, _("A new run of the checks no longer finds it")),
    (risk_life.ClosingBasis.AUDIT, _("The auditor closed it in the follow-up")),
    (risk_life.ClosingBasis.EXAMINATION, _("New evidence was attached and examined")),
    (risk_priority.Priority.P1, _("P1, first of all")),
    (risk_priority.Priority.P2, _("P2, soon")),
    (risk_priority.Priority.P3, _("P3, in turn")),
    (risk_priority.Priority.P4, _("P4, when there is time")),
    (risk_priority.Tier.CONFIRMED, _("calibrated test, trigger confirmed")),
    (risk_priority.Tier.CALIBRATED, _("calibrated test")),
    (risk_priority.Tier.UNCALIBRATED, _("uncalibrated test")),
    (risk_priority.Tier.FILE, _("scan of files, prompts or settings")),
    (risk_priority.Tier.RECORDS, _("check of the records")),
    (risk_priority.Tier.EXAMINED, _("examined by a person")),
    (risk_priority.Factor.SEVERITY, _("Severity")),
    (risk_priority.Factor.EXPOSURE, _("Class of the AI system")),
    (risk_priority.Factor.ON_MARKET, _("On the market")),
    (risk_priority.Factor.TECHNIQUE, _("ATLAS technique")),
    (risk_priority.Factor.TIER, _("Strength of the test")),
    (risk_priority.Factor.POWER, _("Measured power of the test")),
)
