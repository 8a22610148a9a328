"""The demonstration: the main job from raw files to a frozen assessment, through the services that people's clicks use.

Every step is safe to repeat: what is there already is found and left as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from compliance.models import AISystem, Answer, Assessment, Finding, ReferenceControl, Technique, User
from compliance.services import (
    answers,
    assessments,
    check_runs,
    controls,
    engagements,
    evidence,
    findings,
    freezes,
    inventory,
    leases,
    people,
    remediation,
)
from compliance.services.errors import RefusedError
from compliance.services.remediation import ItemPlan, MilestoneDraft, Origin
from compliance.types.controls import ControlBasis, ControlNature, ControlTerms, ControlType
from compliance.types.engagements import EngagementKind, TeamPart
from compliance.types.plans import Estimate
from compliance.types.states import AnswerState, JobState, Role
from compliance.types.verdicts import Conclusion, FileScanVerdict
from scanning import intake
from scanning.management.demonstration import texts
from scanning.management.demonstration.models import register_models, scan_models, train_models
from scanning.management.demonstration.world import OnProgress, World
from scanning.models import Import
from scanning.services import follow_up

PERIOD = (date(2026, 10, 1), date(2026, 12, 31))


def _terms(reference: ReferenceControl, control: texts.Control) -> ControlTerms:
    """A reference control as the demonstration's organisation runs it."""
    return ControlTerms(
        control_id=reference.control_id,
        title=reference.title,
        basis=ControlBasis.ADAPTED,
        statement=control.statement,
        performer=control.performer,
        frequency=reference.frequency,
        scope="",
        systems=(),
        accounts=(),
        nature=ControlNature(reference.nature),
        control_type=ControlType(reference.control_type),
        is_key=reference.is_key,
        effective_from=PERIOD[0],
        references=(reference.control_id,),
        requirements=(),
    )


def make_people(world: World, _show: OnProgress) -> str:
    """Fictional people with random passwords, and the AI system they work on."""
    for person in texts.PEOPLE:
        user = User.objects.filter(email=person.email).first()
        if user is None:
            password = secrets.token_urlsafe(15)
            user = people.create_user(
                email=person.email,
                name=person.name,
                role=person.role,
                password=password,
                actor=None,
                is_demonstration=True,
            )
            world.passwords[person.email] = password
        world.people[person.key] = user
    officer = world.people["officer"]
    system = AISystem.objects.filter(name=texts.SYSTEM).first() or inventory.define_system(
        name=texts.SYSTEM, description=texts.SYSTEM_DESCRIPTION, owner=officer, actor=officer, is_demonstration=True
    )
    administrator = world.people["administrator"]
    people.grant_membership(system=system, role=Role.CONTRIBUTOR, actor=administrator, user=world.people["engineer"])
    adopted = set(system.controls.values_list("control_id", flat=True))
    for control in texts.CONTROLS:
        if control.reference not in adopted:
            terms = _terms(ReferenceControl.objects.get(control_id=control.reference), control)
            controls.adopt(system=system, terms=terms, owner=officer, actor=officer)
    return f"{len(world.people)} fictional people, {len(texts.CONTROLS)} controls"


def _import(world: World, key: str, path: Path, *, source: str, how: str, show: OnProgress) -> Import:
    with path.open("rb") as stream:
        document = intake.receive(
            system=world.system,
            stream=stream,
            filename=path.name,
            title=f"{source} (demonstration)",
            actor=world.people["engineer"],
            source_system=source,
            collected_how=how,
            dispatch=False,
        )
    job = leases.run_here(job=document.job, on_progress=show)
    if job.state != JobState.SUCCEEDED:
        raise RefusedError(f"{path.name} was not imported: {job.error}")
    document.refresh_from_db()
    world.evidence[key] = document.evidence
    return document


def import_documents(world: World, show: OnProgress) -> str:
    """A CloudTrail log and a modelscan report."""
    samples = settings.BASE_DIR / "tests" / "samples"
    wanted = (
        (
            "cloudtrail",
            samples / "cloudtrail" / "records.json",
            "AWS CloudTrail",
            "Delivered by the trail of the account.",
        ),
        ("modelscan", samples / "modelscan" / "dir.json", "modelscan", "modelscan -p models -r json -o report.json"),
    )
    told = []
    for key, path, source, how in wanted:
        known = Import.objects.filter(
            system=world.system, evidence__filename=path.name, published_at__isnull=False
        ).first()
        document = known or _import(world, key, path, source=source, how=how, show=show)
        world.evidence[key] = document.evidence
        told.append(f"{source}: {document.recorded} recorded")
    return ", ".join(told)


def _backdoor(world: World) -> Finding:
    finding = Finding.objects.filter(
        model_version=world.versions["inherited"], target__control_id="BDM-15", state=Conclusion.NOT_SATISFIED
    ).first()
    if finding is None:
        raise RefusedError("The scan of the backdoored model drew no finding; the demonstration cannot go on.")
    return finding


