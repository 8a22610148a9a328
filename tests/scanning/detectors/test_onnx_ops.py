"""Every operator of the executor against ONNX's own reference implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from scanning.detectors import onnx_graph
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.onnx_ops import OPERATORS, OUTPUTS, PARAMETERS, Attributes
from scanning.detectors.onnx_ops_base import DTYPES
from tests.scanning.detectors.onnx_cases import maths, shapes, windows
from tests.scanning.detectors.onnx_cases.case import Case

pytestmark = pytest.mark.sqlite_only

CASES = [*maths.CASES, *shapes.SHAPE_CASES, *shapes.PICK_CASES, *windows.WINDOW_CASES, *windows.NORM_CASES]
# Rounding passes gradients on although it has none; a tie of bins or a kink between them has no one slope.
STRAIGHT_THROUGH = {"QuantizeLinear"}


@pytest.fixture(autouse=True)
def _inputs_of_any_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "RANKS", (1, 2, 3, 4, 5))


def results(case: Case, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The operator's function alone, on images that were turned into the case's type."""
    typed = images if case.kind is None else images.to(DTYPES[case.kind])
    found = OPERATORS[case.operator](case.asked(), case.tensors(typed))
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator_gives_what_the_reference_gives(case: Case, tmp_path: Path) -> None:
    alone = results(case, torch.from_numpy(case.images()))
    for place in range(case.outputs):
        expected = case.expected(place)
        onnx.save(case.model(place), tmp_path / "model.onnx")
        in_graph = read_onnx(tmp_path / "model.onnx").build()(torch.from_numpy(case.images()))
        for found in (alone[place], in_graph):
            assert found.shape == expected.shape
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind is None], ids=str)
def test_gradients_are_those_of_the_function(case: Case) -> None:
    images = torch.from_numpy(case.images()).double().requires_grad_()
    if case.operator in STRAIGHT_THROUGH or not any(part.requires_grad for part in results(case, images)):
        return
    slopes = [part for part in results(case, images) if part.requires_grad]
    assert torch.autograd.gradcheck(lambda value: results(case, value)[: len(slopes)], images, fast_mode=True)


def test_every_operator_is_tested() -> None:
    assert {case.operator for case in CASES} | {"Range"} == set(OPERATORS)


@pytest.mark.parametrize("limits", [(0, 5, 1), (3, 3, 1), (7, 0, -2), (0.0, 1.0, 0.3)])
def test_a_range_is_what_numpy_makes_of_it(limits: tuple[float, float, float]) -> None:
    found = OPERATORS["Range"](Case("Range").asked(), [torch.tensor(limit) for limit in limits])
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), np.arange(*limits), rtol=1e-6)


def test_padding_by_less_than_nothing_cuts() -> None:
    images = torch.rand(1, 2, 4, 5)
    cut = results(Case("Pad", [np.array([0, 0, -1, 2, 0, 0, 0, -3])]), images)[0]
    torch.testing.assert_close(cut, torch.nn.functional.pad(images[:, :, 1:, :2], (2, 0)))


def test_the_tables_name_known_operators() -> None:
    assert set(OUTPUTS) | set(PARAMETERS) <= set(OPERATORS)


def test_softmax_before_opset_13_runs_over_all_later_axes() -> None:
    shares = results(Case("Softmax", opset=11), torch.rand(3, 1, 4, 4))[0]
    torch.testing.assert_close(shares.sum(dim=(1, 2, 3)), torch.ones(3))


def test_codes_pass_gradients_inside_their_range_and_stop_them_outside() -> None:
    images = torch.tensor([0.03, 5.0, -1.0], requires_grad=True)
    case = Case("QuantizeLinear", [np.array(0.01, dtype=np.float32)])
    asked = Attributes("QuantizeLinear", 17, float_codes=True)
    codes = OPERATORS["QuantizeLinear"](asked, case.tensors(images))
    assert isinstance(codes, torch.Tensor)
    assert codes.tolist() == [3.0, 255.0, 0.0]
    codes.sum().backward()
    assert images.grad is not None
    torch.testing.assert_close(images.grad, torch.tensor([100.0, 0.0, 0.0]))
