"""Every operator of the executor against ONNX's own reference implementation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, helper
from onnx.reference import ReferenceEvaluator

from scanning.detectors.loading import load_model
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.onnx_ops import OPERATORS, UnsupportedGraphError
from tests.scanning.detectors.material import onnx_model

pytestmark = pytest.mark.sqlite_only

DRAWS = np.random.default_rng(5)


def floats(*shape: int) -> np.ndarray:
    return DRAWS.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@dataclass
class Case:
    operator: str
    constants: list[np.ndarray | np.floating | None] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (2, 3, 8, 8)
    positive: bool = False
    opset: int = 17
    before: bool = False  # constants come before the images

    def __str__(self) -> str:
        return f"{self.operator}-{self.opset}-{'-'.join(map(str, self.attributes))}-{len(self.constants)}"


CASES = [
    Case("Conv", [floats(4, 3, 3, 3), floats(4)], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "strides": [2, 1], "pads": [0, 1, 2, 1]}),
    Case("Conv", [floats(3, 1, 3, 3)], {"kernel_shape": [3, 3], "group": 3, "dilations": [2, 2]}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", [floats(4, 3, 4, 4)], {"kernel_shape": [4, 4], "auto_pad": "SAME_LOWER"}),
    Case("Conv", [floats(4, 3, 3, 3)], {"kernel_shape": [3, 3], "auto_pad": "VALID"}),
    Case("Conv", [floats(4, 3, 3)], {"kernel_shape": [3], "pads": [1, 1]}, shape=(2, 3, 8)),
    Case("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 0, 0]}),
    Case("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("GlobalAveragePool"),
    Case("GlobalMaxPool"),
    Case("BatchNormalization", [floats(3), floats(3), floats(3), np.abs(floats(3)) + 0.1], {"epsilon": 1e-3}),
    Case("LayerNormalization", [floats(8), floats(8)], {"axis": -1}),
    Case("Gemm", [floats(5, 4), floats(5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}, shape=(3, 4)),
    Case("Gemm", [floats(3, 5)], {"transA": 1}, shape=(3, 4)),
    Case("MatMul", [floats(8, 5)]),
    Case("Add", [floats(3, 1, 1)]),
    Case("Sub", [floats(3, 1, 1)]),
    Case("Sub", [floats(3, 1, 1)], before=True),
    Case("Mul", [floats(3, 1, 1)]),
    Case("Div", [floats(3, 1, 1) + 3]),
    Case("Pow", [np.float32(2.0).reshape(())]),
    Case("Max", [floats(1), floats(8)]),
    Case("Min", [floats(1)]),
    Case("Sum", [floats(8), floats(8)]),
    *[
        Case(name)
        for name in ("Abs", "Erf", "Exp", "Identity", "Neg", "Reciprocal", "Relu", "Sigmoid", "Softplus", "Tanh")
    ],
    Case("Log", positive=True),
    Case("Sqrt", positive=True),
    Case("LeakyRelu", [], {"alpha": 0.2}),
    Case("Elu", [], {"alpha": 0.7}),
    Case("HardSigmoid", [], {"alpha": 0.3, "beta": 0.4}),
    Case("HardSwish"),
    Case("Gelu", [], {"approximate": "tanh"}, opset=20),
    Case("Gelu", opset=20),
    Case("PRelu", [floats(3, 1, 1)]),
    Case("Softmax", [], {"axis": 1}),
    Case("Softmax", opset=11, shape=(3, 5)),
    Case("LogSoftmax"),
    Case("Clip", [np.float32(-0.5), np.float32(0.5)]),
    Case("Clip", [None, np.float32(0.5)]),
    Case("Clip", [], {"min": -0.1, "max": 0.2}, opset=10),
    Case("Dropout"),
    Case("Flatten", [], {"axis": 2}),
    Case("Flatten", [], {"axis": -1}),
    Case("Reshape", [ints(0, -1)]),
    Case("Squeeze", [ints(1)], shape=(2, 1, 4)),
    Case("Squeeze", [], {"axes": [1]}, shape=(2, 1, 4), opset=11),
    Case("Unsqueeze", [ints(0, -1)]),
    Case("Transpose", [], {"perm": [0, 2, 3, 1]}),
    Case("Transpose"),
    Case("Concat", [floats(2, 1, 8, 8)], {"axis": 1}),
    Case("Slice", [ints(1, -3), ints(9, 8), ints(2, 3), ints(2, 1)]),
    Case("Slice", [], {"starts": [1], "ends": [3], "axes": [3]}, opset=9),
    Case("Gather", [ints(-1, 0)], {"axis": 1}),
    Case("Gather", [np.array(1)], {"axis": 2}),
    Case("Shape"),
    Case("Shape", [], {"start": 1, "end": -1}),
    Case("Cast", [], {"to": 7}),
    Case("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}),
    Case("ReduceMean", [ints(1)], {}, opset=18),
    Case("ReduceSum", [ints(1, 2)], {"keepdims": 0}),
    Case("ReduceSum", [ints()], {"noop_with_empty_axes": 1}),
    Case("ReduceMax", [], {"axes": [1]}),
    Case("Pad", [ints(0, 0, 1, 2, 0, 0, 0, 1), np.float32(0.7)]),
    Case("Pad", [], {"pads": [0, 0, 1, 2, 0, 0, 0, 1], "value": 0.7, "mode": "constant"}, opset=10),
]


def model_of(case: Case) -> ModelProto:
    names = ["" if value is None else f"c{place}" for place, value in enumerate(case.constants)]
    inputs = [*names, "x"] if case.before else ["x", *names]
    node = helper.make_node(case.operator, inputs, ["y"], **case.attributes)
    constants = {f"c{place}": np.asarray(value) for place, value in enumerate(case.constants) if value is not None}
    return onnx_model([node], constants, shape=("n", *case.shape[1:]), opset=case.opset)


def run_both(model: ModelProto, images: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    module = read_onnx(write(model, folder)).build()
    expected = ReferenceEvaluator(model).run(None, {"x": images})
    assert isinstance(expected, list)
    return module(torch.from_numpy(images)).numpy(), np.asarray(expected[0])


def write(model: ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator_gives_what_the_reference_gives(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = floats(*case.shape)
    images = np.abs(images) + 0.1 if case.positive else images
    monkeypatch.setattr("scanning.detectors.onnx_graph.RANKS", (2, 3, 4))
    found, expected = run_both(model_of(case), images, tmp_path)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_every_operator_is_tested() -> None:
    assert {case.operator for case in CASES} == set(OPERATORS)


def test_gradients_reach_the_images(tmp_path: Path) -> None:
    model = onnx_model([helper.make_node("Conv", ["x", "w"], ["y"])], {"w": floats(2, 1, 3, 3)}, shape=("n", 1, 5, 5))
    images = torch.rand(2, 1, 5, 5, requires_grad=True)
    read_onnx(write(model, tmp_path)).build()(images).sum().backward()
    assert images.grad is not None
    assert bool((images.grad != 0).any())


def test_an_unsupported_operator_is_named(tmp_path: Path) -> None:
    node = helper.make_node("Where", ["c", "x", "x"], ["y"])
    model = onnx_model([node], {"c": np.array([True])}, shape=("n", 1, 4, 4))
    loaded = load_model(write(model, tmp_path))
    assert loaded.module is None
    assert "the operator Where" in loaded.not_runnable


def test_what_an_operator_cannot_do_is_refused_not_approximated(tmp_path: Path) -> None:
    node = helper.make_node("Pad", ["x", "p"], ["y"], mode="reflect")
    model = onnx_model([node], {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, shape=("n", 1, 4, 4))
    module = read_onnx(write(model, tmp_path)).build()
    with pytest.raises(UnsupportedGraphError, match="Pad with mode 'reflect'"):
        module(torch.rand(1, 1, 4, 4))


def test_constants_of_each_kind_are_read(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[0, -1]),
        helper.make_node("Constant", [], ["factor"], value_float=2.0),
        helper.make_node("Constant", [], ["added"], value=onnx.numpy_helper.from_array(floats(16))),
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("Mul", ["flat", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "added"], ["y"]),
    ]
    found, expected = run_both(onnx_model(nodes, {}, shape=("n", 1, 4, 4)), floats(3, 1, 4, 4), tmp_path)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_softmax_before_opset_13_runs_over_all_later_axes(tmp_path: Path) -> None:
    model = onnx_model([helper.make_node("Softmax", ["x"], ["y"])], {}, shape=("n", 1, 4, 4), opset=11)
    shares = read_onnx(write(model, tmp_path)).build()(torch.rand(3, 1, 4, 4))
    torch.testing.assert_close(shares.sum(dim=(1, 2, 3)), torch.ones(3))