def remediate(world: World, _show: OnProgress) -> str:
    """Findings of persons, and a remediation item for the backdoored model."""
    officer, system = world.people["officer"], world.system
    for gap in texts.GAPS:
        world.gaps[gap.key] = findings.open_by_person(
            system=system,
            target=ReferenceControl.objects.get(control_id=gap.reference),
            title=gap.title,
            condition=gap.condition,
            cause=gap.cause,
            effect=gap.effect,
            severity=gap.severity,
            actor=officer,
        )
    finding, today = _backdoor(world), timezone.localdate()
    if not system.remediation_items.exists():
        plan = ItemPlan(
            title=texts.REMEDIATION_TITLE,
            description=texts.REMEDIATION_TEXT,
            owner=world.people["engineer"],
            estimate=Estimate.exactly(Decimal(texts.EFFORT_DAYS)),
            due_on=today + timedelta(days=texts.DUE_DAYS),
            milestones=[
                MilestoneDraft(title=title, due_on=today + timedelta(days=days)) for title, days in texts.MILESTONES
            ],
        )
        remediation.open_item(origin=Origin.of_finding(finding), plan=plan, actor=world.people["manager"])
    return f"{len(texts.GAPS) + 1} findings, 1 remediation item"


def answer_questions(world: World, _show: OnProgress) -> str:
    """The four answers with their evidence, as one person writes them."""
    officer, assessment = world.people["officer"], _opened_assessment(world)
    for given in texts.ANSWERS:
        answer = _answer(assessment, given.number)
        if answer.state == AnswerState.APPROVED:
            continue
        answers.write(
            answer=answer,
            value=given.value,
            statement=given.statement,
            reason=given.reason,
            claims=dict(given.claims),
            actor=officer,
            expected_version=None,
        )
        for key in given.evidence:
            evidence.link(evidence=world.evidence[key], target=answer, actor=officer)
        for key in given.gaps:
            answers.link_finding(answer=answer, finding=world.gaps[key], actor=officer)
    return f"{len(texts.ANSWERS)} answers written"


def _opened_assessment(world: World) -> Assessment:
    """The assessment, opened with an engagement of the auditor where there is none."""
    assessment = Assessment.objects.filter(system=world.system, title=texts.ASSESSMENT).first()
    if assessment is not None:
        return assessment
    assessment = assessments.open_assessment(
        system=world.system,
        technique=Technique.objects.get(atlas_id="AML.T0018"),
        title=texts.ASSESSMENT,
        scope=texts.SCOPE,
        period_start=PERIOD[0],
        period_end=PERIOD[1],
        audit_date=timezone.localdate() + timedelta(days=28),
        actor=world.people["officer"],
    )
    draft = engagements.EngagementDraft(
        title="Demonstration audit",
        kind=EngagementKind.CUSTOMER,
        criteria="The four questions on MITRE ATLAS AML.T0018",
        systems=[world.system],
        assessments=[assessment],
        team=[(world.people["auditor"], TeamPart.LEAD)],
        contact=world.people["officer"],
        period_start=PERIOD[0],
        period_end=PERIOD[1],
        fieldwork_on=timezone.localdate() + timedelta(days=28),
        expires_at=timezone.now() + timedelta(days=90),
    )
    engagements.open_engagement(draft=draft, actor=world.people["officer"])
    return assessment


def _answer(assessment: Assessment, number: int) -> Answer:
    return assessment.answers.select_related("assessment__system", "question").get(question__number=number)


def check_job_log(world: World, show: OnProgress) -> str:
    """What follows an import: events are bound to models and data and checked, and the completeness of the log is read. The
    checks need the list of approved submitters, so they run once the answers are written."""
    run = check_runs.latest(system=world.system)
    if run is None:
        documents = list(Import.objects.filter(system=world.system, published_at__isnull=False))
        followed = follow_up.run_here(
            system=world.system, documents=documents, actor=world.people["officer"], on_progress=show
        )
        if followed.run is None or followed.errors:
            raise RefusedError(f"The checks on the job log did not end: {' '.join(followed.errors)}")
        run = followed.run
    found = sum(result["verdict"] == FileScanVerdict.FINDING for result in run.results)
    return f"{len(run.results)} checks on {run.facts['events']} events, {found} with exceptions"


def approve_answers(world: World, _show: OnProgress) -> str:
    """The answers, approved by another person than the one who wrote them."""
    assessment = the_assessment()
    for given in texts.ANSWERS:
        answer = _answer(assessment, given.number)
        if answer.state == AnswerState.APPROVED:
            continue
        answer = answers.submit(answer=answer, actor=world.people["officer"])
        why = texts.JUSTIFICATIONS.get(given.number, "")
        answers.approve(answer=answer, actor=world.people["manager"], justification=why)
    return f"{len(texts.ANSWERS)} answers approved by a second person"


def freeze(world: World, _show: OnProgress) -> str:
    """Freeze the assessment."""
    assessment = the_assessment()
    if not assessment.is_frozen:
        freezes.freeze(assessment=assessment, actor=world.people["officer"])
    return f"document {assessment.freeze.sha256[:16]}…"


def the_assessment() -> Assessment:
    """The demonstration's assessment."""
    return Assessment.objects.select_related("system", "technique", "opened_by").get(title=texts.ASSESSMENT)


STEPS: tuple[tuple[str, Callable[[World, OnProgress], str]], ...] = (
    ("People, system and controls", make_people),
    ("Import of log and scan report", import_documents),
    ("Training of the models", train_models),
    ("Registration of models and data", register_models),
    ("Scans", scan_models),
    ("Findings and remediation", remediate),
    ("Answers", answer_questions),
    ("Checks on the job log", check_job_log),
    ("Approval", approve_answers),
    ("Freeze", freeze),
)
