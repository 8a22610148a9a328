"""Who closes work, on each path: a person who did not do it, on the page or by the API, and nothing else ever."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from compliance.models import Closing, Risk, User
from compliance.services import bulk_edits, leases, remediation
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.types.bulk_edits import Changes
from compliance.types.risk_life import ClosingState
from compliance.types.states import RemediationState
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
Confirm = Callable[[Closing, User], int]
Act = Callable[[World, User], None]


@pytest.fixture
def closing(world: World) -> Closing:
    """A closing that a scan proposed: the finding no longer reproduces."""
    at = records.LONG_AGO + timedelta(days=1)
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=at)
    return world.item.closings.get(state=ClosingState.PROPOSED)


def standing(closing: Closing) -> tuple[str, str, str]:
    """The item, its risk and the closing."""
    closing.refresh_from_db()
    item = closing.item
    assert item is not None
    item.refresh_from_db()
    return str(item.state), str(Risk.objects.get(items=item).state), str(closing.state)


# People ---------------------------------------------------------------------------------------------------------------


def _on_the_page(closing: Closing, who: User) -> int:
    client = Client()
    client.force_login(who)
    answer = client.post(f"/closings/{closing.uuid}/confirm/", {"words": "Seen."})
    return answer.status_code


def _by_the_api(closing: Closing, who: User) -> int:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user=who)[1]}")
    answer = client.post(f"/api/v1/closings/{closing.uuid}/confirm/", {"words": "Seen."}, format="json")
    return int(answer.status_code)


@pytest.mark.parametrize("confirm", [_on_the_page, _by_the_api])
def test_whoever_did_the_work_is_refused_and_another_confirms(
    world: World, closing: Closing, confirm: Confirm,
    contributor: User, officer: User, manager: User, second_officer: User,
) -> None:  # fmt: skip
    records.worked(world.item, officer, "1")
    remediation.move(item=world.item, state=RemediationState.DONE, actor=manager)
    for worker in (contributor, officer, manager):  # who owns it, who logged effort, who called it done
        assert confirm(closing, worker) in {302, 403, 409}
        assert standing(closing) == ("done", "remediating", "proposed")
    assert confirm(closing, second_officer) in {200, 302}
    assert standing(closing) == ("closed", "closed", "confirmed")
    assert closing.decided_by == second_officer


@pytest.mark.parametrize("confirm", [_on_the_page, _by_the_api])
def test_nobody_confirms_what_is_back(world: World, closing: Closing, officer: User, confirm: Confirm) -> None:
    records.observed(world.tuned, StageVerdict.EVIDENCE_FOUND, at=records.LONG_AGO + timedelta(days=2))
    assert confirm(closing, officer) in {302, 409}
    assert standing(closing) == ("open", "remediating", "lapsed")


# What is no person, or no confirmation ----------------------------------------------------------------------------------


def _a_night(_world: World, _officer: User) -> None:
    for step in NIGHTLY.values():
        step(timezone.now())


def _another_import(world: World, _officer: User) -> None:
    at = records.LONG_AGO + timedelta(days=3)
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=at)


def _commands(_world: World, _officer: User) -> None:
    for command in ("check_events", "reminders"):
        with contextlib.suppress(SystemExit, CommandError):
            call_command(command)


def _a_move_on_the_page(world: World, officer: User) -> None:
    client = Client()
    client.force_login(officer)
    assert client.post(f"/remediation/{world.item.uuid}/move/", {"state": "closed"}).status_code == 302


def _a_move_by_the_api(world: World, officer: User) -> None:
    client = APIClient()
    client.force_authenticate(officer)
    answer = client.post(f"/api/v1/remediation-items/{world.item.uuid}/move/", {"state": "closed"}, format="json")
    assert answer.status_code in {400, 409}


def _an_edit_of_many(world: World, officer: User) -> None:
    items = type(world.item).objects.filter(pk=world.item.pk)
    with contextlib.suppress(RefusedError):
        edit = bulk_edits.draft(items=items, changes=Changes(state=RemediationState.CLOSED), actor=officer)
        leases.run_here(job=bulk_edits.confirm(edit=edit, actor=officer, dispatch=False))


@pytest.mark.parametrize(
    "act", [_a_night, _another_import, _commands, _a_move_on_the_page, _a_move_by_the_api, _an_edit_of_many]
)
def test_nothing_else_closes_what_is_proposed(world: World, closing: Closing, officer: User, act: Act) -> None:
    before: Any = standing(closing)
    act(world, officer)
    assert standing(closing) == before == ("open", "remediating", "proposed")
