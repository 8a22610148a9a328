"""Tests of controls on record, for the tests: an audit with a team of two, a population, a sample."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import date
from typing import IO

from compliance.models import (
    ControlTest,
    Engagement,
    ImplementedControl,
    Population,
    ReferenceControl,
    SampledInstance,
    User,
)
from compliance.services import control_tests, controls, engagements, leases, populations, samples
from compliance.services.control_tests import ControlTestPlan
from compliance.services.engagements import EngagementDraft
from compliance.services.populations import PopulationDraft
from compliance.services.samples import ResultDraft, SamplePlan
from compliance.types.engagements import EngagementState, TeamPart
from compliance.types.states import Role
from compliance.types.testing import (
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    InstanceResult,
    PopulationKind,
    Selection,
)
from tests.compliance import records
from tests.compliance.conftest import World, person

START, END = date(2026, 1, 1), date(2026, 12, 31)
PLAN = ControlTestPlan(
    kind=ControlTestKind.OPERATION,
    procedure="For each job, compare the approval with the start.",
    methods=(ControlTestMethod.INQUIRE, ControlTestMethod.EXAMINE),
    attributes=(Attribute("A", "Approved before the start"), Attribute("B", "Approver is not the submitter")),
    period_start=START,
    period_end=END,
)
BECAUSE = "Every instance was approved before it started."


def opened(draft: EngagementDraft, *, lead: User, second: User, actor: User) -> Engagement:
    """An engagement of two auditors who have stated their independence, in fieldwork."""
    team = [(lead, TeamPart.LEAD), (second, TeamPart.AUDITOR)]
    engagement = engagements.open_engagement(draft=replace(draft, team=team), actor=actor)
    for member in (lead, second):
        engagements.state_independence(engagement=engagement, statement="Of the organisation.", actor=member)
    engagements.move(engagement=engagement, to=EngagementState.FIELDWORK, reason="", actor=lead)
    return Engagement.objects.get(pk=engagement.pk)


@dataclass(frozen=True, slots=True)
class Audit:
    """An engagement with a second auditor, a control, a population of forty tickets and an open test."""

    engagement: Engagement
    reviewer: User
    control: ImplementedControl
    population: Population
    test: ControlTest


TICKETS = b"ticket,team,amount\n" + b"".join(
    b"T-%d,%s,10.50\n" % (n, b"red" if n % 4 else b"blue") for n in range(1, 41)
)


def audit(world: World, auditor: User, officer: User) -> Audit:
    """An audit of the first system, ready to be tested."""
    reviewer = person("Rhea Reviewer", Role.AUDITOR)
    draft = records.audit(auditor, [world.assessment], title="Testing 2026")
    engagement = opened(draft, lead=auditor, second=reviewer, actor=officer)
    system, reference = world.assessment.system, ReferenceControl.objects.order_by("control_id")[0].control_id
    control = controls.adopt(system=system, terms=records.control_terms(reference), owner=officer, actor=officer)
    population = counted(listed(engagement, io.BytesIO(TICKETS), actor=auditor))
    test = planned(engagement, control, actor=auditor, population=population)
    return Audit(engagement, reviewer, control, population, test)


def counted(population: Population) -> Population:
    """The population once its job has run."""
    job = leases.run_here(job=population.job)
    assert job.state == "succeeded", job.error
    return Population.objects.get(pk=population.pk)


def listed(engagement: Engagement, stream: IO[bytes], *, actor: User, **changes: object) -> Population:
    """A population of a list that was handed in, defined and not counted."""
    draft = PopulationDraft(
        title="Tickets", kind=PopulationKind.LIST, period_start=START, period_end=END, stream=stream, filename="tickets.csv"
    )  # fmt: skip
    return populations.define(
        engagement=engagement,
        system=engagement.systems.all()[0],
        draft=replace(draft, **changes),  # type: ignore[arg-type]  # fields by name
        actor=actor,
        dispatch=False,
    )


def planned(engagement: Engagement, control: ImplementedControl, *, actor: User, **changes: object) -> ControlTest:
    """A test of operating effectiveness, open."""
    plan = replace(PLAN, **changes)  # type: ignore[arg-type]  # fields by name
    return control_tests.plan(engagement=engagement, control=control, plan=plan, actor=actor)


def passed(instance: SampledInstance, *, actor: User) -> None:
    """Every attribute of an instance passes."""
    results = [ResultDraft(attribute=one.key, result=InstanceResult.PASS) for one in instance.test.attributes]
    samples.record_results(instance=instance, results=results, actor=actor)


def drawn(test: ControlTest, *, size: int, actor: User, seed: str = "2026-11-27 Ada") -> list[SampledInstance]:
    """The instances of a sample of a fixed size."""
    plan = SamplePlan(selection=Selection.FIXED, seed=seed, size=size)
    samples.draw(test=test, plan=plan, actor=actor)
    return list(test.instances.order_by("rank"))


def released(test: ControlTest, *, preparer: User, reviewer: User) -> ControlTest:
    """The test concluded, agreed and released."""
    effective = ControlTestConclusion.EFFECTIVE
    control_tests.conclude(test=test, conclusion=effective, statement=BECAUSE, actor=preparer)
    test.refresh_from_db()
    control_tests.agree(test=test, note="", actor=reviewer)
    test.refresh_from_db()
    return control_tests.release(test=test, actor=preparer)
