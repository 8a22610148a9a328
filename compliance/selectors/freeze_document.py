"""Builds the freeze document "assay-freeze/2" of an assessment from the tables. Reads only; the service stores it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet

import compliance
from compliance.choices import label
from compliance.models import (
    Answer,
    AnswerRevision,
    Assessment,
    CatalogRelease,
    EvidenceLink,
    Finding,
    MappingPair,
    Observation,
    ReferenceControl,
    Technique,
    User,
)
from compliance.selectors import (
    freeze_audit,
    freeze_controls,
    freeze_inventory,
    freeze_job_log,
    freeze_mappings,
    freeze_risks,
    freeze_suppliers,
)
from compliance.selectors.freeze_remediation import remediation
from compliance.selectors.pre_audit import pre_audit_checks
from compliance.selectors.question_facts import QuestionFacts, question_facts
from compliance.selectors.retention import covered
from compliance.types import freeze as doc
from compliance.types.figure_rules import FIGURE_RULES
from compliance.types.freeze_answers import PreAuditLine
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_completeness import Completeness
from compliance.types.freeze_entitlements import Entitlements
from compliance.types.freeze_lines import SCHEMA, Lines
from compliance.types.handling import HandlingLabel
from compliance.types.states import (
    AnswerState,
    AnswerValue,
    EvidenceState,
    MappingState,
    Method,
    RetentionClass,
    Role,
    Severity,
)
from compliance.types.verdicts import Conclusion

ROWS_AT_ONCE = 500
Places = Mapping[UUID, doc.LedgerPlace]


def utc(moment: datetime) -> str:
    """UTC with seconds and "Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_or_none(moment: datetime | None) -> str | None:
    """UTC text, or None."""
    return utc(moment) if moment else None


def day(value: date | None) -> str | None:
    """ISO day, or None."""
    return value.isoformat() if value else None


def person(user: User) -> doc.Person:
    """A person by name and role in words."""
    return doc.Person(name=user.name, role=str(label(Role(user.role))))


def _technique(technique: Technique) -> doc.Technique:
    history = [str(entry.get("name", "")) for entry in technique.facts.get("name_history", [])]
    return doc.Technique(
        id=technique.atlas_id,
        name=technique.name,
        formerly=[name for name in dict.fromkeys(history) if name and name != technique.name],
        summary=technique.summary,
        content_release=technique.atlas_release,
        subtechniques=[
            doc.Subtechnique(id=sub.atlas_id, name=sub.name, summary=sub.summary)
            for sub in technique.subtechniques.order_by("atlas_id")
        ],
    )


def _assessment(assessment: Assessment) -> doc.Assessment:
    involved = User.objects.filter(
        pk__in=[
            assessment.opened_by_id,
            *assessment.answers.values_list("author", flat=True),
            *assessment.answers.values_list("approver", flat=True),
        ]
    )
    return doc.Assessment(
        uuid=str(assessment.uuid),
        title=assessment.title,
        system=assessment.system.name,
        system_description=assessment.system.description,
        period_start=assessment.period_start.isoformat(),
        period_end=assessment.period_end.isoformat(),
        scope=assessment.scope,
        exclusions="",
        people=[person(user) for user in involved.order_by("name")],
    )


def _catalogues(releases: QuerySet[CatalogRelease]) -> list[doc.CatalogueVersion]:
    return [
        doc.CatalogueVersion(
            id=release.key, title=release.key, version=release.version, sha256=release.sha256, licence=release.licence
        )
        for release in releases.order_by("key")
    ]


def _reference_controls(technique: Technique) -> list[doc.ReferenceControl]:
    controls = ReferenceControl.objects.prefetch_related(
        "questions", "techniques", Prefetch("pairs", queryset=MappingPair.objects.only("control", "state"))
    )
    listed = []
    for control in controls:
        states = [pair.state for pair in control.pairs.all()]
        listed.append(
            doc.ReferenceControl(
                id=control.control_id,
                title=control.title,
                family=control.family,
                objective=control.objective,
                questions=sorted(
                    question.number for question in control.questions.all() if question.technique_id == technique.pk
                ),
                approved_mappings=states.count(MappingState.APPROVED),
                draft_mappings=states.count(MappingState.DRAFT),
                techniques=sorted(threat.atlas_id for threat in control.techniques.all()),
            )
        )
    return listed


