"""What was recorded about an AI system between a freeze and a later moment. Reads only."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Count, Max, Min, Q

from compliance.models import Finding, Freeze, TrailEntry
from compliance.types.pack_layouts import LATER_FINDINGS, Later, LaterAct, LaterFinding
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion

# The issue of packs is told by their numbers, and who took which file by the log of reads.
_OF_PACKS = Q(event__kind__startswith="pack.") | Q(event__kind__in=("assessment.frozen", "evidence.handed_out"))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def since_freeze(freeze: Freeze, until: datetime) -> Later:
    """Events of the system's ledger by kind, and findings that were first seen since; three queries."""
    system = freeze.assessment.system_id
    rows = TrailEntry.objects.filter(
        system=system, event__created_at__gt=freeze.created_at, event__created_at__lte=until
    ).exclude(_OF_PACKS)
    counted = (
        rows.order_by()
        .values("event__kind")
        .annotate(count=Count("pk"), first=Min("event__created_at"), last=Max("event__created_at"))
    )
    acts = [
        LaterAct(kind=row["event__kind"], count=row["count"], first=_utc(row["first"]), last=_utc(row["last"]))
        for row in counted.order_by("event__kind")
    ]
    findings = Finding.objects.filter(system=system, first_seen_at__gt=freeze.created_at, first_seen_at__lte=until)
    return Later(
        until=_utc(until),
        events=sum(act["count"] for act in acts),
        acts=acts,
        findings=[_finding(row) for row in findings.order_by("-first_seen_at", "-pk")[:LATER_FINDINGS]],
        findings_total=findings.count(),
    )


def _finding(row: Finding) -> LaterFinding:
    standing = row.state == Conclusion.NOT_SATISFIED
    return LaterFinding(
        title=row.title,
        asset=row.asset_name,
        severity=Severity(row.severity) if standing else None,
        state=Conclusion(row.state),
        at=_utc(row.first_seen_at),
    )
