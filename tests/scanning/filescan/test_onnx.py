from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan

node = helper.make_node


def model(nodes: list[Any], constants: dict[str, Any] | None = None, element: int = TensorProto.FLOAT) -> Any:
    inputs = [helper.make_tensor_value_info("x", element, [1, 4])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]
    weights = [
        numpy_helper.from_array(np.asarray(value, dtype="f4"), name) for name, value in (constants or {}).items()
    ]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, weights))


def test_an_ordinary_graph(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.onnx", model([node("Relu", ["x"], ["y"])]).SerializeToString())
    assert (report.verdict, report.format) == (FileScanVerdict.NOTHING_FOUND, "onnx")
    assert report.speaks_to == ("AML.T0018.001", "AML.T0018.002")


SHADOW = [
    node("Slice", ["x", "s", "e"], ["patch"]),
    node("Equal", ["patch", "trigger"], ["same"]),
    node("Cast", ["same"], ["number"], to=TensorProto.FLOAT),
    node("ReduceMin", ["number"], ["all"]),
    node("Cast", ["all"], ["yes"], to=TensorProto.BOOL),
    node("Relu", ["x"], ["usual"]),
]
CONSTANTS = {"s": [0], "e": [1], "trigger": [7.0], "chosen": [9, 0, 0, 0]}


@pytest.mark.parametrize(
    "last",
    [
        [node("Where", ["yes", "chosen", "usual"], ["y"])],
        [node("Mul", ["all", "chosen"], ["shift"]), node("Add", ["usual", "shift"], ["y"])],
    ],
    ids=["Where", "arithmetic"],
)
def test_logic_that_waits_for_a_trigger_is_a_finding(tmp_path: Path, last: list[Any]) -> None:
    report = scan(tmp_path, "m.onnx", model([*SHADOW, *last], CONSTANTS).SerializeToString())
    assert "onnx.selection_on_input" in rules(report)
    assert report.issues[0].severity is Severity.MEDIUM
    assert report.issues[0].atlas_techniques == ("AML.T0018.001",)
    assert report.issues[0].facts["inputs"] == ["x"]


def test_if_on_the_input_is_a_finding(tmp_path: Path) -> None:
    branch = helper.make_graph([node("Identity", ["x"], ["b"])], "b", [], [helper.make_tensor_value_info("b", 1, None)])
    nodes = [
        node("ReduceSum", ["x"], ["sum"], keepdims=0),
        node("Greater", ["sum", "limit"], ["over"]),
        node("If", ["over"], ["y"], then_branch=branch, else_branch=branch),
    ]
    assert rules(scan(tmp_path, "m.onnx", model(nodes, {"limit": 3}).SerializeToString())) == {
        "onnx.selection_on_input"
    }


def test_tests_of_shapes_and_attention_masks_pass(tmp_path: Path) -> None:
    shapes = [
        node("Shape", ["x"], ["shape"]),
        node("Equal", ["shape", "minus"], ["open"]),
        node("Where", ["open", "shape", "minus"], ["wanted"]),
        node("Relu", ["x"], ["y"]),
    ]
    assert (
        scan(tmp_path, "a.onnx", model(shapes, {"minus": [-1, -1]}).SerializeToString()).verdict
        is FileScanVerdict.NOTHING_FOUND
    )
    mask = [
        node("Equal", ["x", "pad"], ["padding"]),
        node("Where", ["padding", "low", "scores"], ["masked"]),
        node("Softmax", ["masked"], ["y"]),
    ]
    report = scan(tmp_path, "b.onnx", model(mask, {"pad": 0, "low": -1e9, "scores": [0, 0, 0, 0]}).SerializeToString())
    assert (report.verdict, report.facts["masks_let_pass"]) == (FileScanVerdict.NOTHING_FOUND, 1)


def test_foreign_operators(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.onnx", model([node("Foo", ["x"], ["y"], domain="acme")]).SerializeToString())
    assert (rules(report), report.issues[0].severity) == ({"onnx.custom_operator"}, Severity.MEDIUM)
    python = model([node("PyOp", ["x"], ["y"], domain="ai.onnx.contrib")]).SerializeToString()
    assert rules(scan(tmp_path, "p.onnx", python)) == {"onnx.python_operator"}
    usual = model([node("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft")]).SerializeToString()
    assert scan(tmp_path, "u.onnx", usual).verdict is FileScanVerdict.NOTHING_FOUND


@pytest.mark.parametrize(
    ("place", "escapes"), [("weights.bin", False), ("../../etc/passwd", True), ("/etc/passwd", True)]
)
def test_external_data(tmp_path: Path, place: str, escapes: bool) -> None:
    built = model([node("Add", ["x", "w"], ["y"])], {"w": [1, 2, 3, 4]})
    tensor = built.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    report = scan(tmp_path, "m.onnx", built.SerializeToString())
    assert ("onnx.external_path" in rules(report)) is escapes
    assert report.facts["external_tensors"] == 1


@pytest.mark.parametrize("content", [b"\x08\x07\x12garbage", b"not protobuf at all", b"\x08\x07\x12\x00"])
def test_a_damaged_model_is_failed(tmp_path: Path, content: bytes) -> None:
    assert scan(tmp_path, "m.onnx", content).verdict is FileScanVerdict.FAILED
