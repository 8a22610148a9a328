"""What a hostile or broken ONNX file may not do, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, NodeProto, helper

from scanning.detectors.base import ModelLoadError
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.onnx_ops import OPERATORS, UnsupportedGraphError
from tests.scanning.detectors.onnx_cases.case import floats, ints, number
from tests.scanning.detectors.onnx_cases.graphs import built, check, node, not_runnable, of

pytestmark = pytest.mark.sqlite_only

NAMES = [
    'x"); import os; os.system("touch ran',
    "__class__", "__import__('os').system('touch ran')", "self", "constant_0", "images", "a\nb = 1\n#", "é\u202e", "lambda",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_the_file_reaches_the_source(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = [
        node("Add", ["x", name], [name + "2"], name=name, doc_string=name),
        node("Split", [name + "2"], [name + "3", name + "4"], name=name, axis=3),
        node("Einsum", [name + "3"], ["y"], name=name, equation="bchw->bwhc"),
    ]
    module = check(of(nodes, **{name: floats(4)}), tmp_path, floats(2, 1, 4, 4))
    assert not (tmp_path / "ran").exists()
    words = set(re.findall(r"[^\W\d]\w*", module.body.code))
    made = re.compile(r"(step|padding|weighted|constant|getitem)(_\d+)*")
    assert {word for word in words if not made.fullmatch(word)} <= {
        "def",
        "forward",
        "self",
        "images",
        "return",
        "None",
        "operator",
    }


def test_a_name_that_is_no_text_is_a_broken_file(tmp_path: Path) -> None:
    content = of([node("Relu", ["x"], ["y"], name="")]).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(content.replace(b"Relu", b"R\xe9l\xff"))
    with pytest.raises(ModelLoadError, match="a name in it is no text"):
        read_onnx(tmp_path / "model.onnx")


def test_attributes_of_the_file_stay_out_of_the_source(tmp_path: Path) -> None:
    hostile = 'i->i"); import os; os.system("touch ran'
    model = of([node("Einsum", ["x"], ["y"], equation=hostile), node("Identity", ["y"], ["z"])])
    assert "import" not in built(model, tmp_path).body.code


@pytest.mark.parametrize(
    ("operator", "domain", "said"),
    [
        ("If", "", "the operator If,"),
        ("LSTM", "", "the operator LSTM,"),
        ("Conv", "evil", "the operator evil.Conv,"),
        ("A\nVerdict: passed <b>", "", "the operator A?Verdict: passed ?b?,"),
        ("Q" * 500, "", f"the operator {'Q' * 60},"),
    ],
)
def test_an_operator_that_cannot_be_run_is_named_in_one_line(
    operator: str, domain: str, said: str, tmp_path: Path
) -> None:
    assert said in not_runnable(of([node(operator, ["x"], ["y"], domain=domain)]), tmp_path)


def test_a_sub_graph_is_named(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [node("Identity", ["x"], ["z"])], "inner", [], [helper.make_tensor_value_info("z", 1, None)]
    )
    model = of([node("Loop", ["m", "k", "x"], ["y"], body=inner)], m=ints(1), k=np.array(True))
    assert "sub-graph in Loop" in not_runnable(model, tmp_path)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])], "two nodes write the same name"),
        ([node("Relu", ["x"], ["c"]), node("Abs", ["c"], ["y"])], "two nodes write the same name"),
        ([node("Relu", ["gone"], ["y"])], "which nothing writes"),
        ([node("Reshape", ["c", "c"], ["z"]), node("Add", ["x", "z"], ["y"])], "contradicts its own inputs"),
    ],
)
def test_a_graph_that_contradicts_itself_is_a_broken_file(nodes: list[NodeProto], said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=said):
        built(of(nodes, c=ints(7, 7)), tmp_path)


@pytest.mark.parametrize(
    "wrong", [node("Conv", ["x", "c"], ["y"], group=-7), node("Gemm", ["x", "c"], ["y"]), node("Slice", ["x"], ["y"])]
)
def test_a_node_that_cannot_take_its_inputs_raises_what_the_caller_expects(wrong: NodeProto, tmp_path: Path) -> None:
    module = built(of([wrong], c=ints(7, 7)), tmp_path)
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)):
        module(torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize(
    ("operator", "constants"),
    [
        ("Tile", [ints(2**20, 1, 1, 2**20)]),
        ("Pad", [ints(0, 0, 0, 0, 0, 0, 2**40, 0)]),
        ("Resize", [np.array([], dtype=np.float32), np.array([1, 1, 1e6, 1e6], dtype=np.float32)]),
    ],
)
def test_a_shape_that_would_fill_the_memory_is_refused(
    operator: str, constants: list[np.ndarray], tmp_path: Path
) -> None:
    held = {f"c{place}": value for place, value in enumerate(constants)}
    module = built(of([node(operator, ["x", *held], ["y"])], **held), tmp_path)
    with pytest.raises(UnsupportedGraphError, match=f"the operator {operator} with a result of more than"):
        module(torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize(
    ("operator", "constants", "attributes", "said"),
    [
        ("Pad", {"c": ints(0, 0, 1, 1, 0, 0, 1, 1)}, {"mode": "mirror"}, "Pad with mode mirror"),
        (
            "Resize",
            {"c": np.array([], dtype=np.float32), "d": np.array([1, 1, 0.5, 1], dtype=np.float32)},
            {"mode": "linear", "antialias": 1},
            "antialias",
        ),
        ("Dropout", {"c": number(0.5), "d": np.array(True)}, {}, "Dropout with training_mode"),
        ("AveragePool", {}, {"kernel_shape": [2, 2], "dilations": [2, 2]}, "AveragePool with dilations"),
    ],
)
def test_what_an_operator_cannot_do_is_refused_not_approximated(
    operator: str, constants: dict[str, np.ndarray], attributes: dict[str, object], said: str, tmp_path: Path
) -> None:
    asked = node(operator, ["x", *constants], ["y"])
    asked.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    with pytest.raises(UnsupportedGraphError, match=said):
        built(of([asked], **constants), tmp_path)(torch.rand(1, 1, 4, 4))


def with_functions(bodies: dict[str, list[NodeProto]], call: str) -> ModelProto:
    model = of([node(call, ["x"], ["y"], domain="own")])
    model.opset_import.append(helper.make_opsetid("own", 1))
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    model.functions.extend(
        helper.make_function("own", name, ["a"], ["b"], nodes, opset_imports=imports) for name, nodes in bodies.items()
    )
    return model


def test_functions_of_the_file_take_the_place_of_their_calls(tmp_path: Path) -> None:
    bodies = {
        "inner": [node("Sigmoid", ["a"], ["c"]), node("Mul", ["a", "c"], ["b"])],
        "outer": [node("inner", ["a"], ["c"], domain="own"), node("Neg", ["c"], ["b"])],
    }
    check(with_functions(bodies, "outer"), tmp_path, floats(2, 1, 4, 4))


def test_functions_that_call_themselves_are_refused(tmp_path: Path) -> None:
    bodies = {
        "f": [node("g", ["a"], ["b"], domain="own")],
        "g": [node("f", ["a"], ["b"], domain="own")],
    }
    with pytest.raises(ModelLoadError, match="calls itself"):
        built(with_functions(bodies, "f"), tmp_path)


def test_functions_that_double_at_every_level_are_refused_before_they_grow(tmp_path: Path) -> None:
    bodies = {
        f"f{level}": [
            node(f"f{level + 1}", ["a"], ["c"], domain="own"),
            node(f"f{level + 1}", ["c"], ["b"], domain="own"),
        ]
        for level in range(60)
    }
    bodies["f60"] = [node("Relu", ["a"], ["b"])]
    with pytest.raises(ModelLoadError, match="grow beyond the limit"):
        built(with_functions(bodies, "f0"), tmp_path)


@pytest.mark.parametrize("called", ["f0", "other"])
def test_calls_inside_a_sub_graph_do_not_grow_either(called: str, tmp_path: Path) -> None:
    bodies = {
        f"f{level}": [
            node(f"f{level + 1}", ["a"], ["c"], domain="own"),
            node(f"f{level + 1}", ["c"], ["b"], domain="own"),
        ]
        for level in range(60)
    }
    bodies["f60"] = [node("Relu", ["a"], ["b"])]
    branch = helper.make_graph([node("f0", ["x"], ["z"], domain="own")], "g", [], [onnx.ValueInfoProto(name="z")])
    bodies["other"] = [node("If", ["a"], ["b"], then_branch=branch, else_branch=branch)]
    assert "cannot be run here" in not_runnable(with_functions(bodies, called), tmp_path)


def test_a_graph_without_output_is_told_so(tmp_path: Path) -> None:
    model = of([node("Relu", ["x"], ["y"])])
    del model.graph.output[:]
    assert "the graph has no output" in not_runnable(model, tmp_path)


def test_a_graph_that_needs_too_much_memory_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setitem(OPERATORS, "ConstantOfShape", full)
    model = of([node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])], s=np.array([2]))
    with pytest.raises(ModelLoadError, match="needs more memory than a scan is given"):
        built(model, tmp_path)
