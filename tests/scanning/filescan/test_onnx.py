from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto, helper

from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan
from tests.scanning.filescan.graphs import model

node = helper.make_node


def test_an_ordinary_graph(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.onnx", model([node("Relu", ["x"], ["y"])]).SerializeToString())
    assert (report.verdict, report.format) == (FileScanVerdict.NOTHING_FOUND, "onnx")
    assert report.speaks_to == ("AML.T0018.001", "AML.T0018.002")


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
