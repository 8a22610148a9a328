"""Access reviews: a frozen population, decisions with reasons, an end, and removals that later readings confirm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from compliance.models import AccessReview, AccessReviewLine, EntitlementReading, LedgerEvent, User
from compliance.selectors.access_review_page import (
    ReviewFilter,
    confirmations,
    review_figures,
    review_in_period,
    review_lines,
)
from compliance.services import access_reviews, ledger
from compliance.services.errors import RefusedError
from compliance.types.access_reviews import Decision, Removal
from compliance.types.entitlements import Reach
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way

pytestmark = pytest.mark.django_db
DUE = date(2026, 12, 1)


@pytest.fixture
def reading(world: World) -> EntitlementReading:
    ways = (
        way("ann"), way("ann", reach=Reach.AFTER_STEP, policy="Other"), way("bob", reach=Reach.AFTER_STEP), way("0"),
    )  # fmt: skip
    return recorded(world.assessment.system, world.log, *ways)


@pytest.fixture
def review(reading: EntitlementReading, manager: User, officer: User) -> AccessReview:
    return access_reviews.open_review(
        reading=reading, reviewer=manager, due_on=DUE, removals_due_on=DUE + timedelta(days=14), actor=officer
    )


def line(review: AccessReview, name: str) -> AccessReviewLine:
    return review.lines.get(principal__display=name)


def decide(review: AccessReview, decision: Decision, *names: str, actor: User) -> int:
    lines = [line(review, name) for name in names]
    return access_reviews.decide(review=review, lines=lines, decision=decision, reason="Her task.", actor=actor)


def completed(review: AccessReview, actor: User, *, removed: tuple[str, ...] = ("bob",)) -> AccessReview:
    decide(review, Decision.REMOVE, *removed, actor=actor)
    rest = review_lines(review, ReviewFilter(decision="none"))
    if rest:
        access_reviews.decide(review=review, lines=list(rest), decision=Decision.KEEP, reason="Trains.", actor=actor)
    return access_reviews.complete(review=review, statement="All looked at.", actor=actor)


def test_every_principal_is_one_line_with_its_nearest_way(review: AccessReview) -> None:
    assert review.population == 3
    ann = line(review, "ann")
    assert (ann.reach, ann.ways, ann.platforms) == (Reach.NOW, 2, ["aws 111122223333"])
    assert ann.actions == ["sagemaker:CreateTrainingJob"]
    assert line(review, "trainer-0").last_submitted_at is not None
    assert ann.last_submitted_at is None


def test_a_later_reading_does_not_change_the_population(world: World, review: AccessReview) -> None:
    recorded(world.assessment.system, world.log, way("zoe"), taken_at=timezone.now(), tag="later")
    assert sorted(review.lines.values_list("principal__display", flat=True)) == ["ann", "bob", "trainer-0"]
    assert access_reviews.is_unaltered(review=review)


def test_decisions_need_a_reason_and_the_reviewer(review: AccessReview, manager: User, officer: User) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        access_reviews.decide(
            review=review, lines=[line(review, "ann")], decision=Decision.KEEP, reason=" ", actor=manager
        )
    with pytest.raises(RefusedError, match="Only Mira Manager"):
        decide(review, Decision.KEEP, "ann", actor=officer)
    with pytest.raises(RefusedError, match="at least one"):
        decide(review, Decision.KEEP, actor=manager)


def test_lines_of_another_review_are_not_touched(
    world: World, review: AccessReview, manager: User, officer: User
) -> None:
    foreign = access_reviews.open_review(
        reading=recorded(world.other_assessment.system, world.other_log, way("eve")), reviewer=manager, due_on=DUE,
        removals_due_on=DUE, actor=officer,
    )  # fmt: skip
    given = {"decision": Decision.KEEP, "reason": "x", "actor": manager}
    assert access_reviews.decide(review=review, lines=list(foreign.lines.all()), **given) == 0  # type: ignore[arg-type]
    assert line(foreign, "eve").decision == ""


def test_a_review_ends_when_all_are_decided_and_then_never_changes(review: AccessReview, manager: User) -> None:
    decide(review, Decision.KEEP, "ann", actor=manager)
    with pytest.raises(RefusedError, match="2 principals are not decided"):
        access_reviews.complete(review=review, statement="", actor=manager)
    ended = completed(review, manager)
    assert ended.completed_at is not None
    for act in (
        lambda: decide(ended, Decision.REMOVE, "ann", actor=manager),
        lambda: access_reviews.complete(review=ended, statement="", actor=manager),
    ):
        with pytest.raises(RefusedError, match="no longer changes"):
            act()
    events = LedgerEvent.objects.filter(subject_uuid=review.uuid).order_by("pk")
    assert [event.kind.partition(".")[2] for event in events] == [
        "opened",
        "decided",
        "decided",
        "decided",
        "completed",
    ]
    assert events[4].entry.payload["decisions_root"] == ended.decisions_root
    assert ledger.verify().is_intact


def test_altered_decisions_no_longer_fit_the_root(review: AccessReview, manager: User) -> None:
    ended = completed(review, manager)
    assert access_reviews.is_unaltered(review=ended)
    AccessReviewLine.objects.filter(pk=line(ended, "bob").pk).update(decision=Decision.KEEP)
    assert not access_reviews.is_unaltered(review=ended)


def test_an_erased_name_leaves_the_roots_as_they_are(review: AccessReview, manager: User, officer: User) -> None:
    from compliance.services import people

    ended = completed(review, manager)
    people.erase_principal(principal=line(ended, "ann").principal, actor=officer)
    assert access_reviews.is_unaltered(review=ended)


def test_what_makes_no_sense_is_refused(
    reading: EntitlementReading, manager: User, officer: User, contributor: User
) -> None:
    for reviewer, removals, words in (
        (manager, DUE - timedelta(days=1), "before the review"),
        (contributor, DUE, "may not review"),
    ):
        with pytest.raises(RefusedError, match=words):
            access_reviews.open_review(
                reading=reading, reviewer=reviewer, due_on=DUE, removals_due_on=removals, actor=officer
            )


def test_a_reading_without_anybody_has_nobody_to_review(world: World, manager: User, officer: User) -> None:
    empty = recorded(world.assessment.system, world.log)
    with pytest.raises(RefusedError, match="nobody to review"):
        access_reviews.open_review(reading=empty, reviewer=manager, due_on=DUE, removals_due_on=DUE, actor=officer)


# Removals -------------------------------------------------------------------------------------------------------------


def told(review: AccessReview, name: str) -> tuple[Removal, bool]:
    found = confirmations(review, [line(review, name)])[line(review, name).pk]
    return found.state, found.is_late


@pytest.fixture
def ended(review: AccessReview, manager: User) -> AccessReview:
    """Completed on 20 November 2026; ann and bob are to be removed by 15 December."""
    made = completed(review, manager, removed=("ann", "bob"))
    at = datetime(2026, 11, 20, tzinfo=UTC)
    AccessReviewLine.objects.filter(review=made).update(decided_at=at)
    AccessReview.objects.filter(pk=made.pk).update(completed_at=at)
    return AccessReview.objects.get(pk=made.pk)


def read_again(world: World, day: datetime, *names: str) -> EntitlementReading:
    return recorded(world.assessment.system, world.log, *map(way, names), taken_at=day, tag=day.isoformat())


def test_without_a_later_document_a_removal_is_not_confirmed(ended: AccessReview) -> None:
    assert told(ended, "bob")[0] is Removal.NOT_YET_READ
    assert review_figures(ended).not_yet_read == 2


def test_the_reading_that_was_reviewed_confirms_nothing(world: World, ended: AccessReview) -> None:
    read_again(world, datetime(2026, 11, 19, tzinfo=UTC), "zoe")
    assert told(ended, "bob")[0] is Removal.NOT_YET_READ


def test_a_later_reading_confirms_who_is_gone_and_names_who_is_not(world: World, ended: AccessReview) -> None:
    read_again(world, datetime(2026, 12, 1, tzinfo=UTC), "ann")
    assert told(ended, "bob") == (Removal.CONFIRMED, False)
    assert told(ended, "ann")[0] is Removal.STILL_ENTITLED
    figures = review_figures(ended)
    assert (figures.confirmed, figures.still_entitled, figures.removed, figures.kept) == (1, 1, 2, 1)


def test_a_removal_after_its_day_is_late(world: World, ended: AccessReview) -> None:
    read_again(world, datetime(2026, 12, 1, tzinfo=UTC), "ann", "bob")
    read_again(world, datetime(2026, 12, 20, tzinfo=UTC), "ann")
    assert told(ended, "bob") == (Removal.CONFIRMED, True)


def test_who_comes_back_is_entitled_again(world: World, ended: AccessReview) -> None:
    read_again(world, datetime(2026, 12, 1, tzinfo=UTC), "ann")
    read_again(world, datetime(2026, 12, 5, tzinfo=UTC), "bob")
    assert told(ended, "bob")[0] is Removal.STILL_ENTITLED
    read_again(world, datetime(2026, 12, 9, tzinfo=UTC), "zoe")
    (found,) = confirmations(ended, [line(ended, "bob")]).values()
    assert found.reading is not None
    assert found.reading.as_of == datetime(2026, 12, 9, tzinfo=UTC)


def test_who_is_kept_has_nothing_to_confirm(ended: AccessReview) -> None:
    assert confirmations(ended, [line(ended, "trainer-0")]) == {}


def test_a_review_after_its_day_is_late(review: AccessReview, manager: User) -> None:
    AccessReview.objects.filter(pk=review.pk).update(due_on=date(2020, 1, 1))
    assert review_figures(AccessReview.objects.get(pk=review.pk)).is_late


def test_the_review_of_a_period_is_one_that_was_completed_in_it(world: World, ended: AccessReview) -> None:
    assert review_in_period(world.assessment) == ended
    AccessReview.objects.update(completed_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert review_in_period(world.assessment) is None
