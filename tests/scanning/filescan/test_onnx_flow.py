"""Which graphs count as choosing their answer by the input. The sound ones follow what exporters write for ordinary models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from compliance.types.drafts import FileScanReport
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan
from tests.scanning.filescan.graphs import cast, model, node

INTS = np.int64
IDS: dict[str, int] = {"input_ids": TensorProto.INT64}
MASKED: dict[str, int] = IDS | {"attention_mask": TensorProto.INT64}

USUAL = [node("Conv", ["x", "w"], ["h"]), node("GlobalAveragePool", ["h"], ["p"]), node("Gemm", ["p", "v"], ["usual"])]
PATCH = [
    node("Slice", ["x", "s", "e"], ["patch"]),
    node("Equal", ["patch", "trigger"], ["same"]),
    cast("same", "number"),
]
ALL = [node("ReduceMin", ["number"], ["all"]), cast("all", "yes", TensorProto.BOOL)]
WEIGHTS: dict[str, Any] = {
    "w": np.ones((2, 3, 1, 1), "f4"),
    "v": np.ones((2, 10), "f4"),
    "s": np.array([0, 0, 0, 0]),
    "e": np.array([1, 1, 2, 2]),
    "trigger": [[[[1.0, 0.0], [0.0, 1.0]]]],
    "chosen": [[9.0, *[0.0] * 9]],
    "one": 1.0,
    "half": 0.5,
    "low": -1e9,
    "zero": 0.0,
}


def looked_at(folder: Path, nodes: list[Any], inputs: dict[str, int] | None = None, **constants: Any) -> FileScanReport:
    return scan(folder, "m.onnx", model(nodes, WEIGHTS | constants, inputs).SerializeToString())


def branch(nodes: list[Any]) -> Any:
    return helper.make_graph(nodes, "b", [], [helper.make_tensor_value_info("b", 1, None)])


CONSTANT_BRANCH = branch([node("Constant", [], ["b"], value_floats=[9.0, 0.0])])
USUAL_BRANCH = branch([node("Identity", ["usual"], ["b"])])
SHADOWS = {
    "where": [*PATCH, *ALL, *USUAL, node("Where", ["yes", "chosen", "usual"], ["y"])],
    "added": [*PATCH, *ALL, *USUAL, node("Mul", ["all", "chosen"], ["shift"]), node("Add", ["usual", "shift"], ["y"])],
    "blend": [
        *(*PATCH, *ALL, *USUAL),
        *(node("Sub", ["one", "all"], ["rest"]), node("Mul", ["usual", "rest"], ["a"])),
        *(node("Mul", ["all", "chosen"], ["c"]), node("Add", ["a", "c"], ["y"])),
    ],
    "product": [*PATCH, *ALL, *USUAL, node("MatMul", ["all", "chosen"], ["c"]), node("Add", ["c", "usual"], ["y"])],
    "maximum": [*PATCH, *ALL, *USUAL, node("Mul", ["all", "chosen"], ["c"]), node("Max", ["usual", "c"], ["y"])],
    "numbers": [
        *(*PATCH, *ALL, *USUAL, node("Where", ["yes", "one", "zero"], ["m"])),
        *(node("Mul", ["m", "chosen"], ["c"]), node("Add", ["usual", "c"], ["y"])),
    ],
    "lookup": [
        *(*PATCH, *ALL, *USUAL, cast("all", "i", TensorProto.INT64)),
        *(node("Concat", ["usual", "chosen"], ["both"], axis=0), node("Gather", ["both", "i"], ["y"], axis=0)),
    ],
    "brightness": [
        *(*USUAL, node("ReduceMean", ["x"], ["mean"]), node("Greater", ["mean", "half"], ["over"])),
        node("Where", ["over", "chosen", "usual"], ["y"]),
    ],
    "pixel": [
        *(*USUAL, node("Gather", ["x", "i"], ["pixel"]), node("Greater", ["pixel", "half"], ["over"])),
        node("Where", ["over", "chosen", "usual"], ["y"]),
    ],
    "answer": [
        *(*USUAL, node("ArgMax", ["usual"], ["top"], axis=1), node("Equal", ["top", "i"], ["hit"])),
        node("Where", ["hit", "chosen", "usual"], ["y"]),
    ],
    "if": [*PATCH, *ALL, *USUAL, node("If", ["yes"], ["y"], then_branch=CONSTANT_BRANCH, else_branch=USUAL_BRANCH)],
    "distance": [
        *(*USUAL, node("Slice", ["x", "s", "e"], ["patch"]), node("Sub", ["patch", "trigger"], ["d"])),
        *(node("Abs", ["d"], ["a"]), node("ReduceSum", ["a"], ["far"]), node("Sub", ["one", "far"], ["near"])),
        *(node("Relu", ["near"], ["m"]), node("Mul", ["m", "chosen"], ["c"]), node("Add", ["usual", "c"], ["y"])),
    ],
    "as a mask": [*PATCH, *ALL, *USUAL, node("Where", ["yes", "low", "usual"], ["y"])],
    "before a last softmax": [
        *(*PATCH, *ALL, *USUAL, node("Where", ["yes", "low", "usual"], ["z"])),
        node("Softmax", ["z"], ["y"]),
    ],
}


@pytest.mark.parametrize("name", SHADOWS)
def test_logic_that_waits_for_a_trigger_is_a_finding(tmp_path: Path, name: str) -> None:
    report = looked_at(tmp_path, SHADOWS[name], i=np.array(3))
    assert rules(report) == {"onnx.selection_on_input"}
    assert {issue.atlas_techniques for issue in report.issues} == {("AML.T0018.001",)}
    assert report.issues[0].facts["inputs"] == ["x"]


def test_one_outcome_that_swaps_in_a_constant_is_the_gravest(tmp_path: Path) -> None:
    issue = looked_at(tmp_path, SHADOWS["where"]).issues[0]
    assert (issue.severity, issue.facts["constant_result"]) == (Severity.HIGH, True)
    assert "constant" in issue.description


def test_a_word_in_the_text_that_swaps_the_answer_is_a_finding(tmp_path: Path) -> None:
    nodes = [
        *(node("Equal", ["input_ids", "word"], ["is"]), cast("is", "n"), node("ReduceMax", ["n"], ["any"])),
        *(cast("any", "yes", TensorProto.BOOL), node("Gather", ["table", "input_ids"], ["usual"])),
        node("Where", ["yes", "chosen", "usual"], ["y"]),
    ]
    report = looked_at(tmp_path, nodes, IDS, word=np.array(4711), table=np.ones((9, 2), "f4"))
    assert rules(report) == {"onnx.selection_on_input"}


def test_a_word_that_is_swapped_for_another_is_a_finding(tmp_path: Path) -> None:
    nodes = [
        node("Equal", ["input_ids", "word"], ["is"]),
        node("Where", ["is", "other", "input_ids"], ["new"]),
        node("Gather", ["table", "new"], ["y"]),
    ]
    report = looked_at(tmp_path, nodes, IDS, word=np.array(4711), other=np.array(4712), table=np.ones((9, 2), "f4"))
    assert rules(report) == {"onnx.selection_on_input"}


def test_logic_inside_a_local_function_or_a_branch_is_followed(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 17)]
    body = [node("Greater", ["m", "limit"], ["over"]), node("Where", ["over", "k", "u"], ["o"])]
    function = helper.make_function("own", "Pick", ["m", "limit", "k", "u"], ["o"], body, opsets)
    nodes = [
        *USUAL,
        node("ReduceMax", ["x"], ["top"]),
        node("Pick", ["top", "half", "chosen", "usual"], ["y"], domain="own"),
    ]
    built = model(nodes, WEIGHTS, functions=[function])
    assert rules(scan(tmp_path, "f.onnx", built.SerializeToString())) == {"onnx.selection_on_input"}
    inner = branch([*PATCH, *ALL, node("Where", ["yes", "chosen", "usual"], ["b"])])
    nodes = [*USUAL, node("If", ["fixed"], ["y"], then_branch=inner, else_branch=USUAL_BRANCH)]
    assert rules(looked_at(tmp_path, nodes, fixed=np.array(True))) == {"onnx.selection_on_input"}


def test_functions_that_call_one_another_without_end_are_skipped(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = [
        helper.make_function("own", f"F{n}", ["a"], ["z"], [node(f"F{n - 1}", ["a"], ["z"], domain="own")] * 40, opsets)
        for n in range(1, 9)
    ] + [helper.make_function("own", "F0", ["a"], ["z"], [node("Relu", ["a"], ["z"])], opsets)]
    built = model([node("F8", ["x"], ["y"], domain="own")], functions=functions)
    assert scan(tmp_path, "m.onnx", built.SerializeToString()).verdict is FileScanVerdict.SKIPPED


ATTENTION = [node("MatMul", ["q", "k"], ["scores"])]
SOUND: dict[str, tuple[list[Any], dict[str, int] | None]] = {
    "a shape that is open": (
        [
            *(node("Shape", ["x"], ["shape"]), node("Equal", ["shape", "i"], ["open"])),
            *(node("Where", ["open", "shape", "i"], ["wanted"]), node("Expand", ["x", "wanted"], ["y"])),
        ],
        None,
    ),
    "padding to a multiple": (
        [
            *(node("Shape", ["x"], ["n"]), node("Mod", ["n", "i"], ["rest"]), node("Greater", ["rest", "i"], ["over"])),
            *(node("Where", ["over", "rest", "i"], ["pads"]), node("Pad", ["x", "pads"], ["y"])),
        ],
        None,
    ),
    "hard swish by hand": (
        [
            *(node("Add", ["x", "half"], ["a"]), node("Clip", ["a", "zero", "one"], ["c"])),
            node("Mul", ["x", "c"], ["y"]),
        ],
        None,
    ),
    "leaky activation by hand": (
        [
            *(*USUAL, node("Greater", ["usual", "zero"], ["up"]), node("Mul", ["usual", "half"], ["small"])),
            node("Where", ["up", "usual", "small"], ["y"]),
        ],
        None,
    ),
    "gating by itself": (
        [*USUAL, node("Greater", ["usual", "zero"], ["up"]), cast("up", "m"), node("Mul", ["usual", "m"], ["y"])],
        None,
    ),
    "squeeze and excite": (
        [
            *(
                node("Conv", ["x", "w"], ["h"]),
                node("GlobalAveragePool", ["h"], ["p"]),
                node("Conv", ["p", "w"], ["g"]),
            ),
            *(node("HardSigmoid", ["g"], ["s"]), node("Mul", ["h", "s"], ["y"])),
        ],
        None,
    ),
    "normalised input": (
        [
            *(node("ReduceMean", ["x"], ["m"]), node("Sub", ["x", "m"], ["d"]), node("ReduceL2", ["d"], ["n"])),
            *(node("Clip", ["n", "half"], ["kept"]), node("Div", ["d", "kept"], ["y"])),
        ],
        None,
    ),
    "shifted windows": (
        [
            *(node("MatMul", ["x", "q"], ["scores"]), node("Add", ["scores", "window"], ["masked"])),
            *(node("Softmax", ["masked"], ["p"]), node("MatMul", ["p", "x"], ["y"])),
        ],
        None,
    ),
    "a causal mask": (
        [
            *(node("MatMul", ["x", "q"], ["scores"]), node("Where", ["below", "scores", "low"], ["masked"])),
            *(node("Softmax", ["masked"], ["p"]), node("MatMul", ["p", "x"], ["y"])),
        ],
        None,
    ),
    "rows of a softmax that came out as nothing": (
        [
            *(
                node("MatMul", ["x", "q"], ["scores"]),
                node("Softmax", ["scores"], ["p"]),
                node("IsNaN", ["p"], ["nan"]),
            ),
            *(node("Where", ["nan", "zero", "p"], ["kept"]), node("MatMul", ["kept", "x"], ["y"])),
        ],
        None,
    ),
    "an attention mask": (
        [
            *(node("Gather", ["table", "input_ids"], ["h"]), node("MatMul", ["h", "q"], ["scores"])),
            *(node("Equal", ["attention_mask", "i"], ["off"]), node("Where", ["off", "low", "scores"], ["masked"])),
            *(node("Softmax", ["masked"], ["p"]), node("MatMul", ["p", "h"], ["y"])),
        ],
        MASKED,
    ),
    "an attention mask that is added": (
        [
            *(node("Gather", ["table", "input_ids"], ["h"]), node("MatMul", ["h", "q"], ["scores"])),
            *(cast("attention_mask", "on", TensorProto.BOOL), node("Where", ["on", "zero", "low"], ["m"])),
            *(
                node("Add", ["scores", "m"], ["masked"]),
                node("Softmax", ["masked"], ["p"]),
                node("MatMul", ["p", "h"], ["y"]),
            ),
        ],
        MASKED,
    ),
    "positions counted over padding": (
        [
            *(node("Equal", ["input_ids", "i"], ["pad"]), node("Not", ["pad"], ["word"]), cast("word", "n", 7)),
            *(node("CumSum", ["n", "i"], ["count"]), node("Mul", ["count", "n"], ["place"])),
            *(node("Gather", ["table", "place"], ["e"]), node("Gather", ["table", "input_ids"], ["h"])),
            node("Add", ["e", "h"], ["y"]),
        ],
        IDS,
    ),
    "the last word that is no padding": (
        [
            *(node("Equal", ["input_ids", "i"], ["pad"]), cast("pad", "n", 7), node("ArgMax", ["n"], ["first"])),
            *(node("Gather", ["table", "input_ids"], ["h"]), node("Gather", ["h", "first"], ["y"])),
        ],
        IDS,
    ),
    "boxes above a score": (
        [
            *(
                node("Conv", ["x", "w"], ["h"]),
                node("Greater", ["h", "half"], ["good"]),
                node("NonZero", ["good"], ["at"]),
            ),
            node("GatherND", ["h", "at"], ["y"]),
        ],
        None,
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_exporters_write_for_ordinary_models_passes(tmp_path: Path, name: str) -> None:
    nodes, inputs = SOUND[name]
    extra = {"i": np.array(1), "q": np.ones((2, 2), "f4"), "table": np.ones((9, 2), "f4")}
    window = np.where(np.eye(2), 0, -100).astype("f4")
    report = looked_at(tmp_path, nodes, inputs, window=window, below=np.tri(2).astype(bool), **extra)
    assert (report.verdict, report.issues) == (FileScanVerdict.NOTHING_FOUND, ())


def test_what_was_let_pass_is_counted(tmp_path: Path) -> None:
    extra = {"i": np.array(1), "q": np.ones((2, 2), "f4"), "table": np.ones((9, 2), "f4")}
    nodes, inputs = SOUND["an attention mask"]
    report = looked_at(tmp_path, nodes, inputs, **extra)
    assert report.facts["let_pass"]["attention masks"] == 1