def _change(revision: AnswerRevision) -> doc.AnswerChange:
    value = revision.snapshot.get("value")
    return doc.AnswerChange(
        at=utc(revision.created_at),
        by=person(revision.actor),
        state=AnswerState(revision.snapshot["state"]),
        value=AnswerValue(value) if value else None,
        note=revision.comment,
    )


def _named(user: User | None) -> str:
    return f"{user.name} ({label(Role(user.role))})" if user else ""


def _answer(answer: Answer) -> doc.Answer | None:
    if not answer.value or answer.author is None:
        return None
    return doc.Answer(
        state=AnswerState(answer.state),
        value=AnswerValue(answer.value),
        statement=answer.statement,
        reason=answer.reason,
        claims=[{"label": str(key), "value": str(value)} for key, value in answer.claims.items() if str(value).strip()],
        author=person(answer.author),
        submitted_at=utc_or_none(answer.submitted_at),
        approver=person(answer.approver) if answer.approver else None,
        approved_at=utc_or_none(answer.decided_at) if answer.approver else None,
        evidence=[str(link.evidence.uuid) for link in answer.evidence_links.all()],
        findings=[str(finding.uuid) for finding in answer.findings.all()],
        assignee=_named(answer.assignee),
        delegate=_named(answer.delegate),
        reviewer=_named(answer.reviewer),
        due=day(answer.due_on),
        approved_on=[{"evidence": row[0], "sha256": row[1]} for row in answer.approved_on],
        justified=answer.justified,
        justification=answer.justification,
        not_independent=answer.alone_reason,
    )


def _questions(assessment: Assessment) -> list[doc.Question]:
    answers = assessment.answers.select_related(
        "question", "author", "approver", "assignee", "delegate", "reviewer", "assessment__technique"
    ).prefetch_related(
        Prefetch("evidence_links", queryset=EvidenceLink.objects.select_related("evidence")),
        "findings",
        Prefetch("revisions", queryset=AnswerRevision.objects.select_related("actor").order_by("version", "pk")),
    )
    return [_question(answer, question_facts(answer)) for answer in answers]


def _question(answer: Answer, says: QuestionFacts) -> doc.Question:
    return doc.Question(
        number=answer.question.number,
        text=answer.question.text,
        guidance=answer.question.guidance,
        answer=_answer(answer),
        contradictions=list(says.contradictions),
        history=[_change(revision) for revision in answer.revisions.all()],
        figures=[
            {"label": fact.label, "value": fact.value, "rule": fact.rule, "rows": fact.rows} for fact in says.facts
        ],
    )


def _evidence(assessment: Assessment, places: Places) -> list[doc.EvidenceRecord]:
    custody = freeze_audit.custody(assessment)
    return [
        doc.EvidenceRecord(
            uuid=str(entry.uuid),
            title=entry.title,
            filename=entry.filename,
            sha256=entry.sha256,
            size=entry.size,
            media_type=entry.media_type,
            source=entry.source_system,
            collected_how=entry.collected_how,
            collected_by=entry.received_by.name if entry.received_by else "",
            collected_at=utc(entry.collected_at or entry.created_at),
            period_start=day(entry.effective_from),
            period_end=day(entry.effective_to),
            state=EvidenceState(entry.state),
            state_reason=entry.rejection,
            retention=RetentionClass(entry.retention_class),
            legal_hold=entry.legal_hold or entry.is_covered,
            purged_at=utc_or_none(entry.tombstone.created_at) if entry.state == EvidenceState.DISPOSED else None,
            ledger=places.get(entry.uuid),
            environment=entry.environment,
            query=entry.query,
            executed_by=entry.executed_by,
            extracted_at=utc_or_none(entry.collected_at),
            zone=entry.zone,
            row_count=entry.row_count,
            control_total=entry.control_total,
            obtained=entry.obtained,
            received_at=utc(entry.created_at),
            handling=HandlingLabel(entry.handling),
            supersedes=str(entry.supersedes.uuid) if entry.supersedes else None,
            custody=custody.get(str(entry.uuid), []),
        )
        for entry in assessment.system.evidence.select_related("received_by", "tombstone", "supersedes")
        .annotate(is_covered=covered())
        .order_by("created_at", "pk")
    ]


