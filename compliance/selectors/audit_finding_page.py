"""Auditors' findings as their list, page and files show them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance.models import AttributeResult, AuditFinding, ControlTest, Finding
from compliance.rights import Asker, visible
from compliance.types.testing import AuditFindingState, InstanceResult

ROWS = AuditFinding.objects.select_related(
    "engagement", "test__control__system", "repeats__engagement", "finding", "written_by", "action_owner", "item"
)
OVER = (AuditFindingState.CLOSED, AuditFindingState.WITHDRAWN)
OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFindingFilter:
    """What the list is asked for; empty means any. state: an AuditFindingState, or OPEN for all that are not over."""

    text: str = ""
    state: str = ""
    engagement: UUID | None = None


def audit_findings(user: Asker, asked: AuditFindingFilter) -> QuerySet[AuditFinding]:
    """Auditors' findings that exist for the asker, latest first."""
    rows = visible(ROWS, user)
    if asked.text:
        rows = rows.filter(Q(title__icontains=asked.text) | Q(test__control__control_id__icontains=asked.text))
    if asked.engagement:
        rows = rows.filter(engagement__uuid=asked.engagement)
    if asked.state == OPEN:
        rows = rows.exclude(state__in=OVER)
    elif asked.state:
        rows = rows.filter(state=asked.state)
    return rows.order_by("-created_at", "-pk")


def audit_finding_behind(finding: Finding, user: Asker) -> AuditFinding | None:
    """The auditor's finding that an entry of the record of findings came from, where it exists for the asker."""
    return visible(ROWS.filter(finding=finding), user).first()


def exceptions_of(test: ControlTest) -> QuerySet[AttributeResult]:
    """Exceptions of a test that a finding can rest on: those of instances that are not void."""
    rows = AttributeResult.objects.filter(
        instance__test=test, result=InstanceResult.EXCEPTION, instance__voided_at=None
    )
    return rows.select_related("instance").order_by("instance__stratum", "instance__rank", "attribute")
