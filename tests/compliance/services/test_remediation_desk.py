"""Comments, kept filters, and two people moving one item."""

from __future__ import annotations

import pytest

from compliance.models import RemediationComment, RemediationItem, SavedFilter, TrailEntry, User
from compliance.rights import visible
from compliance.services import remediation, remediation_comments, saved_filters
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.states import RemediationState
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


def test_who_comes_second_is_told_what_the_first_did_and_nothing_is_lost(
    world: World, manager: User, officer: User
) -> None:
    item, seen = world.item, RemediationState.OPEN
    again = RemediationItem.objects.get(pk=item.pk)
    remediation.move(item=item, state=RemediationState.IN_PROGRESS, actor=manager, seen=seen)
    with pytest.raises(ConflictError) as told:
        remediation.move(item=again, state=RemediationState.BLOCKED, actor=officer, seen=seen)
    assert "was moved to “In progress” meanwhile, so it was not moved to “Blocked”" in str(told.value)
    assert (told.value.by, told.value.saved, told.value.sent) == (
        "Mira Manager", {"state": "in_progress"}, {"state": "blocked"},
    )  # fmt: skip
    assert RemediationItem.objects.get(pk=item.pk).state == RemediationState.IN_PROGRESS


def test_both_wanting_the_same_is_no_conflict(world: World, manager: User, officer: User) -> None:
    for actor in (manager, officer):
        fresh = RemediationItem.objects.get(pk=world.item.pk)
        remediation.move(item=fresh, state=RemediationState.DONE, actor=actor, seen=RemediationState.OPEN)
    told = TrailEntry.objects.filter(event__kind="remediation.moved", event__subject_uuid=world.item.uuid)
    assert [entry.actor for entry in told] == [manager]


def test_a_comment_stays_as_it_is_and_its_words_are_not_in_the_trail(world: World, contributor: User) -> None:
    comment = remediation_comments.write(item=world.item, text=" <b>Retraining</b>\x00 began. ", actor=contributor)
    assert comment.text == "<b>Retraining</b> began."
    told = TrailEntry.objects.get(event__kind="remediation.commented")
    assert "Retraining" not in str(told.payload)
    assert told.event.subject_uuid == world.item.uuid


@pytest.mark.parametrize(("text", "why"), [("  \x00 ", "Write the comment"), ("x" * 5_001, "at most 5000")])
def test_no_comment_and_too_long_a_one_are_refused(world: World, contributor: User, text: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        remediation_comments.write(item=world.item, text=text, actor=contributor)
    assert not RemediationComment.objects.exists()


def test_comments_exist_where_their_item_does(world: World, contributor: User, officer: User) -> None:
    for item in (world.item, world.other_item):
        remediation_comments.write(item=item, text="Begun.", actor=officer)
    seen = visible(RemediationComment.objects.all(), contributor)
    assert [comment.item for comment in seen] == [world.item]


def test_a_filter_of_the_same_name_takes_the_place_of_the_earlier(contributor: User) -> None:
    saved_filters.save(name=" Late  ones ", query="overdue=on", is_shared=False, actor=contributor)
    saved_filters.save(name="Late ones", query="overdue=on&q=x", is_shared=True, actor=contributor)
    (kept,) = SavedFilter.objects.all()
    assert (kept.name, kept.query, kept.is_shared) == ("Late ones", "overdue=on&q=x", True)


def test_shared_filters_are_there_for_the_organisation_and_not_for_auditors(
    contributor: User, manager: User, auditor: User
) -> None:
    saved_filters.save(name="Mine", query="q=a", is_shared=False, actor=contributor)
    saved_filters.save(name="Ours", query="q=b", is_shared=True, actor=contributor)

    def names(user: User) -> list[str]:
        return [kept.name for kept in visible(SavedFilter.objects.all(), user)]

    assert names(contributor) == ["Mine", "Ours"]
    assert names(manager) == ["Ours"]
    assert names(auditor) == []


def test_only_its_owner_deletes_a_filter(contributor: User, manager: User) -> None:
    kept = saved_filters.save(name="Ours", query="q=b", is_shared=True, actor=contributor)
    with pytest.raises(RefusedError, match="Only Carl Contributor"):
        saved_filters.delete(kept=kept, actor=manager)
    saved_filters.delete(kept=kept, actor=contributor)
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("name", "query", "why"),
    [
        ("  ", "", "Give the filter a name"),
        ("x" * 101, "", "Give the filter a name"),
        ("Long", "q" * 1_001, "longer than"),
    ],
)
def test_a_filter_without_a_fitting_name_or_too_long_is_refused(
    contributor: User, name: str, query: str, why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        saved_filters.save(name=name, query=query, is_shared=False, actor=contributor)


def test_nobody_keeps_more_than_fifty(contributor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "MOST", 2)
    for name in ("A", "B", "A"):
        saved_filters.save(name=name, query="", is_shared=False, actor=contributor)
    with pytest.raises(RefusedError, match="delete one first"):
        saved_filters.save(name="C", query="", is_shared=False, actor=contributor)
