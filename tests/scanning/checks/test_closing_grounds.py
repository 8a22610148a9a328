"""Closings on a new document without a grant, and on a new comparison of data: by check, night, page and API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from compliance.models import CheckRun, Closing, Finding, RemediationItem, User
from compliance.services import bindings, closings, expectations, inventory, leases
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.types.bindings import Named
from compliance.types.risk_life import ClosingBasis, ClosingState
from compliance.types.verdicts import Conclusion
from scanning.services import checks
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way
from tests.scanning.checks.test_runs import controls

__all__ = ["controls"]  # the reference controls that checks speak to, as a fixture of this module
pytestmark = pytest.mark.django_db
UNUSED, UNVERIFIED = "Entitled and not used in the period", "Data set never verified before the job"
Ask = Callable[[RemediationItem, User], Closing]


def checked(world: World) -> CheckRun:
    run = checks.request(system=world.assessment.system, actor=None, dispatch=False)
    leases.run_here(job=run.job)
    run.refresh_from_db()
    return run


def read(world: World, *names: str, tag: str, month: int) -> None:
    """A document of a month that names these people as able to submit."""
    system = world.assessment.system
    taken = datetime(2026, month, 1, tzinfo=UTC)
    recorded(system, world.log, *[way(name) for name in names], tag=tag, taken_at=taken)


def worked_on(title: str, owner: User, actor: User) -> RemediationItem:
    return records.remediation_item(
        Finding.objects.get(title=title), owner=owner, actor=actor, title="Narrow the rights"
    )


@pytest.fixture
def unused(world: World, contributor: User, officer: User) -> RemediationItem:
    """Work on the finding that ann and bob can submit and never did."""
    read(world, "ann", "bob", tag="first", month=3)
    checked(world)
    return worked_on(UNUSED, contributor, officer)


def kinds(item: RemediationItem) -> list[str]:
    return [ground["kind"] for closing in item.closings.filter(state=ClosingState.PROPOSED) for ground in closing.basis]


# A grant that was taken away ------------------------------------------------------------------------------------------


def test_a_new_document_in_which_one_grant_is_left_closes_nothing(
    world: World, unused: RemediationItem, contributor: User
) -> None:
    read(world, "bob", tag="second", month=4)
    checked(world)
    assert Finding.objects.get(title=UNUSED).state == Conclusion.NOT_SATISFIED
    with pytest.raises(RefusedError, match="still stands"):
        closings.ask(item=unused, actor=contributor)
    NIGHTLY["closings"](timezone.now())
    assert kinds(unused) == []


def test_without_any_of_the_grants_the_check_proposes_the_closing(world: World, unused: RemediationItem) -> None:
    read(world, tag="second", month=4)
    checked(world)
    assert kinds(unused) == [ClosingBasis.ENTITLEMENTS]
    (ground,) = unused.closings.get().basis
    assert ground["records"] == [str(world.assessment.system.entitlement_readings.order_by("-pk")[0].uuid)]


def test_a_grant_that_is_back_after_the_check_takes_the_proposal_away(
    world: World, unused: RemediationItem, manager: User
) -> None:
    read(world, tag="second", month=4)
    checked(world)
    read(world, "ann", tag="third", month=5)
    closing = unused.closings.get()
    with pytest.raises(RefusedError, match="no longer stands"):
        closings.confirm(closing=closing, words="", actor=manager)
    closing.refresh_from_db()
    assert closing.state == ClosingState.LAPSED


def test_of_people_who_use_the_right_a_check_speaks_and_not_the_missing_grant(
    world: World, contributor: User, officer: User
) -> None:
    read(world, "ann0", tag="first", month=3)
    checked(world)
    item = worked_on(UNUSED, contributor, officer)
    records.log_events(world.assessment.system, world.log, 1, tag="ann")  # ann0 submits a job
    checked(world)
    assert kinds(item) == []  # no document was read since the work began
    with pytest.raises(RefusedError, match="no document on who can submit"):
        closings.ask(item=item, actor=contributor)
    read(world, "ann0", tag="second", month=4)
    with pytest.raises(RefusedError, match="1 of those named can still submit"):
        closings.ask(item=item, actor=contributor)
    assert checked(world).repeats is not None
    assert kinds(item) == [ClosingBasis.CHECK]


# A data set that was compared anew ------------------------------------------------------------------------------------


def verified(world: World, officer: User, *, matches: bool = True) -> None:
    root = world.dataset.manifest_root if matches else "0" * 64
    expectations.record_verification(
        version=world.dataset, matches=matches, found_root=root, added=0, removed=0, changed=int(not matches),
        actor=officer,
    )  # fmt: skip


def bound(world: World, actor: User) -> None:
    """What jobs name as their data is the registered data set."""
    system = world.assessment.system
    bindings.bind_new(system=system)
    bindings.decide(
        system=system, named=Named.DATASET, name="s3://training/data", name_digest="", target=world.dataset, reason="",
        actor=actor,
    )  # fmt: skip


def later_jobs(world: World, actor: User) -> None:
    """The period goes on to a day on which a job uses the data set again."""
    day = timezone.now().date() + timedelta(days=1)
    type(world.assessment).objects.filter(pk=world.assessment.pk).update(period_start=day, period_end=day)
    start = datetime.combine(day, time(12), UTC)
    records.log_events(world.assessment.system, world.log, 1, tag="later", start=start)
    bound(world, actor)


@pytest.fixture
def unverified(world: World, contributor: User, officer: User) -> RemediationItem:
    """Work on the finding that jobs used a data set that was never compared with its manifest."""
    bound(world, officer)
    checked(world)
    return worked_on(UNVERIFIED, contributor, officer)


def test_a_comparison_that_agrees_lets_the_finding_be_closed(
    world: World, unverified: RemediationItem, officer: User
) -> None:
    verified(world, officer)
    later_jobs(world, officer)
    checked(world)
    assert kinds(unverified) == [ClosingBasis.VERIFICATION]
    (ground,) = unverified.closings.get().basis
    assert ground["records"] == [str(world.dataset.verifications.get().uuid)]


def test_a_comparison_alone_closes_nothing_while_the_period_has_the_job(
    world: World, unverified: RemediationItem, officer: User, contributor: User
) -> None:
    verified(world, officer)
    checked(world)
    assert kinds(unverified) == []
    with pytest.raises(RefusedError, match="every job of the assessment’s period"):
        closings.ask(item=unverified, actor=contributor)


def test_a_comparison_of_other_data_closes_nothing(
    world: World, unverified: RemediationItem, officer: User, contributor: User
) -> None:
    verified(world, officer)  # before the work was reopened, so it counts no more
    risk = unverified.risks.get()
    type(risk).objects.filter(pk=risk.pk).update(opened_at=timezone.now())
    other = inventory.register_dataset_version(
        system=world.assessment.system, name="other", label="1", manifest_root="cd" * 32, file_count=1, size=1,
        evidence=None, actor=officer, trained=(),
    )  # fmt: skip
    expectations.record_verification(
        version=other, matches=True, found_root="cd" * 32, added=0, removed=0, changed=0, actor=officer
    )
    later_jobs(world, officer)
    checked(world)
    assert Finding.objects.get(title=UNVERIFIED).state == Conclusion.SATISFIED
    with pytest.raises(RefusedError, match="digits-train did not agree with its manifest, or was not compared"):
        closings.ask(item=unverified, actor=contributor)


def test_data_that_differed_since_closes_nothing(
    world: World, unverified: RemediationItem, officer: User, contributor: User
) -> None:
    verified(world, officer)
    verified(world, officer, matches=False)
    later_jobs(world, officer)
    checked(world)
    with pytest.raises(RefusedError, match="did not agree"):
        closings.ask(item=unverified, actor=contributor)


# The same on each path ------------------------------------------------------------------------------------------------


def _by_night(item: RemediationItem, _asker: User) -> Closing:
    assert NIGHTLY["closings"](timezone.now())["proposed"] == 1
    return item.closings.get(state=ClosingState.PROPOSED)


def _by_page(item: RemediationItem, asker: User) -> Closing:
    client = Client()
    client.force_login(asker)
    assert client.post(f"/remediation/{item.uuid}/closing/").status_code == 302
    return item.closings.get(state=ClosingState.PROPOSED)


def _by_api(item: RemediationItem, asker: User) -> Closing:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user=asker)[1]}")
    assert client.post(f"/api/v1/remediation-items/{item.uuid}/closing/").status_code == 201
    return item.closings.get(state=ClosingState.PROPOSED)


@pytest.mark.parametrize("path", [_by_night, _by_page, _by_api])
@pytest.mark.parametrize("basis", [ClosingBasis.ENTITLEMENTS, ClosingBasis.VERIFICATION])
def test_both_grounds_hold_on_each_path(
    world: World, basis: ClosingBasis, path: Ask, request: pytest.FixtureRequest, contributor: User, officer: User
) -> None:
    item: RemediationItem = request.getfixturevalue("unused" if basis == ClosingBasis.ENTITLEMENTS else "unverified")
    if basis == ClosingBasis.ENTITLEMENTS:
        read(world, tag="second", month=4)
    else:
        verified(world, officer)
        later_jobs(world, officer)
    checked(world)
    Closing.objects.filter(item=item).delete()  # as if the check had proposed nothing
    closing = path(item, contributor)
    assert [ground["kind"] for ground in closing.basis] == [basis]
    closings.confirm(closing=closing, words="Looked at it.", actor=officer)
    item.refresh_from_db()
    assert (item.state, item.risks.get().state) == ("closed", "closed")
