"""Assessments: opened with their questions; frozen by services.freezes."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, Answer, Assessment, AuditQuestion, CatalogRelease, Technique, User
from compliance.services import ledger
from compliance.services.catalog_rows import RETIRED
from compliance.services.errors import RefusedError


def open_assessment(
    *,
    system: AISystem,
    technique: Technique,
    title: str,
    scope: str,
    period_start: date,
    period_end: date,
    audit_date: date | None,
    actor: User,
) -> Assessment:
    """A new assessment with every audit question on its technique still to be answered, bound to the catalogue now in force."""
    if period_end < period_start:
        raise RefusedError(_("The period ends before it starts."))
    if not title.strip():
        raise RefusedError(_("Give the assessment a title."))
    asked = AuditQuestion.objects.filter(technique=technique)
    questions = [question for question in asked if not question.facts.get(RETIRED)]
    if not questions:
        told = _("No audit questions on %s are loaded; run “manage.py load_catalog” first.")
        raise RefusedError(told % technique.atlas_id)
    with transaction.atomic():
        assessment = Assessment.objects.create(
            system=system,
            technique=technique,
            title=title,
            scope=scope,
            period_start=period_start,
            period_end=period_end,
            audit_date=audit_date,
            opened_by=actor,
        )
        assessment.releases.set(CatalogRelease.objects.filter(is_current=True))
        Answer.objects.bulk_create(Answer(assessment=assessment, question=question) for question in questions)
        ledger.record(
            kind="assessment.opened",
            subject=assessment,
            payload={
                "technique": technique.atlas_id,
                "period": [period_start.isoformat(), period_end.isoformat()],
                "questions": len(questions),
            },
            actor=actor,
            system=system,
        )
    return assessment
