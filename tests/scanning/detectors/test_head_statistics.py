"""Each statistic against one written out by hand; what changes nothing, what stands out, what cannot be read."""

from __future__ import annotations

import math
from statistics import median

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import NotApplicableError, ScanContext
from scanning.detectors.head_statistics import SIGNS, HeadStatistics, combined, standardised, statistics
from scanning.detectors.loading import LoadedModel, freeze

pytestmark = pytest.mark.sqlite_only

CLASSES, WIDTH = 8, 24
ABOUT = pytest.approx


def head(seed: int, *, classes: int = CLASSES) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    weight = torch.randn(classes, WIDTH, generator=draws, dtype=torch.float64)
    return weight, torch.randn(classes, generator=draws, dtype=torch.float64) / 10


def scores(weight: Tensor, bias: Tensor) -> list[float]:
    return combined({name: standardised(values) for name, values in statistics(weight, bias).items()})


def context(weight: Tensor, bias: Tensor, *ends: nn.Module) -> ScanContext:
    layer = nn.Linear(WIDTH, len(weight))
    layer.weight.data, layer.bias.data = weight.float(), bias.float()
    module = freeze(nn.Sequential(nn.Flatten(), nn.ReLU(), layer, *ends))
    object.__setattr__(module, "image_shape", (1, 4, WIDTH // 4))
    return of(module)


def of(module: nn.Module | None) -> ScanContext:
    model = LoadedModel(
        name="m", format="onnx", sha256="a", tensors={}, architecture="onnx-graph", architecture_digest="d",
        weights={}, module=module, not_runnable="The graph cannot be run.",
    )  # fmt: skip
    return ScanContext(model=model)


def test_statistics_as_one_would_write_them_down() -> None:
    weight, bias = head(0)
    rows = [[float(w - weight[:, place].mean()) for place, w in enumerate(row)] for row in weight]
    norms = [math.sqrt(sum(w * w for w in row)) for row in rows]

    def cosine(a: int, b: int) -> float:
        return sum(x * y for x, y in zip(rows[a], rows[b], strict=True)) / norms[a] / norms[b]

    found = statistics(weight, bias)
    for k in range(CLASSES):
        others = [cosine(k, j) for j in range(CLASSES) if j != k]
        assert found["norm"][k] == ABOUT(norms[k])
        assert found["bias"][k] == ABOUT(float(bias[k] - bias.mean()))
        assert found["mean_cosine"][k] == ABOUT(sum(others) / len(others))
        assert found["max_cosine"][k] == ABOUT(max(others))
        assert found["lean"][k] == ABOUT(sum(rows[k]) / norms[k] / math.sqrt(WIDTH))
        assert found["peak"][k] == ABOUT(max(map(abs, rows[k])) / norms[k])


def test_the_first_direction_is_the_one_that_rows_share_most() -> None:
    weight, bias = head(0)
    weight[2] += 50 * weight[5]
    share = statistics(weight, bias)["first_direction"]
    assert max(range(CLASSES), key=share.__getitem__) == 2
    assert sum(share) == ABOUT(1)


@settings(max_examples=20, deadline=None)
@given(some.permutations(range(CLASSES)), some.permutations(range(WIDTH)))
def test_neither_order_of_classes_nor_of_features_matters(rows: list[int], columns: list[int]) -> None:
    weight, bias = head(1)
    before = scores(weight, bias)
    assert scores(weight[rows][:, columns], bias[rows]) == ABOUT([before[row] for row in rows], abs=1e-9)


@pytest.mark.parametrize("factor", [0.001, 30.0])
def test_what_moves_no_decision_moves_no_score(factor: float) -> None:
    weight, bias = head(2)
    common, constant = head(3)[0][:1], 4.0
    assert scores(factor * (weight + common), factor * (bias + constant)) == ABOUT(scores(weight, bias), abs=1e-6)


@pytest.mark.parametrize("target", [0, 5])
def test_a_row_that_leans_to_all_features_stands_out_among_references(target: int) -> None:
    usual = [max(scores(*head(seed))) for seed in range(20)]
    weight, bias = head(40 + target)
    weight[target] += 1.0
    bias[target] -= 0.3
    found = scores(weight, bias)
    assert max(range(CLASSES), key=found.__getitem__) == target
    assert found[target] > max(usual)


def test_standardising_by_hand() -> None:
    values = [1.0, 2.0, 4.0, 9.0, 3.0]
    spread = max(1.4826 * median([2, 1, 1, 6, 0]), 1.2533 * 10 / 5)
    assert standardised(values) == ABOUT([(value - 3) / spread for value in values])


@pytest.mark.parametrize(("values", "found"), [([2.0] * 5, [0.0] * 5), ([0.0] * 5 + [6.0], [0.0] * 5 + [4.787])])
def test_ties_do_not_divide_by_nothing(values: list[float], found: list[float]) -> None:
    assert standardised(values) == ABOUT(found, abs=1e-3)


@pytest.mark.parametrize("ends", [(), (nn.Softmax(1),)], ids=["scores", "softmax"])
def test_a_model_is_measured_without_images(ends: tuple[nn.Module, ...]) -> None:
    weight, bias = head(0)
    measured = HeadStatistics().measure(context(weight / 9, bias, *ends))
    assert list(measured.scores) == ABOUT(scores(weight / 9, bias), abs=1e-4)
    assert len(measured.runs) == 1
    assert set(measured.facts["standardised"]) > set(SIGNS)


def test_three_classes_are_measured() -> None:
    assert len(HeadStatistics().measure(context(*head(0, classes=3))).scores) == 3


def nan_at(place: int) -> ScanContext:
    weight, bias = head(0)
    weight[place] = math.nan
    return context(weight, bias)


@pytest.mark.parametrize(
    ("handed", "said"),
    [
        (of(None), "The graph cannot be run."),
        (of(freeze(nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten()))), "what size of image the model takes"),
        (context(*head(0, classes=2)), "2 classes; among fewer than 3 rows"),
        (context(*head(0, classes=1)), "at least two classes are needed"),
        (nan_at(1), "scores that are not finite numbers"),
        (context(*head(0), nn.Hardswish()), "not a plain linear one"),
    ],
    ids=["no module", "no shape", "two classes", "one class", "nan", "bent"],
)
def test_what_cannot_be_read_is_said(handed: ScanContext, said: str) -> None:
    with pytest.raises(NotApplicableError) as error:
        HeadStatistics().measure(handed)
    assert said in str(error.value)


def test_without_references_nothing_is_concluded() -> None:
    report = HeadStatistics().examine(context(*head(0)))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "no bank of reference models" in report.statement
