"""What is kept between pages lasts for as long as nothing is recorded, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from django.core.cache import cache
from django.utils import translation

from compliance.models import LedgerEvent, TrailEntry
from compliance.selectors.kept import kept, record_mark
from compliance.services import ledger
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def something_happens(world: World) -> None:
    ledger.record(kind="finding.opened", subject=world.finding, payload={}, actor=None, system=world.finding.system)


def test_it_is_computed_once_while_nothing_happens(world: World) -> None:
    something_happens(world)
    numbers = count()
    first = kept("n", lambda: next(numbers), mark=record_mark())
    assert kept("n", lambda: next(numbers), mark=record_mark()) == first
    assert kept("another", lambda: next(numbers), mark=record_mark()) != first


def test_it_is_computed_anew_after_anything_was_recorded(world: World) -> None:
    something_happens(world)
    numbers = count()
    first = kept("n", lambda: next(numbers), mark=record_mark())
    something_happens(world)
    assert kept("n", lambda: next(numbers), mark=record_mark()) != first


def entry_numbered(number: int, world: World) -> None:
    event = LedgerEvent.objects.create(
        kind="finding.opened", subject_type="finding", subject_uuid=world.finding.uuid, payload_sha256="0" * 64
    )
    TrailEntry.objects.create(pk=number, event=event, payload={})


def test_an_entry_that_commits_after_a_newer_one_is_seen(world: World) -> None:
    something_happens(world)
    newest = TrailEntry.objects.latest("pk").pk
    entry_numbered(newest + 5, world)
    before = record_mark()
    entry_numbered(newest + 2, world)
    assert TrailEntry.objects.latest("pk").pk == newest + 5
    assert record_mark() != before


def test_words_of_one_language_are_not_shown_in_another(world: World) -> None:
    something_happens(world)
    with translation.override("en"):
        kept("word", lambda: "finding", mark=record_mark())
    with translation.override("de"):
        assert kept("word", lambda: "Feststellung", mark=record_mark()) == "Feststellung"


def test_nothing_is_kept_where_nothing_was_recorded() -> None:
    numbers = count()
    assert record_mark() == ""
    assert [kept("n", lambda: next(numbers), mark=record_mark()) for _ in range(2)] == [0, 1]


def test_nothing_falsy_is_computed_twice(world: World) -> None:
    something_happens(world)
    asked: list[int] = []
    for _ in range(2):
        assert kept("none", lambda: asked.append(1), mark=record_mark()) is None
    assert asked == [1]
