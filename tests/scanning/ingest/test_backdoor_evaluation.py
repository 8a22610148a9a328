from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.shape import ShapeError
from compliance.types.verdicts import StageVerdict
from scanning.ingest.backdoor_evaluation_shape import checked, contradiction
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "formats" / "backdoor-evaluation-v1.schema.json").read_bytes())
VALID = jsonschema.Draft202012Validator(SCHEMA).is_valid
JUNK: tuple[Any, ...] = (None, True, 0, -1, 0.5, 2, 1.5, "", " ", "x", "AML.T0018", "ab" * 32, [], ["x"], {}, {"a": 1})


def example() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample("backdoor_evaluation/no_evidence.json"))
    return found


def seen(*evaluations: object) -> tuple[list[ObservationDraft], list[str]]:
    drafts, _ = read("backdoor_evaluation", json.dumps(list(evaluations)).encode())
    found = [draft for draft in drafts if isinstance(draft, ObservationDraft)]
    return found, [draft.reason for draft in drafts if isinstance(draft, Reject)]


def is_read(value: dict[str, Any]) -> bool:
    try:
        checked(value)
    except ShapeError:
        return False
    return True


def places(value: object) -> Iterator[tuple[object, object]]:
    """Every holder and key below a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield value, key
        yield from places(member)


def mutated(seed: int) -> dict[str, Any]:
    """The example with a few members taken out, added or replaced at random."""
    chance, found = random.Random(seed), example()
    found["verdict"] = chance.choice([*StageVerdict]).value
    for _ in range(chance.randint(0, 3)):
        holder, key = chance.choice(list(places(found)))
        act = chance.randrange(3)
        if act == 0 and isinstance(holder, dict):
            del holder[key]
        elif act == 1 and isinstance(holder, dict):
            holder["unheard_of"] = chance.choice(JUNK)
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))  # type: ignore[index]  # a holder is a dict or a list
    return found


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_published_schema_and_the_reader_agree(seed: int) -> None:
    value = mutated(seed)
    assert is_read(value) == VALID(value)


def test_the_examples_and_their_counterexamples_are_judged_alike_by_both() -> None:
    many = json.loads(sample("backdoor_evaluation/many.json"))["evaluations"]
    assert VALID(example())
    assert [VALID(one) for one in many] == [is_read(one) for one in many]
    assert 0 < sum(map(VALID, many)) < len(many)


def test_the_documented_example_is_valid() -> None:
    text = (ROOT / "docs" / "formats" / "backdoor_evaluation.md").read_text(encoding="utf-8")
    block = text.partition("```json\n")[2].partition("```")[0]
    assert VALID(json.loads(block))
    assert contradiction(checked(json.loads(block))) == ""


def test_a_negative_names_its_power_in_words() -> None:
    (observation,), _ = seen(example())
    assert observation.verdict is StageVerdict.NO_EVIDENCE_AT_POWER
    assert "36 of 40 found (76.3 % to 97.2 % at 95 % confidence)" in observation.description
    assert observation.atlas_techniques == ("AML.T0018.000",)
    assert observation.asset.digest == example()["model"]["sha256"]


@pytest.mark.parametrize("name", ["score", "threshold", "false_positive_rate", "calibration", "power"])
def test_there_is_no_negative_without_what_carries_it(name: str) -> None:
    lacking = example() | {name: [] if name == "power" else None}
    assert not VALID(lacking)
    with pytest.raises(BadInputError, match=f"no_evidence_at_power needs {name}"):
        seen(lacking)


def without_power(found: dict[str, Any]) -> None:
    found["power"] = [{**found["power"][0], "found": 1, "lower": 0.0006, "upper": 0.1316}]


def reaches(found: dict[str, Any]) -> None:
    found["score"]["value"] = found["threshold"]["value"]


def falls(found: dict[str, Any]) -> None:
    found["score"]["suspicious_when"] = "lower"


def claims(found: dict[str, Any]) -> None:
    found["verdict"] = "evidence_found"


def backwards(found: dict[str, Any]) -> None:
    found["finished_at"] = "2026-11-20T08:59:59.5Z"


def outside(found: dict[str, Any]) -> None:
    found["power"][0]["found"] = 2


def rate_outside(found: dict[str, Any]) -> None:
    found["false_positive_rate"]["value"] = 0.9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_power, "no planted backdoor more often"),
        (reaches, "reaches the threshold"),
        (falls, "reaches the threshold"),
        (claims, "does not reach the threshold"),
        (backwards, "finished before"),
        (outside, r"power\[0\] lies outside"),
        (rate_outside, "false_positive_rate lies outside"),
    ],
)
def test_a_verdict_that_its_own_figures_contradict_is_rejected(
    change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    found = example()
    change(found)
    with pytest.raises(BadInputError, match=reason):
        seen(found)


def test_the_wrong_one_does_not_take_the_right_one_with_it() -> None:
    found, refused = seen(example() | {"id": "x", "verdict": "clean"}, example())
    assert len(found) == 1
    assert len(refused) == 1


def test_a_later_version_of_an_evaluation_replaces_it_and_another_laboratory_does_not() -> None:
    later = example() | {"finished_at": "2026-11-21T00:00:00Z", "statement": "Corrected."}
    other = example()
    other["operator"]["organisation"] = "Other Lab"
    found, _ = seen(later, example(), other)
    assert sorted(observation.description.partition(" ")[0] for observation in found) == ["Corrected.", "No"]
    assert len({observation.rule for observation in found}) == 2


def test_secrets_in_parameters_are_taken_out_and_extensions_are_not_kept() -> None:
    found = example() | {"extensions": {"anything": "x"}}
    found["method"]["parameters"] = {"environment": {"API_KEY": "abcdefgh"}}
    (observation,), _ = seen(found)
    assert observation.facts["evaluation"]["method"]["parameters"] == {"environment": {"API_KEY": "[redacted]"}}
    assert "extensions" not in observation.facts["evaluation"]


def test_lines_lists_and_wrapped_lists_are_the_same() -> None:
    one = json.dumps(example()).encode()
    shapes = (one, b"[" + one + b"]", b'{"evaluations":[' + one + b"]}", one + b"\n" + one)
    prints = set()
    for content in shapes:
        assert identify(content, "x") == "backdoor_evaluation"
        drafts, _ = read("backdoor_evaluation", content)
        prints |= {draft.fingerprint for draft in drafts if isinstance(draft, ObservationDraft)}
    assert len(prints) == 1


def test_another_version_is_recognised_and_refused() -> None:
    content = json.dumps(example() | {"format": "backdoor-evaluation/v2"}).encode()
    assert identify(content, "x") == "backdoor_evaluation"
    with pytest.raises(BadInputError, match="backdoor-evaluation/v1"):
        read("backdoor_evaluation", content)
