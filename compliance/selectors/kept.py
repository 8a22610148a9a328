"""What is costly to compute from the record, kept for as long as the record stays as it is.

Every write to the record leaves an entry in the trail, so the newest entries tell whether anything happened. Entries become
visible in the order of their commits, not of their numbers: the mark therefore counts the last of them besides naming the
newest, and nothing is kept for more than `SECONDS`. Pages read what is kept; what decides or is frozen is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from django.core.cache import cache
from django.utils import timezone, translation

from compliance.models import Answer, ModelVersion, Technique, TrailEntry
from compliance.selectors.coverage import coverage_states
from compliance.selectors.question_facts import QuestionFacts, question_facts
from compliance.types.verdicts import CoverageState

SECONDS = 300
_WINDOW = 5_000
T = TypeVar("T")


def record_mark() -> str:
    """A word that changes when anything is recorded, and with the day, since what is fresh today may be stale tomorrow; ""
    where nothing was ever recorded."""
    newest = TrailEntry.objects.order_by("-pk").values_list("pk", "event__uuid").first()
    if newest is None:
        return ""
    key, event = newest
    lately = TrailEntry.objects.filter(pk__gt=key - _WINDOW).count()
    return f"{event}-{lately}-{timezone.localdate().isoformat()}"


def kept(name: str, compute: Callable[[], T], *, mark: str) -> T:
    """What `compute` gives, kept under its name until the mark changes. The name tells whatever the result depends on."""
    if not mark:
        return compute()
    key = f"assay:{name}:{translation.get_language()}:{mark}"
    known = cache.get(key)
    if known is None:
        known = (compute(),)
        cache.set(key, known, SECONDS)
    return cast("tuple[T]", known)[0]


def kept_facts(answer: Answer, *, mark: str) -> QuestionFacts:
    """As question_facts, kept."""
    return kept(f"facts:{answer.uuid}:{answer.version}", lambda: question_facts(answer), mark=mark)


def kept_states(technique: Technique, *, mark: str) -> dict[int, tuple[CoverageState, ...]]:
    """As coverage_states of all model versions, kept: whoever shows it chooses those that its asker may see."""
    every = ModelVersion.objects.all()
    return kept(f"states:{technique.atlas_id}", lambda: coverage_states(every, technique=technique), mark=mark)
