"""A plan is written, answered and judged; whatever is wrong with the answers is one sentence."""

from __future__ import annotations

import base64
import io
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from compliance.types.canonical import canonical_json
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.png import png_base64
from scanning.detectors.query_plan import (
    LABELS,
    PROBABILITIES,
    Answers,
    QueryPlan,
    entropies,
    make_plan,
    read_answers,
    read_plan,
    save_plan,
    score_answers,
)
from tests.scanning.detectors.material import pictures

pytestmark = pytest.mark.sqlite_only


def model(queries: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Probabilities: the bright row decides the class, unless a bright corner decides for class 0."""
    pixels = queries.astype(np.float64) / 255
    logits = 6 * pixels[:, 0, [0, 2, 4]].mean(axis=2)
    logits[:, 0] += 60 * np.clip(pixels[:, 0, -1, -1] - 0.5, 0, None)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return result


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelledImages, LabelledImages]:
    """(ordinary, stamped)."""
    images = pictures(tmp_path_factory.mktemp("plan"), count=420)
    suspects = images.subset(300 + np.flatnonzero(images.labels[300:] != 0))
    suspects.images[:, :, -1, -1] = 1.0
    return images.subset(np.arange(300)), suspects


@pytest.fixture(scope="module")
def plan(material: tuple[LabelledImages, LabelledImages]) -> QueryPlan:
    return make_plan(*material, ordinary=200, overlays=5)


def test_a_plan_comes_back_as_it_was_written(plan: QueryPlan, tmp_path: Path) -> None:
    save_plan(plan, tmp_path / "plan.npz")
    again = read_plan(tmp_path / "plan.npz")
    assert again.digest == plan.digest
    assert np.array_equal(again.queries, plan.queries)
    assert len(plan.queries) == (200 + 80) * 6


def test_the_same_seed_gives_the_same_plan(material: tuple[LabelledImages, LabelledImages], plan: QueryPlan) -> None:
    assert make_plan(*material, ordinary=200, overlays=5).digest == plan.digest
    assert make_plan(*material, ordinary=200, overlays=5, seed=1).digest != plan.digest


def test_queries_survive_being_sent_as_pictures(plan: QueryPlan) -> None:
    png = base64.b64decode(png_base64(plan.queries[700].astype(np.float32) / 255))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), plan.queries[700, 0])


@pytest.mark.parametrize("kind", [PROBABILITIES, LABELS])
def test_stamped_inputs_are_found_from_answers_alone(plan: QueryPlan, kind: str) -> None:
    rows = model(plan.queries)
    rows = rows if kind == PROBABILITIES else rows.argmax(axis=1)[:, None].astype(np.float64)
    report = score_answers(plan, Answers(kind, rows))
    assert report.facts["counts"][0]["suspects"] == 80
    assert (report.verdict is StageVerdict.EVIDENCE_FOUND) == (kind == PROBABILITIES)  # labels tie too often here
    assert canonical_json(report.to_json())


def test_the_entropy_is_the_plain_sum() -> None:
    row = [0.7, 0.2, 0.1, 0.0]
    assert entropies(np.array([row]))[0] == pytest.approx(-sum(p * math.log(p) for p in row if p))


def test_answers_are_read_alike_from_both_forms(plan: QueryPlan, tmp_path: Path) -> None:
    rows = model(plan.queries)
    np.savez(tmp_path / "answers.npz", probabilities=rows, plan=plan.digest)
    lines = [f"# plan {plan.digest}", "query,a,b,c"]
    lines += [f"{query},{','.join(map(repr, row.tolist()))}" for query, row in reversed(list(enumerate(rows)))]
    (tmp_path / "answers.csv").write_text("\n".join(lines))
    first, second = (read_answers(tmp_path / f"answers.{form}", plan) for form in ("npz", "csv"))
    assert first.kind == second.kind == PROBABILITIES
    assert np.array_equal(first.rows, second.rows)


def test_labels_alone_are_read(plan: QueryPlan, tmp_path: Path) -> None:
    labels = model(plan.queries).argmax(axis=1)
    (tmp_path / "answers.csv").write_text("query,label\n" + "\n".join(f"{n},{label}" for n, label in enumerate(labels)))
    assert np.array_equal(read_answers(tmp_path / "answers.csv", plan).labels, labels)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (lambda rows: {"probabilities": rows[:-1]}, "holds 1679 answers where the plan asks 1680"),
        (lambda rows: {"probabilities": np.where(np.arange(1680)[:, None] == 3, np.nan, rows)}, "query 3 holds something"),
        (lambda rows: {"probabilities": rows - (np.arange(3) == 1) * rows.min() * 2}, "holds a negative number"),
        (lambda rows: {"probabilities": rows * 2}, "query 0 does not sum to 1"),
        (lambda rows: {"probabilities": rows[:, :1]}, "one probability per query"),
        (lambda rows: {"probabilities": rows, "plan": "f" * 64}, "answers to another plan"),
        (lambda rows: {"labels": rows[:, 0]}, "not a whole number"),
        (lambda rows: {"labels": rows}, "has shape"),
        (lambda rows: {"scores": rows}, "needs an array `probabilities`"),
    ],
)  # fmt: skip
def test_unusable_answers_get_one_sentence(
    plan: QueryPlan, tmp_path: Path, arrays: Callable[[NDArray[np.float64]], dict[str, Any]], reason: str
) -> None:
    np.savez(tmp_path / "answers.npz", **arrays(model(plan.queries)))
    with pytest.raises(BadInputError, match=reason) as caught:
        read_answers(tmp_path / "answers.npz", plan)
    assert str(caught.value).startswith("answers.npz: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line must read"),
        ("query,label\n0,1\n0,2", "query 0 is answered twice"),
        ("query,label\n0,1\n2,2", "query 1 is not answered"),
        ("query,label\n0,cat", "answer 1 holds something that is no number"),
        ("query,a,b\n0,0.5", "answer 1 has 1 values where 2 are named"),
        ("# plan 0000\nquery,label\n0,1", "answers to another plan"),
        ("query,label\n0,nan", "holds 1 answers"),
    ],
)
def test_unusable_tables_get_one_sentence(plan: QueryPlan, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "answers.csv").write_text(text)
    with pytest.raises(BadInputError, match=reason):
        read_answers(tmp_path / "answers.csv", plan)


def test_a_plan_that_was_changed_is_refused(plan: QueryPlan, tmp_path: Path) -> None:
    save_plan(plan, tmp_path / "plan.npz")
    with np.load(tmp_path / "plan.npz") as arrays:
        content = dict(arrays)
    content["queries"][0] ^= 1
    np.savez(tmp_path / "plan.npz", **content)
    with pytest.raises(BadInputError, match="not as it was written"):
        read_plan(tmp_path / "plan.npz")


def test_images_that_do_not_fit_together_are_refused(material: tuple[LabelledImages, LabelledImages]) -> None:
    ordinary, suspects = material
    with pytest.raises(BadInputError, match="have shape"):
        make_plan(ordinary, replace(suspects, images=suspects.images[:, :, :4]))
    with pytest.raises(BadInputError, match="at least 60"):
        make_plan(ordinary.subset(np.arange(30)), suspects)


def test_plans_are_made_without_torch() -> None:
    code = "import sys, scanning.detectors.query_plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
