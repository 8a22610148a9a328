"""Makes records the way people and imports make them, for tests of the record's pages, API and packs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from compliance.models import (
    AISystem,
    Assessment,
    AuditQuestion,
    Evidence,
    Finding,
    JobEvent,
    ModelVersion,
    Observation,
    ReferenceControl,
    RemediationItem,
    RetentionTerms,
    Technique,
    TechniqueSection,
    User,
    WorkEntry,
)
from compliance.selectors.retention import terms_in_force
from compliance.services import evidence as evidences
from compliance.services import findings, inventory, ledger, observations, people, remediation, work_log
from compliance.services.engagements import EngagementDraft
from compliance.services.remediation import ItemPlan, MilestoneDraft, Origin
from compliance.services.work_log import Work
from compliance.types.canonical import digest_of
from compliance.types.controls import ControlBasis, ControlNature, ControlTerms, ControlType
from compliance.types.drafts import JSON, AssetRef, ObservationDraft, PrincipalDraft
from compliance.types.engagements import TeamPart
from compliance.types.plans import EffortUnit, Estimate
from compliance.types.states import ActionClass, Method, ModelOrigin, Outcome, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict

LONG_AGO = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DOT_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # one pixel
)
SUBTECHNIQUES = (
    ("AML.T0018.000", "Poison AI Model"),
    ("AML.T0018.001", "Modify AI Model Architecture"),
    ("AML.T0018.002", "Embed Malware"),
    ("AML.T0018.003", "Modify Prompt Construction Logic"),
)
CONTROLS = (
    ("BDM-14", "Static scan of model files"),
    ("BDM-15", "Backdoor test of model weights"),
    ("BDM-16", "Review of prompt construction logic"),
)
ASKED: tuple[JSON, ...] = (
    {"computed": ["training_data"], "checks": ["dataset-not-verified", "dataset-changed"]},
    {"computed": ["submitters", "access_review"], "checks": ["submitter-not-approved", "job-without-approval"]},
    {"computed": ["inherited_models"], "checks": ["base-model-unknown", "base-model-not-scanned"]},
    {"computed": ["job_log"], "checks": ["log-gap"]},
)
TASKS = [
    {
        "key": "quarantine",
        "title": "Take the model version out of service",
        "detail": "Block the digest in the registry and at load.",
        "role": "ML operations",
        "person_days": 0.5,
        "controls": ["BDM-22"],
    },
    {
        "key": "replace",
        "title": "Replace the model",
        "detail": "Retrain from an approved base on verified data.",
        "role": "ML engineer",
        "person_days": 5,
        "controls": ["BDM-15"],
    },
]


def catalogue() -> Technique:
    """The technique with its sub-techniques, three controls, the four questions and the section on remediation."""
    technique = Technique.objects.create(
        atlas_id="AML.T0018", name="Manipulate AI Model", atlas_release="2026.07", summary="A model is changed."
    )
    for atlas_id, name in SUBTECHNIQUES:
        Technique.objects.create(atlas_id=atlas_id, name=name, atlas_release="2026.07", summary=name, parent=technique)
    TechniqueSection.objects.create(
        technique=technique,
        key="remediation",
        title="What to do",
        position=4,
        content={
            "blocks": [{"kind": "paragraph", "text": "First limit the harm.", "entries": [], "sources": []}],
            "tasks": TASKS,
        },
    )
    questions = [
        AuditQuestion.objects.create(
            technique=technique,
            number=number,
            text=f"Question {number}?",
            guidance="A dated record.",
            facts={"claims": [], **asked},
        )
        for number, asked in enumerate(ASKED, start=1)
    ]
    for control_id, title in CONTROLS:
        control = ReferenceControl.objects.create(
            control_id=control_id,
            title=title,
            family="Testing",
            objective=f"{title} is done for every version in use.",
            tier="core",
            control_type="detective",
            nature="automated",
            frequency="per version",
        )
        control.questions.set(questions[2:3])
        control.techniques.set([technique])
    return technique


def control_terms(control_id: str, statement: str = "Every file is scanned before it is loaded.") -> ControlTerms:
    """A reference control as an organisation would take it over, under the same id."""
    return ControlTerms(
        control_id=control_id,
        title="Scan before load",
        basis=ControlBasis.ADAPTED,
        statement=statement,
        performer="ML operations",
        frequency="per version",
        scope="",
        systems=("Model registry",),
        accounts=("111122223333 eu-central-1",),
        nature=ControlNature.AUTOMATED,
        control_type=ControlType.DETECTIVE,
        is_key=True,
        effective_from=date(2026, 1, 1),
        references=(control_id,),
        requirements=(),
    )


def evidence(
    system: AISystem, content: bytes, *, actor: User | None, title: str = "", filename: str = "record.json"
) -> Evidence:
    """An accepted document with this content."""
    kept = evidences.receive(
        system=system, stream=io.BytesIO(content), filename=filename, title=title, received_by=actor
    )
    evidences.accept(evidence=kept, actor=actor)
    return kept


def model_version(
    system: AISystem,
    name: str,
    label: str,
    *,
    actor: User | None,
    origin: ModelOrigin = ModelOrigin.OWN,
    parent: ModelVersion | None = None,
    supplier: str = "",
) -> ModelVersion:
    """A registered model version whose bytes are its own name."""
    kept = evidence(system, f"{system.name} {name} {label}".encode(), actor=actor, filename=f"{name}-{label}.onnx")
    return inventory.register_model_version(
        system=system,
        name=name,
        label=label,
        evidence=kept,
        origin=origin,
        supplier=supplier,
        parent=parent,
        actor=actor,
        file_format="onnx",
    )


def stage_facts(verdict: StageVerdict) -> JSON:
    """What a trigger-inversion stage leaves in an observation's facts."""
    stage = {
        "detector": "trigger_inversion",
        "detector_version": "1",
        "parameters": {"steps": 300, "classes": 3},
        "verdict": verdict.value,
        "statement": "The recovered trigger of class 0 is smaller than that of every reference model.",
        "speaks_to": ["AML.T0018.000"],
        "limits": ["Speaks to patch triggers of images alone."],
        "facts": {
            "norms": [6.4, 38.0, None],
            "first_ranked_class": 0,
            "smallest_norm": 6.4,
            "held_out": {"flipped": 196, "tried": 200, "flip_rate": 0.98, "interval_95": [0.95, 0.99]},
            "references": 3,
            "reference_smallest_norms": [36.1, 37.9, 40.2],
            "p_value": 0.25,
            "p_value_resolution": 0.25,
        },
        "images": {"trigger": DOT_PNG},
        "seconds": 20.5,
        "peak_memory_bytes": 1_000_000,
    }
    scan = {
        "model_sha256": "0" * 64,
        "model_format": "onnx",
        "architecture_digest": "1" * 64,
        "verdict": verdict.value,
        "data": {"images": 200},
        "environment": {"torch": "2"},
        "started_at": "2026-03-02T09:29:00+00:00",
        "finished_at": "2026-03-02T09:30:00+00:00",
    }
    return {"stage": stage, "scan": scan}


