"""What findings and risks on record already would say by the rules that came after them."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

from compliance.types.applicability import RiskClass
from compliance.types.risk_priority import Exposure, judge, strength_of
from compliance.types.states import Severity

_FOUND = ("finding", "evidence_found")


def _said(apps: Any, _editor: Any) -> None:
    finding, risk = apps.get_model("compliance", "Finding"), apps.get_model("compliance", "Risk")
    standing = finding.objects.filter(state="not-satisfied")
    standing.filter(first_seen_at=F("last_seen_at")).update(sighting="new")
    standing.exclude(sighting="new").update(sighting="unchanged")
    finding.objects.filter(
        pk__in=finding.objects.filter(state="satisfied", observations__verdict__in=_FOUND).values("pk")
    ).update(sighting="fixed")
    risk.objects.update(opened_at=F("created_at"))
    for row in standing.select_related("system").iterator(chunk_size=500):
        _prioritise(row)


def _prioritise(row: Any) -> None:
    newest = row.observations.order_by("-created_at", "-pk").first()
    told = (newest.verdict, newest.producer, newest.facts) if newest else ("finding", "person", {})
    system = row.system
    exposure = Exposure(
        risk_class=RiskClass(system.risk_class),
        is_systemic=bool(system.is_systemic),
        is_on_market=system.on_market_since is not None,
    )
    judgement = judge(
        severity=Severity(row.severity),
        exposure=exposure,
        techniques=row.techniques,
        strength=strength_of(verdict=told[0], producer=told[1], facts=told[2]),
    )
    row.priority, row.priority_points = judgement.priority.value, judgement.points
    row.priority_reasons = [reason.to_json() for reason in judgement.reasons]
    row.save(update_fields=["priority", "priority_points", "priority_reasons"])


class Migration(migrations.Migration):
    dependencies = [("compliance", "0030_risks_in_their_table")]

    operations = [migrations.RunPython(_said, migrations.RunPython.noop)]
