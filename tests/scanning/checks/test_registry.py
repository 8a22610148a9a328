"""What checks found, as observations: one for the whole, parts for exceptions, the same in every run."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from compliance.services.finding_targets import _OF_CHECK
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.drafts import ObservationDraft
from compliance.types.verdicts import FileScanVerdict
from scanning.checks import registry
from scanning.checks.base import Event, Facts
from tests.scanning.checks.facts import actor, event, facts

pytestmark = pytest.mark.sqlite_only
STRANGER = facts(event(0, actor=actor("eve")), event(1))


def drafts(rule: CheckRule, given: Facts) -> list[ObservationDraft]:
    return list(registry.drafts_of(registry.CHECKS[rule][0](given), system="Digit reader", facts=given))


def test_an_exception_is_a_part_of_the_whole_and_leads_to_its_event() -> None:
    whole, part = drafts(CheckRule.SUBMITTER_NOT_APPROVED, STRANGER)
    assert (whole.producer, whole.rule, whole.verdict) == (PRODUCER, "submitter-not-approved", FileScanVerdict.FINDING)
    assert whole.description.startswith("Exceptions: 1 of 2 jobs.")
    assert "job-0 was submitted by eve, who is not on the approved list." in whole.description
    assert part.facts == {"part_of": whole.fingerprint, "event": "event-0"}
    assert part.asset.digest == event(0).raw_sha256
    assert part.observed_at == event(0).at


def test_the_same_facts_give_the_same_observations() -> None:
    for rule in CheckRule:
        assert drafts(rule, STRANGER) == drafts(rule, STRANGER)
        prints = [draft.fingerprint for draft in drafts(rule, STRANGER)]
        assert len(prints) == len(set(prints))


def test_a_check_without_input_says_what_is_missing_and_no_severity() -> None:
    (whole,) = drafts(CheckRule.SUBMITTER_NOT_APPROVED, replace(STRANGER, approved=None))
    assert whole.description.startswith("Not checked. The answer to question 2 names no approved submitters.")
    assert whole.severity is None


def test_what_cannot_be_told_is_counted_once_a_job() -> None:
    unnamed = event(0, data=(event(0).data[0],) * 3)
    unnamed = replace(unnamed, data=tuple(replace(one, data=None) for one in unnamed.data))
    result = registry.result_of(registry.CHECKS[CheckRule.DATASET_NOT_VERIFIED][0](facts(unnamed)))
    assert (result["population"], result["undecided"]) == (1, 1)
    assert result["statement"] == "Exceptions: 0 of 1 jobs. Nothing can be said of 1."


def test_a_flood_of_exceptions_is_counted_and_the_first_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LISTED", 3)
    strangers = facts(*(event(n, actor=actor(f"eve{n}")) for n in range(10)))
    whole, *parts = drafts(CheckRule.SUBMITTER_NOT_APPROVED, strangers)
    assert (whole.facts["exceptions"], whole.facts["listed"], len(parts)) == (10, 3, 3)


def test_any_mixture_of_events_gives_a_verdict_of_each_rule() -> None:
    chance = random.Random(7)
    for _ in range(50):
        given = facts(*(_mixed(n, chance) for n in range(chance.randrange(1, 12))))
        results = [registry.result_of(found) for found in registry.evaluate(given)]
        assert [result["rule"] for result in results] == [rule.value for rule in CheckRule]
        for result in results:
            assert result["exceptions"] <= max(result["population"], 2)
            assert (result["verdict"] == FileScanVerdict.FINDING) == (result["exceptions"] > 0)


def _mixed(n: int, chance: random.Random) -> Event:
    whole = event(n)
    changes: dict[str, Any] = {
        "actor": chance.choice([None, actor("eve"), actor("ann")]),
        "bases": chance.choice([(), whole.bases, tuple(replace(one, model=None) for one in whole.bases)]),
        "data": chance.choice([(), whole.data, tuple(replace(one, data=None) for one in whole.data)]),
        "job_name": chance.choice(["", whole.job_name]),
        "job_id": chance.choice(["", whole.job_id]),
        "session": chance.choice(["", "default", "ann@example.org"]),
    }
    return event(n, **changes)


def test_each_rule_is_tested_against_a_control() -> None:
    assert set(_OF_CHECK) == set(CheckRule)
