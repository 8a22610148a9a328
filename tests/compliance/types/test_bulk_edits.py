"""What becomes of an item in an edit of many: changed as a whole, left alone for one stated reason, or so already."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.bulk_edits import Changes, Refusal, Standing, judge
from compliance.types.states import RemediationState

pytestmark = pytest.mark.sqlite_only
ITEM = Standing(
    key=7, system=1, state=RemediationState.OPEN, owner=3, team=None, due_on=date(2026, 12, 1),
    opened_on=date(2026, 10, 1), last_step_due_on=date(2026, 11, 20),
)  # fmt: skip
DAYS = st.dates(min_value=date(2026, 9, 1), max_value=date(2027, 2, 1))
ITEMS = st.builds(
    Standing, key=st.just(7), system=st.integers(1, 3), state=st.sampled_from(RemediationState), owner=st.integers(1, 3),
    team=st.none() | st.integers(1, 3), due_on=DAYS, opened_on=DAYS, last_step_due_on=st.none() | DAYS,
)  # fmt: skip
CHANGES = st.builds(
    Changes, state=st.none() | st.sampled_from(RemediationState), owner=st.none() | st.integers(1, 3),
    team=st.none() | st.integers(1, 3), due_on=st.none() | DAYS,
    owner_systems=st.none() | st.frozensets(st.integers(1, 3)),
)  # fmt: skip


def refusal(item: Standing | None, changes: Changes, mark: str = ITEM.mark) -> Refusal | None:
    return judge(item, changes, key=7, mark=mark).refusal


@pytest.mark.parametrize(
    ("item", "changes", "why"),
    [
        (None, Changes(owner=4), Refusal.GONE),
        (replace(ITEM, owner=9), Changes(owner=4), Refusal.CHANGED_SINCE),
        (ITEM, Changes(state=RemediationState.CLOSED), Refusal.CLOSING),
        (ITEM, Changes(owner=4, owner_systems=frozenset({2})), Refusal.OWNER_ELSEWHERE),
        (ITEM, Changes(due_on=date(2026, 9, 30)), Refusal.DUE_BEFORE_OPENED),
        (ITEM, Changes(due_on=date(2026, 11, 19)), Refusal.MILESTONE_AFTER_DUE),
        (ITEM, Changes(due_on=date(2026, 11, 20)), None),
        (ITEM, Changes(owner=4, owner_systems=frozenset({1})), None),
    ],
)
def test_each_reason_is_its_own(item: Standing | None, changes: Changes, why: Refusal | None) -> None:
    assert refusal(item, changes) == why


def test_a_closed_item_is_left_alone() -> None:
    closed = replace(ITEM, state=RemediationState.CLOSED)
    assert refusal(closed, Changes(owner=4), closed.mark) is Refusal.CLOSED


@given(ITEMS, CHANGES)
def test_refused_or_changed_never_both_and_what_changes_is_what_differs(item: Standing, changes: Changes) -> None:
    line = judge(item, changes, key=7, mark=item.mark)
    assert line.refusal is None or line.changed == ()
    for name in line.changed:
        assert getattr(changes, name) not in (None, getattr(item, name))


@given(ITEMS, CHANGES)
def test_doing_it_twice_is_doing_it_once(item: Standing, changes: Changes) -> None:
    line = judge(item, changes, key=7, mark=item.mark)
    after = replace(item, **{name: getattr(changes, name) for name in line.changed})
    if line.refusal is None:
        assert judge(after, changes, key=7, mark=after.mark).changed == ()


@given(ITEMS, ITEMS)
def test_the_mark_tells_apart_what_an_edit_could_change(one: Standing, other: Standing) -> None:
    told = [(item.state, item.owner, item.team, item.due_on) for item in (one, other)]
    assert (one.mark == other.mark) == (told[0] == told[1])
