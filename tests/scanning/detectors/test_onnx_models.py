"""Whole graphs, built as exporters build them, against ONNX's own reference implementation; and what exporters use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

from scanning.detectors.folding import fold_batch_norms
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.onnx_ops import OPERATORS
from tests.scanning.detectors.onnx_cases import networks

pytestmark = pytest.mark.sqlite_only

NETWORKS = [
    networks.residual_block,
    networks.inverted_residual,
    networks.attention_block,
    networks.shifted_windows,
    networks.quantised_layer,
]
INVENTORY = json.loads(Path(__file__).with_name("onnx_operators.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_gives_what_the_reference_gives(
    network: Callable[[], ModelProto], folded: bool, tmp_path: Path
) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    built = read_onnx(tmp_path / "model.onnx").build()
    images = np.random.default_rng(3).uniform(0, 1, (3, 4, 8, 8)).astype(np.float32)
    expected = list(ReferenceEvaluator(network()).run(None, {"x": images}))
    pixels = torch.from_numpy(images).requires_grad_()
    found = (fold_batch_norms(built) if folded else built)(pixels)
    np.testing.assert_allclose(found.detach().numpy(), expected[0], rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(found.square().sum(), pixels)
    assert bool(torch.isfinite(gradient).all())
    assert bool((gradient != 0).any())


def test_the_inventory_covers_both_exporters_from_opset_13_to_20() -> None:
    exporters = {tuple(name.split("/")[:2]) for name in INVENTORY["graphs"]}
    assert {("torchscript", "13"), ("torchscript", "17"), ("torchscript", "20"), ("dynamo", "18")} <= exporters
    assert len({name.split("/")[2] for name in INVENTORY["graphs"]}) > 100


def test_every_operator_that_exporters_use_is_known() -> None:
    used = {operator for operators in INVENTORY["graphs"].values() for operator in operators}
    assert used - set(OPERATORS) == set(INVENTORY["cannot_be_run"]) | {"Constant"}