def _observation(observation: Observation) -> doc.ObservationRef:
    return doc.ObservationRef(
        uuid=str(observation.uuid),
        producer=f"{observation.producer} {observation.producer_version}".strip(),
        rule=observation.rule,
        title=observation.title,
        method=Method(observation.method),
        verdict=observation.verdict,
        observed_at=utc_or_none(observation.observed_at),
        evidence=str(observation.evidence.uuid) if observation.evidence else None,
    )


def _finding(finding: Finding) -> doc.Finding:
    return doc.Finding(
        uuid=str(finding.uuid),
        title=finding.title,
        asset=finding.asset_name,
        target=finding.target.control_id,
        state=Conclusion(finding.state),
        severity=Severity(finding.severity) if finding.state == Conclusion.NOT_SATISFIED else None,
        opened_at=utc(finding.first_seen_at),
        condition=finding.condition,
        criteria=finding.criteria,
        cause=finding.cause,
        effect=finding.effect,
        observations=[_observation(observation) for observation in finding.observations.all()],
        **freeze_risks.marks(finding),
    )


def _findings(assessment: Assessment) -> Iterator[doc.Finding]:
    """All of them; the rows that they are read from are held a few at a time."""
    observations = Observation.objects.select_related("evidence").defer("facts").order_by("created_at")
    rows = (
        assessment.system.findings.select_related("target")
        .prefetch_related(Prefetch("observations", queryset=observations))
        .order_by("state", "first_seen_at", "pk")
    )
    return map(_finding, rows.iterator(chunk_size=ROWS_AT_ONCE))


def growing(assessment: Assessment) -> dict[str, Iterator[Any]]:
    """The lists that grow with the record, by their names in the document (compliance.types.freeze_lines), row by row."""
    system = assessment.system
    return {
        "findings": _findings(assessment),
        "risks": freeze_risks.risks(system),
        "remediation": remediation(system),
        "closings": freeze_risks.closings(system),
        "scans": freeze_inventory.scans(system),
        "file_scans": freeze_inventory.file_scans(system),
    }


def _pre_audit(assessment: Assessment) -> list[PreAuditLine]:
    return [
        {"check": line.check, "title": line.title, "open": [one.sentence for one in line.open]}
        for line in pre_audit_checks(assessment)
    ]


def build(
    assessment: Assessment,
    *,
    frozen_by: User,
    frozen_at: datetime,
    head: doc.LedgerHead,
    places: Places,
    lists: Mapping[str, Lines[Any]],
    register: Blob | None,
    entitlements: Entitlements,
    completeness: Completeness,
) -> doc.Freeze:
    """The whole document of an assessment as its tables stand now. lists: what `growing` answered, written as registers."""
    system = assessment.system
    return doc.Freeze(
        schema=SCHEMA,
        generated_by={"name": "Assay", "version": compliance.__version__},
        frozen_at=utc(frozen_at),
        frozen_by=person(frozen_by),
        organisation=settings.ORGANISATION,
        demonstration=system.is_demonstration,
        assessment=_assessment(assessment),
        technique=_technique(assessment.technique),
        catalogues=_catalogues(assessment.releases.defer("content")),
        reference_controls=_reference_controls(assessment.technique),
        implemented_controls=freeze_controls.implemented_controls(assessment),
        questions=_questions(assessment),
        evidence=_evidence(assessment, places),
        models=freeze_inventory.models(system),
        datasets=freeze_inventory.datasets(system),
        coverage=freeze_inventory.coverage(system, assessment.technique),
        scans=lists["scans"],
        file_scans=lists["file_scans"],
        job_log=freeze_job_log.job_log(assessment, register=register),
        entitlements=entitlements,
        completeness=completeness,
        findings=lists["findings"],
        risks=lists["risks"],
        remediation=lists["remediation"],
        ledger=head,
        mappings=freeze_mappings.mappings(),
        pre_audit=_pre_audit(assessment),
        figure_rules=[{"id": key, "words": words} for key, words in FIGURE_RULES.items()],
        suppliers=freeze_suppliers.suppliers(assessment),
        closings=lists["closings"],
        waivers=freeze_risks.waivers(system),
        **freeze_audit.additions(assessment, frozen_by, frozen_at),
    )
