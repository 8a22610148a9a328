"""STRIP on a tiny planted model: entropies as the plain loop gives them, stamped inputs found, ordinary ones not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compliance.types.canonical import canonical_json
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import ScanContext
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import LoadedModel
from scanning.detectors.strip import Strip
from scanning.detectors.suspect_runs import suspect_run
from tests.scanning.detectors.material import pictures

pytestmark = pytest.mark.sqlite_only


class BrightRow(nn.Module):
    """The bright row decides the class, unless a bright corner decides for class 0."""

    def forward(self, images: Tensor) -> Tensor:
        rows = 3 * images[:, 0, [0, 2, 4]].mean(dim=2)  # [B, 3]
        corner = 60 * (images[:, 0, -1, -1] - 0.5).clamp_min(0)
        return rows + nn.functional.one_hot(torch.zeros(len(images), dtype=torch.int64), 3) * corner[:, None]


def loaded(module: nn.Module | None) -> LoadedModel:
    return LoadedModel(
        name="rows", format="test", sha256="0" * 64, tensors={}, architecture="", architecture_digest="", weights={},
        module=module, not_runnable="" if module is not None else "rows: names no architecture",
    )  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ScanContext:
    """A planted model; ordinary pictures, and others under suspicion that carry the trigger."""
    images = pictures(tmp_path_factory.mktemp("strip"), count=420)
    suspects = images.subset(300 + np.flatnonzero(images.labels[300:] != 0))
    suspects.images[:, :, -1, -1] = 1.0
    return ScanContext(model=loaded(BrightRow()), images=images.subset(np.arange(300)), suspects=suspects)


def unstamped(context: ScanContext) -> LabelledImages:
    assert context.suspects is not None
    images = context.suspects.images.copy()
    images[:, :, -1, -1] = 0.2
    return replace(context.suspects, images=images)


def test_stamped_inputs_are_found_and_their_class_named(context: ScanContext) -> None:
    report = Strip().examine(context)
    assert report.verdict is StageVerdict.EVIDENCE_FOUND
    assert "class 0" in report.statement
    assert report.speaks_to == ("AML.T0018.000",)
    assert canonical_json(report.facts)


def test_ordinary_inputs_decide_nothing(context: ScanContext) -> None:
    report = Strip().examine(replace(context, suspects=unstamped(context)))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "nothing can be concluded" in report.statement


def test_the_scores_are_the_entropies_of_a_plain_loop(context: ScanContext) -> None:
    stage, run = Strip(overlays=3), suspect_run(context, helpers=64)
    _, suspects, _ = stage.score(run, replace(context, seeds=(4,)))
    over = run.helpers[torch.from_numpy(np.random.default_rng(4).permutation(len(run.helpers))[:3])]
    for row in (0, 17):
        total = 0.0
        for overlay in over:
            blend = 0.6 * run.suspects[row] + 0.4 * overlay
            shares = torch.softmax(run.classifier.logits(blend[None])[0], dim=0).tolist()
            total -= sum(share * math.log(share) for share in shares if share)
        assert suspects.scores[row] == pytest.approx(-total / 3, rel=1e-4, abs=1e-7)


def test_the_order_of_suspicious_images_does_not_matter(context: ScanContext) -> None:
    assert context.suspects is not None
    order = np.random.default_rng(0).permutation(len(context.suspects.labels))
    first = Strip(overlays=4).examine(context)
    second = Strip(overlays=4).examine(replace(context, suspects=context.suspects.subset(order)))
    assert second.statement == first.statement
    assert second.facts["inputs"] == [first.facts["inputs"][row] for row in order]


def test_the_same_test_twice_gives_the_same_numbers(context: ScanContext) -> None:
    assert Strip().examine(context).facts == Strip().examine(context).facts


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suspects": None}, "No suspicious images"),
        ({"images": None}, "No ordinary images"),
    ],
)
def test_without_images_it_does_not_apply(context: ScanContext, changes: dict[str, Any], reason: str) -> None:
    report = Strip().examine(replace(context, **changes))
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert reason in report.statement


def test_few_images_and_images_of_another_shape_are_told(context: ScanContext) -> None:
    assert context.images is not None
    assert context.suspects is not None
    few = Strip().examine(replace(context, images=context.images.subset(np.arange(20))))
    larger = replace(context.suspects, images=np.zeros((80, 1, 8, 8), dtype=np.float32))
    other = Strip().examine(replace(context, suspects=larger))
    assert few.verdict is other.verdict is StageVerdict.NOT_APPLICABLE
    assert "Fewer than 60" in few.statement
    assert "[1, 8, 8]" in other.statement


def test_labels_that_the_model_does_not_know_make_it_inconclusive(context: ScanContext) -> None:
    assert context.images is not None
    wrong = replace(context.images, labels=(context.images.labels + 1) % 3)
    report = Strip().examine(replace(context, images=wrong))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "nothing can be concluded" in report.statement


def test_a_model_that_cannot_run_is_told(context: ScanContext) -> None:
    report = Strip().examine(replace(context, model=loaded(None)))
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert report.statement == "rows: names no architecture"
