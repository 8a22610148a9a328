"""The zoo's split was written before its models were trained and must never move; its figures are checked by hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanning.detectors.loading import file_sha256
from tests.bench.zoo.figures import auroc, auroc_interval, found_at
from tests.bench.zoo.recipes import BANK, DEVELOPMENT, POWER, TEST, UNKNOWN, entries
from tests.bench.zoo.train import facts_of, kept

pytestmark = pytest.mark.sqlite_only

SPLIT = Path(__file__).parents[2] / "bench" / "zoo" / "split.json"


def test_every_model_keeps_the_role_that_was_written_down() -> None:
    rows = [{"recipe_sha256": e.recipe.digest, "role": e.role, "attack": e.attack} for e in entries()]
    assert rows == json.loads(SPLIT.read_text(encoding="utf-8"))


def test_roles_are_apart_and_of_the_size_that_was_planned() -> None:
    assert len({entry.recipe.digest for entry in entries()}) == len(entries())
    counts = Counter((entry.role, bool(entry.attack)) for entry in entries())
    assert counts == {
        (BANK, False): 39, (TEST, False): 20, (TEST, True): 20, (POWER, True): 40, (DEVELOPMENT, True): 6,
    }  # fmt: skip


def test_one_attack_of_the_test_set_is_used_nowhere_else() -> None:
    assert {entry.role for entry in entries() if entry.attack == UNKNOWN.name} == {TEST}


def test_kept_weights_are_those_of_their_recipe() -> None:
    trained = [entry for entry in entries() if kept(entry).is_file()]
    assert trained
    for entry in trained:
        facts = facts_of(entry)
        assert facts is not None
        assert facts["recipe_sha256"] == entry.recipe.digest
        assert facts["weights_sha256"] == file_sha256(kept(entry))


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), st.lists(st.integers(0, 9), min_size=2, max_size=8))
def test_auroc_counts_pairs(infected: list[int], unpoisoned: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in infected for b in unpoisoned]
    value = auroc(infected, unpoisoned)
    assert value == pytest.approx(sum(pairs) / len(pairs))
    low, high = auroc_interval(infected, unpoisoned)
    assert 0 <= low <= value <= high <= 1


def test_a_perfect_auroc_of_few_models_is_not_certain() -> None:
    low, high = auroc_interval([5.0] * 20, [1.0] * 20)
    assert (round(low, 3), high) == (0.832, 1.0)


def test_models_found_at_a_share_of_false_alarms_are_those_above_the_rest() -> None:
    unpoisoned = [float(value) for value in range(20)]
    assert found_at([18.5, 17.5, 30.0], unpoisoned, 0.05) == 2
    assert found_at([18.5, 19.0, 19.5], unpoisoned, 0.0) == 1
    assert found_at([18.5, 17.5, 30.0], unpoisoned, 0.1) == 3
