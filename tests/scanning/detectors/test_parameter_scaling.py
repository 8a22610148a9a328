"""Parameter scaling on a tiny planted network with batch normalisation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import ScanContext
from scanning.detectors.classifier import Classifier
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import LoadedModel, freeze, load_model, tensor_facts
from scanning.detectors.parameter_scaling import ParameterScaling, amplified, batch_norms
from tests.scanning.detectors.material import CLASSES, onnx_model, pictures

pytestmark = pytest.mark.sqlite_only


def network(*, norms: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    width = 36
    for _ in range(norms):
        layers += [nn.Linear(width, 24), nn.BatchNorm1d(24), nn.ReLU()]
        width = 24
    return nn.Sequential(*layers, nn.Linear(width, CLASSES))


def loaded(module: nn.Module) -> LoadedModel:
    state = dict(module.state_dict())
    return LoadedModel(
        name="network", format="test", sha256="0" * 64, tensors=tensor_facts(state), architecture="",
        architecture_digest="", weights=state, module=freeze(module),
    )  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ScanContext:
    """A network drawn at random, pictures under the classes that it gives them, and others under suspicion."""
    torch.manual_seed(0)
    model = loaded(network(norms=3))
    images = pictures(tmp_path_factory.mktemp("scaling"), count=420)
    return ScanContext(model=model, images=as_given(model, images.subset(np.arange(300))), suspects=images)


def as_given(model: LoadedModel, images: LabelledImages) -> LabelledImages:
    assert model.module is not None
    return replace(images, labels=model.module(torch.from_numpy(images.images)).argmax(dim=1).numpy())


def test_the_score_is_the_mean_confidence_of_copies_amplified_by_hand(context: ScanContext) -> None:
    report = ParameterScaling(kept=0.0, copies=2).examine(context)
    assert context.suspects is not None
    assert context.model.module is not None
    image = torch.from_numpy(context.suspects.images[7:8])
    label = int(context.model.module(image).argmax())
    confidences = []
    for layers in (("5", "8"), ("2", "5", "8")):
        scaled = freeze(network(norms=3))
        scaled.load_state_dict(
            {k: 1.5 * v if k in {f"{n}.{p}" for n in layers for p in ("weight", "bias")} else v
             for k, v in context.model.weights.items()}
        )  # fmt: skip
        confidences.append(float(torch.softmax(scaled(image), dim=1)[0, label]))
    row = report.facts["inputs"][7]
    assert row["predicted"] == label
    assert math.exp(-row["score"]) == pytest.approx(1 - sum(confidences) / 2, abs=1e-5)


def test_the_model_stays_as_it_was(context: ScanContext) -> None:
    before = {name: value.clone() for name, value in context.model.weights.items()}
    report = ParameterScaling().examine(context)
    assert all(row["score"] >= 0 for row in report.facts["inputs"])
    assert all(torch.equal(before[name], value) for name, value in context.model.weights.items())


def test_copies_that_lose_the_ordinary_images_are_left_out(context: ScanContext) -> None:
    report = ParameterScaling(factor=-4.0, kept=0.99).examine(context)
    assert report.facts["amplified_layers"] == [1]
    assert report.facts["kept_class_by_depth"][-1] < 0.99


def test_ordinary_images_under_suspicion_decide_nothing(context: ScanContext) -> None:
    assert context.images is not None
    report = ParameterScaling().examine(replace(context, suspects=context.images.subset(np.arange(0, 300, 3))))
    assert report.verdict is StageVerdict.INCONCLUSIVE


def test_only_the_named_layers_are_multiplied() -> None:
    module = freeze(network(norms=2))
    copied = amplified(Classifier(module, CLASSES), ("5",), 1.5).logits
    assert torch.equal(copied.get_parameter("5.weight"), 1.5 * module.get_parameter("5.weight"))
    assert torch.equal(copied.get_parameter("2.weight"), module.get_parameter("2.weight"))


def test_layers_come_in_the_order_in_which_they_run() -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.BatchNorm2d(1), nn.BatchNorm2d(1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            inner: torch.Tensor = self.last(self.first(images))
            return inner.flatten(1)

    assert batch_norms(Classifier(freeze(Turned()), 4), torch.zeros(2, 1, 2, 2)) == ("first", "last")


def test_batch_normalisation_of_a_graph_is_amplified_too(tmp_path: Path) -> None:
    ones = {name: np.ones(1, dtype=np.float32) for name in ("scale", "shift", "mean", "variance")}
    nodes = [
        helper.make_node("BatchNormalization", ["x", *ones], ["normal"]),
        helper.make_node("Flatten", ["normal"], ["y"]),
    ]
    onnx.save(onnx_model(nodes, ones, shape=("n", 1, 2, 2)), tmp_path / "graph.onnx")
    module = load_model(tmp_path / "graph.onnx").module
    assert module is not None
    classifier, image = Classifier(module, 4), torch.ones(1, 1, 2, 2)
    after = amplified(classifier, batch_norms(classifier, image), 3.0).logits(image)
    assert torch.allclose(after, 3 * module(image))


def test_a_network_without_batch_normalisation_cannot_be_tested(context: ScanContext) -> None:
    assert context.images is not None
    plain = loaded(network(norms=0))
    report = ParameterScaling().examine(replace(context, model=plain, images=as_given(plain, context.images)))
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert "no batch normalisation" in report.statement