def observed(
    version: ModelVersion,
    verdict: StageVerdict | FileScanVerdict,
    *,
    rule: str = "trigger_inversion",
    at: datetime = LONG_AGO,
    severity: Severity = Severity.CRITICAL,
    facts: JSON | None = None,
    title: str = "A small trigger flips the model's answer",
    actor: User | None = None,
    techniques: Sequence[str] = ("AML.T0018.000",),
) -> Observation:
    """One observation on a model version, with the findings that follow from it."""
    source = uuid4()
    draft = ObservationDraft(
        producer="assay",
        producer_version="1",
        rule=rule,
        title=title,
        description="The recovered trigger of class 0 is smaller than that of every reference model.",
        method=Method.TEST,
        asset=AssetRef(kind="model_file", name=str(version), digest=version.digest),
        fingerprint=digest_of([rule, version.digest, at.isoformat()]),
        verdict=verdict,
        observed_at=at,
        severity=severity,
        atlas_techniques=tuple(techniques),
        facts=facts or {},
    )
    system = version.model.system
    observations.record_batch(system=system, source_uuid=source, evidence=None, drafts=[draft], model_version=version)
    observation = Observation.objects.get(source_uuid=source)
    findings.conclude(observations=[observation], actor=actor)
    return observation


def finding_of(observation: Observation) -> Finding:
    """The finding drawn from an observation."""
    return observation.findings.get()


def origin_of(finding: Finding) -> Origin:
    """What an item for a finding is opened from."""
    return Origin.of_finding(finding)


