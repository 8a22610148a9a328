"""Remediation: opened for what is not satisfied, closed only by a scan made after it was opened."""

from __future__ import annotations

from datetime import date

import pytest

from compliance.models import User
from compliance.services import remediation
from compliance.services.errors import RefusedError
from compliance.services.remediation import MilestoneDraft
from compliance.types.states import RemediationState
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


def test_closed_is_no_state_one_can_choose(world: World, manager: User) -> None:
    with pytest.raises(RefusedError, match="re-scan"):
        remediation.move(item=world.item, state=RemediationState.CLOSED, actor=manager)


def test_nothing_is_remediated_that_is_satisfied(world: World, officer: User, manager: User) -> None:
    satisfied = records.finding_of(records.observed(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, actor=officer))
    with pytest.raises(RefusedError, match="nothing to remediate"):
        records.remediation_item(satisfied, owner=officer, actor=manager)


def test_a_milestone_after_the_end_is_refused(world: World, manager: User) -> None:
    late = MilestoneDraft(title="Too late", due_on=date(2199, 1, 1))
    with pytest.raises(RefusedError, match="Too late"):
        records.remediation_item(world.finding, owner=manager, actor=manager, milestones=[late])


def test_a_milestone_is_reached_once(world: World, contributor: User, manager: User) -> None:
    step = world.item.milestones.get()
    remediation.complete_milestone(milestone=step, actor=contributor)
    first = step.done_at
    remediation.complete_milestone(milestone=step, actor=manager)
    assert (step.done_at, step.done_by) == (first, contributor)
