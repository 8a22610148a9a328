"""Tests of controls: who writes them, what carries a conclusion, and when the organisation sees anything of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.utils import timezone

from compliance.models import (
    AttributeResult,
    ControlTest,
    Engagement,
    ImplementedControl,
    LedgerEvent,
    Population,
    Sample,
    SampledInstance,
    TrailEntry,
    User,
)
from compliance.rights import visible
from compliance.services import control_tests, samples
from compliance.services.errors import RefusedError
from compliance.services.samples import ResultDraft
from compliance.types.states import Role
from compliance.types.testing import (
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    FrequencySize,
    InstanceResult,
    Rating,
)
from tests.compliance import tests_of_controls
from tests.compliance.conftest import World, person
from tests.compliance.routes_world import adopted
from tests.compliance.tests_of_controls import BECAUSE, PLAN, Audit

pytestmark = pytest.mark.django_db
EFFECTIVE = ControlTestConclusion.EFFECTIVE


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


@pytest.fixture
def reviewer(audit: Audit) -> User:
    return audit.reviewer


@pytest.fixture
def engagement(audit: Audit) -> Engagement:
    return audit.engagement


@pytest.fixture
def control(audit: Audit) -> ImplementedControl:
    return audit.control


@pytest.fixture
def test(audit: Audit) -> ControlTest:
    return audit.test


def with_results(test: ControlTest, auditor: User, *, size: int = 3) -> list[SampledInstance]:
    instances = tests_of_controls.drawn(test, size=size, actor=auditor)
    for instance in instances:
        tests_of_controls.passed(instance, actor=auditor)
    return instances


def test_from_plan_to_release(test: ControlTest, auditor: User, reviewer: User, manager: User) -> None:
    with_results(test, auditor)
    released = tests_of_controls.released(test, preparer=auditor, reviewer=reviewer)
    assert (released.state, released.conclusion, released.reviewer) == ("released", "effective", reviewer)
    kinds = LedgerEvent.objects.filter(subject_uuid=test.uuid).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == [
        "control_test.planned",
        *["control_test.results"] * 3,
        "control_test.concluded",
        "control_test.agreed",
        "control_test.released",
    ]


MADE_OF = (ControlTest, Population, Sample, SampledInstance, AttributeResult)


def test_nothing_of_it_exists_for_the_organisation_before_the_release(
    test: ControlTest,
    auditor: User,
    reviewer: User,
    officer: User,
    manager: User,
    administrator: User,
    contributor: User,
) -> None:
    with_results(test, auditor)
    people = (officer, manager, administrator, contributor)
    assert not any(visible(model.objects.all(), who).exists() for model in MADE_OF for who in people)
    assert all(visible(model.objects.all(), auditor).exists() for model in MADE_OF)
    tests_of_controls.released(test, preparer=auditor, reviewer=reviewer)
    assert all(visible(model.objects.all(), who).exists() for model in MADE_OF for who in people)


def test_an_auditor_of_another_engagement_sees_nothing_of_it(test: ControlTest, auditor: User, reviewer: User) -> None:
    with_results(test, auditor)
    tests_of_controls.released(test, preparer=auditor, reviewer=reviewer)
    stranger = person("Sten Stranger", Role.AUDITOR)
    assert not any(visible(model.objects.all(), stranger).exists() for model in MADE_OF)


def test_the_trail_tells_before_the_release_that_something_was_done_and_not_what(
    test: ControlTest, auditor: User
) -> None:
    with_results(test, auditor)
    control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    for entry in TrailEntry.objects.filter(event__subject_uuid=test.uuid):
        assert "effective" not in str(entry.payload)
        assert "pass" not in str(entry.payload)


# Who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ADMINISTRATOR, Role.MANAGER])
def test_nobody_of_the_organisation_tests_for_the_auditor(
    engagement: Engagement, control: ImplementedControl, role: Role
) -> None:
    with pytest.raises(RefusedError, match="Only the auditors"):
        tests_of_controls.planned(engagement, control, actor=person(f"Staff {role}", role))


def test_access_that_ended_ends_the_work(test: ControlTest, engagement: Engagement, auditor: User) -> None:
    Engagement.objects.filter(pk=engagement.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(RefusedError, match="while their access lasts"):
        tests_of_controls.drawn(test, size=3, actor=auditor)


def test_whoever_prepared_a_test_does_not_review_it(test: ControlTest, auditor: User) -> None:
    with_results(test, auditor)
    control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    with pytest.raises(RefusedError, match="You prepared"):
        control_tests.agree(test=test, note="", actor=auditor)


def test_whoever_recorded_results_does_not_review_it(test: ControlTest, auditor: User, reviewer: User) -> None:
    tests_of_controls.passed(tests_of_controls.drawn(test, size=1, actor=auditor)[0], actor=reviewer)
    control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    with pytest.raises(RefusedError, match="You recorded results"):
        control_tests.agree(test=test, note="", actor=reviewer)


# What carries a conclusion ------------------------------------------------------------------------------------------


def test_inquiry_alone_carries_no_operating_effectiveness(test: ControlTest, auditor: User) -> None:
    plan = replace(PLAN, methods=(ControlTestMethod.INQUIRE,), population=test.population)
    control_tests.change(test=test, plan=plan, actor=auditor)
    with_results(test, auditor)
    with pytest.raises(RefusedError, match="cannot rest on inquiry alone"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)


def test_a_single_day_carries_no_operating_effectiveness(test: ControlTest, auditor: User) -> None:
    day = date(2026, 6, 30)
    plan = replace(PLAN, period_start=day, period_end=day, population=test.population)
    control_tests.change(test=test, plan=plan, actor=auditor)
    with_results(test, auditor)
    with pytest.raises(RefusedError, match="looks at one day"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)


def test_an_audit_as_of_a_day_carries_none_either(test: ControlTest, engagement: Engagement, auditor: User) -> None:
    Engagement.objects.filter(pk=engagement.pk).update(as_of=date(2026, 6, 30))
    with_results(test, auditor)
    with pytest.raises(RefusedError, match="looks at one day"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)


def test_an_instance_without_a_population_carries_none_but_a_test_of_implementation(
    engagement: Engagement, control: ImplementedControl, auditor: User
) -> None:
    test = tests_of_controls.planned(engagement, control, actor=auditor)
    instance = control_tests.add_instance(test=test, name="job-7", description="The latest one.", actor=auditor)
    tests_of_controls.passed(instance, actor=auditor)
    with pytest.raises(RefusedError, match="needs the population"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    control_tests.change(test=test, plan=replace(PLAN, kind=ControlTestKind.IMPLEMENTATION), actor=auditor)
    concluded = control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    assert concluded.state == "concluded"


def test_silence_is_no_pass(test: ControlTest, auditor: User) -> None:
    with pytest.raises(RefusedError, match="No instance was looked at"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    first, *_rest = tests_of_controls.drawn(test, size=3, actor=auditor)
    tests_of_controls.passed(first, actor=auditor)
    with pytest.raises(RefusedError, match="2 instances still have"):
        control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)


def test_not_effective_needs_a_reason_and_nothing_else(test: ControlTest, auditor: User) -> None:
    negative = ControlTestConclusion.NOT_EFFECTIVE
    with pytest.raises(RefusedError, match="on what the conclusion rests"):
        control_tests.conclude(test=test, conclusion=negative, statement="No.", actor=auditor)
    said = "Nobody could show a single approval."
    assert control_tests.conclude(test=test, conclusion=negative, statement=said, actor=auditor).state == "concluded"


def test_a_returned_test_is_open_again_and_a_released_one_never(
    test: ControlTest, auditor: User, reviewer: User
) -> None:
    instances = with_results(test, auditor)
    control_tests.conclude(test=test, conclusion=EFFECTIVE, statement=BECAUSE, actor=auditor)
    with pytest.raises(RefusedError, match="waits for its reviewer"):
        tests_of_controls.passed(instances[0], actor=auditor)
    test.refresh_from_db()
    with pytest.raises(RefusedError, match="Say what is to be done"):
        control_tests.give_back(test=test, note=" ", actor=reviewer)
    control_tests.give_back(test=test, note="Look at job 3 again.", actor=reviewer)
    test.refresh_from_db()
    tests_of_controls.released(test, preparer=auditor, reviewer=reviewer)
    with pytest.raises(RefusedError, match="released"):
        tests_of_controls.passed(instances[0], actor=auditor)
    with pytest.raises(RefusedError, match="released"):
        control_tests.give_back(test=ControlTest.objects.get(pk=test.pk), note="Again.", actor=reviewer)


# The plan -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"procedure": " "}, "Write down the procedure"),
        ({"methods": ()}, "at least one method"),
        ({"attributes": ()}, "at least one attribute"),
        ({"attributes": (Attribute("A", "x"), Attribute("A", "y"))}, "letter of its own"),
        ({"attributes": (Attribute("A", " "),)}, "says what is asked"),
        ({"period_start": date(2025, 12, 31)}, "within the period"),
        ({"period_end": date(2025, 12, 31)}, "within the period"),
        ({"check_rules": ("job_without_approval",)}, "Name the run"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused(
    engagement: Engagement, control: ImplementedControl, auditor: User, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        tests_of_controls.planned(engagement, control, actor=auditor, **changes)


def test_a_control_of_another_system_is_refused(
    engagement: Engagement, world: World, auditor: User, officer: User
) -> None:
    foreign = adopted(world.other_assessment.system, officer)
    with pytest.raises(RefusedError, match="not part of the engagement"):
        tests_of_controls.planned(engagement, foreign, actor=auditor)


def test_an_attribute_with_results_stays(test: ControlTest, auditor: User) -> None:
    with_results(test, auditor)
    plan = replace(PLAN, attributes=(Attribute("B", "Approver differs"),), population=test.population)
    with pytest.raises(RefusedError, match="Attribute A has results"):
        control_tests.change(test=test, plan=plan, actor=auditor)
    with pytest.raises(RefusedError, match="A sample is drawn"):
        control_tests.change(test=test, plan=PLAN, actor=auditor)


def test_an_exception_needs_a_note_and_a_letter_that_was_asked(test: ControlTest, auditor: User) -> None:
    instance = tests_of_controls.drawn(test, size=1, actor=auditor)[0]
    bare = ResultDraft(attribute="A", result=InstanceResult.EXCEPTION)
    for draft, told in ((bare, "needs a note"), (replace(bare, attribute="Z", note="x"), "asks nothing under")):
        with pytest.raises(RefusedError, match=told):
            samples.record_results(instance=instance, results=[draft], actor=auditor)
    assert not instance.results.exists()


# The engagement's own rules -----------------------------------------------------------------------------------------


def test_the_usual_scheme_holds_until_the_auditors_write_their_own(engagement: Engagement, auditor: User) -> None:
    assert [one.word for one in control_tests.scheme_of(engagement=engagement).ratings] == ["High", "Medium", "Low"]
    control_tests.set_scheme(
        engagement=engagement, ratings=[Rating("Major", "high")], sizes=[FrequencySize("Daily", 30)], actor=auditor
    )
    scheme = control_tests.scheme_of(engagement=engagement)
    assert ([one.word for one in scheme.ratings], [one.size for one in scheme.sizes]) == (["Major"], [30])


@pytest.mark.parametrize(
    ("ratings", "sizes", "told"),
    [
        ([], [FrequencySize("Daily", 1)], "at least one rating"),
        ([Rating("A", "high"), Rating("a", "low")], [FrequencySize("Daily", 1)], "name of its own"),
        ([Rating("A", "awful")], [FrequencySize("Daily", 1)], "no severity"),
        ([Rating("A", "high")], [FrequencySize("Daily", 0)], "between 1 and"),
    ],
)
def test_a_scheme_that_does_not_hold_is_refused(
    engagement: Engagement, auditor: User, ratings: list[Rating], sizes: list[FrequencySize], told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        control_tests.set_scheme(engagement=engagement, ratings=ratings, sizes=sizes, actor=auditor)