def item_plan(*, owner: User, due_on: date, title: str = "Replace the model", **changes: Any) -> ItemPlan:
    """A plan of five person-days."""
    estimate = Estimate(low=Decimal(3), likely=Decimal(5), high=Decimal(9))
    plan = ItemPlan(
        title=title, description="Retrain from an approved base.", owner=owner, estimate=estimate, due_on=due_on
    )
    return replace(plan, **changes)


def remediation_item(
    finding: Finding,
    *,
    owner: User,
    actor: User,
    title: str = "Replace the model",
    due_on: date = date(2099, 12, 1),
    milestones: Sequence[MilestoneDraft] = (),
) -> RemediationItem:
    """An open remediation item; one that is due in the past was opened in time, and the days have gone by."""
    plan = item_plan(owner=owner, title=title, due_on=max(due_on, timezone.localdate()), milestones=milestones)
    item = remediation.open_item(origin=origin_of(finding), plan=plan, actor=actor)
    if due_on != item.due_on:
        RemediationItem.objects.filter(pk=item.pk).update(due_on=due_on)
        item.refresh_from_db()
    return item


def worked(item: RemediationItem, person: User, days: str) -> WorkEntry:
    """Work of today, logged by whoever did it."""
    work = Work(person=person, day=timezone.localdate(), amount=Decimal(days), unit=EffortUnit.DAYS, what="Retrained")
    return work_log.log(item=item, work=work, actor=person)


def log_events(
    system: AISystem,
    kept: Evidence,
    number: int,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    action_class: ActionClass = ActionClass.SUBMIT,
    actors: int = 1,
    start: datetime = LONG_AGO,
    tag: str = "",
) -> list[JobEvent]:
    """Events of fine-tune jobs as one import publishes them, an hour apart; every tenth names no actor."""
    source = uuid4()
    drafts = [
        PrincipalDraft(identifier=f"arn:aws:iam::1111:user/{tag}{n}", display=f"trainer-{tag}{n}", kind="IAMUser")
        for n in range(actors)
    ]
    known = people.principals_for(drafts=drafts)
    rows = [
        JobEvent(
            system=system,
            evidence=kept,
            source_uuid=source,
            fingerprint=digest_of([tag, str(source), n]),
            source="aws-cloudtrail",
            source_event_id=f"event-{tag}{n}",
            locator=f"Records[{n}]",
            raw={"eventName": "CreateTrainingJob", "userAgent": "<script>alert(1)</script>"},
            raw_sha256=digest_of(["raw", tag, n]),
            occurred_at=start + timedelta(hours=n),
            actor=None if n % 10 == 9 else known[drafts[n % actors].identifier],
            action="sagemaker:CreateTrainingJob",
            action_class=action_class,
            outcome=outcome,
            account="111122223333",
            region="eu-central-1",
            job_id=f"arn:aws:sagemaker:eu-central-1:111122223333:training-job/{tag}{n}",
            job_name=f"fine-tune-{tag}{n}",
            base_model="digits-base",
            inputs=[{"role": "train", "uri": "s3://training/data", "digest": ""}],
            unknown_fields=["output_model"],
            redacted_fields=["requestParameters.environment"],
        )
        for n in range(number)
    ]
    JobEvent.objects.bulk_create(rows)
    with transaction.atomic():
        subject = JobEvent(uuid=source)  # the ledger knows an import by its uuid alone
        payload = {"rows": number, "evidence": kept.sha256}
        ledger.record(kind="import.published", subject=subject, payload=payload, actor=None, system=system)
    return list(JobEvent.objects.filter(source_uuid=source).order_by("occurred_at"))


def audit(auditor: User, assessments: Sequence[Assessment], **changes: Any) -> EngagementDraft:
    """An engagement of one auditor over the whole year for the systems of these assessments."""
    draft = EngagementDraft(
        title="Audit",
        criteria="Own criteria",
        systems=list({assessment.system_id: assessment.system for assessment in assessments}.values()),
        assessments=assessments,
        team=[(auditor, TeamPart.LEAD)],
        period_start=date(2026, 1, 1),
        period_end=date(2026, 12, 31),
        expires_at=timezone.now() + timedelta(days=30),
    )
    return replace(draft, **changes)


def state_bases(actor: User | None) -> None:
    """Every retention class gets a legal basis that somebody stated."""
    for key, terms in terms_in_force().items():
        RetentionTerms.objects.create(
            key=key, version=terms.version + 1, title=terms.title, months=terms.months, starts=terms.starts,
            legal_basis="Section 147 of the tax code.", kinds=terms.kinds, made_by=actor,
        )  # fmt: skip
