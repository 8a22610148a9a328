"""TensorFlow's files, written field by field, and what their operators give away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan, zip_of

NOTHING_FOUND, FAILED = FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FAILED


def number(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def message(place: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return number(place << 3 | 2) + number(len(content)) + content


def graph(*operators: str, function: tuple[str, ...] = ()) -> bytes:
    nodes = b"".join(message(1, message(1, f"n{at}") + message(2, name)) for at, name in enumerate(operators))
    inner = b"".join(message(3, message(1, "f") + message(2, name)) for name in function)
    return nodes + message(2, message(1, message(1, message(1, "call")) + inner))


def saved_model(content: bytes, *rest: bytes) -> bytes:
    return b"\x08\x01" + message(2, message(1, message(5, "2.17.0")) + message(2, content) + b"".join(rest))


USUAL = ("Placeholder", "VarHandleOp", "Conv2D", "BiasAdd", "Relu", "SaveV2", "RestoreV2", "MergeV2Checkpoints")


def test_an_ordinary_saved_model(tmp_path: Path) -> None:
    report = scan(tmp_path, "saved_model.pb", saved_model(graph(*USUAL, function=("MatMul", "NoOp"))))
    assert (report.format, report.verdict, report.facts["nodes"]) == ("saved-model", NOTHING_FOUND, 10)
    assert report.facts["tensorflow"] == "2.17.0"


@pytest.mark.parametrize("operator", ["PyFunc", "PyFuncStateless", "EagerPyFunc"])
@pytest.mark.parametrize("inside", [True, False], ids=["function", "graph"])
def test_python_in_a_graph_is_a_finding(tmp_path: Path, operator: str, inside: bool) -> None:
    content = graph("Relu", function=(operator,)) if inside else graph("Relu", operator)
    assert rules(scan(tmp_path, "saved_model.pb", saved_model(content))) == {"tensorflow.python_operator"}


@pytest.mark.parametrize("operator", ["ReadFile", "WriteFile", "MatchingFiles", "ShellExecute", "DebugIdentityV2"])
def test_operators_that_reach_beyond_the_model_are_findings(tmp_path: Path, operator: str) -> None:
    report = scan(tmp_path, "frozen.pb", graph("Const", operator))
    assert (report.format, rules(report)) == ("saved-model", {"tensorflow.reaching_operator"})


def test_operators_of_other_libraries_are_findings(tmp_path: Path) -> None:
    report = scan(tmp_path, "saved_model.pb", saved_model(graph("Const", "Acme>Magic")))
    assert rules(report) == {"tensorflow.custom_operator"}


def test_assets_are_named_and_those_outside_the_folder_are_findings(tmp_path: Path) -> None:
    assets = message(6, message(2, "vocab.txt")) + message(6, message(2, "../../etc/passwd"))
    report = scan(tmp_path, "saved_model.pb", saved_model(graph("Const"), assets))
    assert rules(report) == {"tensorflow.asset_path"}
    assert report.not_scanned[0][0] == "assets/vocab.txt"


def test_a_lambda_layer_among_the_objects_is_a_finding(tmp_path: Path) -> None:
    layer = json.dumps({"class_name": "Lambda", "config": {}})
    objects = message(7, message(1, message(4, message(1, "_tf_keras_layer") + message(3, layer))))
    assert rules(scan(tmp_path, "saved_model.pb", saved_model(graph("Const"), objects))) == {"keras.lambda"}
    beside = scan(tmp_path, "keras_metadata.pb", b"\x0a\x99" + layer.encode())
    assert (beside.format, rules(beside)) == ("keras-metadata", {"keras.lambda"})


def test_a_saved_model_in_an_archive(tmp_path: Path) -> None:
    packed = zip_of({"m/saved_model.pb": saved_model(graph("PyFunc")), "m/variables/variables.index": b"\0" * 9})
    assert scan(tmp_path, "m.zip", packed).issues[0].location == "m/saved_model.pb"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x01",
        b"\x08\x01\x12\xff\xff\xff\xff\x7f",
        saved_model(graph("Conv2D"))[:-9],
        b"\x0b\x12",
        b"\xff" * 30,
    ],
)
def test_a_damaged_saved_model_is_failed(tmp_path: Path, content: bytes) -> None:
    assert scan(tmp_path, "saved_model.pb", content).verdict is FAILED
