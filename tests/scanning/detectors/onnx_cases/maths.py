"""Element by element, activations, matrix products, reductions."""

from __future__ import annotations

import numpy as np

from tests.scanning.detectors.onnx_cases.case import BOOL, INT, Case, floats, ints, number, positives

ROWS = (3, 4)
ANY = ("Abs", "Atan", "Asinh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Neg", "Reciprocal", "Relu", "Round",
       "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tanh", "HardSwish", "Elu", "Selu", "Celu",
       "LeakyRelu", "HardSigmoid", "LogSoftmax", "Softmax", "ThresholdedRelu", "IsNaN", "IsInf", "Mish")  # fmt: skip
SMALL = ("Acos", "Asin", "Atanh", "Tan")  # within -1..1
REDUCED = ("ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
           "ReduceLogSumExp")  # fmt: skip
COMPARED = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")

CASES = [
    *[Case(name, opset=18, shape=(2, 3, 4)) for name in ANY],
    *[Case(name, scale=0.2, shape=(2, 3)) for name in SMALL],
    *[Case(name, positive=True, shape=(2, 3, 4)) for name in ("Log", "Sqrt")],
    Case("Acosh", positive=True, least=1.1, shape=(2, 2)),
    *[Case(name, [floats(3, 1, 1)]) for name in ("Add", "Sub", "Mul")],
    Case("Sub", [floats(3, 1, 1)], before=True),
    Case("Div", [positives(3, 1, 1)]),
    Case("Div", [ints(3)], kind=INT, positive=True, scale=10.0),
    Case("Mod", [ints(3)], kind=INT, scale=10.0),
    Case("Mod", [ints(-3)], {"fmod": 1}, kind=INT, scale=10.0),
    Case("Mod", [number(0.7)], {"fmod": 1}),
    Case("Pow", [number(2.0)]),
    Case("Pow", [ints(3)]),
    Case("Max", [floats(1), floats(8)]),
    Case("Min", [floats(1)]),
    Case("Sum", [floats(8), floats(8)]),
    Case("Mean", [floats(8), floats(8)]),
    *[Case(name, [np.array([2])], kind=INT, scale=3.0) for name in COMPARED],
    *[Case(name, [np.array([True, False])], kind=BOOL, shape=(3, 2)) for name in ("And", "Or", "Xor")],
    Case("Not", kind=BOOL),
    Case("IsInf", [], {"detect_negative": 0}),
    Case("Cast", [], {"to": INT}),
    Case("Cast", [], {"to": BOOL}),
    Case("CastLike", [ints(0)], opset=19),
    Case("Where", [np.array([True, False, True]), floats(2, 3)], shape=(2, 3), before=True),
    Case("Clip", [number(-0.5), number(0.5)]),
    Case("Clip", [None, number(0.5)]),
    Case("Clip", [number(-0.5)]),
    Case("Clip", [number(0.5), number(-0.5)]),
    Case("Clip", [], {"min": -0.1, "max": 0.2}, opset=10),
    Case("PRelu", [floats(3, 1, 1)]),
    Case("Gelu", [], {"approximate": "tanh"}, opset=20),
    Case("Gelu", opset=20),
    Case("LeakyRelu", [], {"alpha": 0.2}),
    Case("Elu", [], {"alpha": 0.7}),
    Case("HardSigmoid", [], {"alpha": 0.3, "beta": 0.4}),
    Case("Softmax", [], {"axis": 1}),
    Case("Softmax", opset=11, shape=(3, 5)),
    Case("Gemm", [floats(5, 4), floats(5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}, shape=ROWS),
    Case("Gemm", [floats(4, 5), floats(1, 5)], {"alpha": 0.5}, shape=ROWS),
    Case("Gemm", [floats(4, 5), number(0.3)], shape=ROWS),
    Case("Gemm", [floats(4, 5), floats(3, 1)], shape=ROWS),
    Case("Gemm", [floats(3, 5)], {"transA": 1}, shape=ROWS),
    Case("MatMul", [floats(8, 5)]),
    Case("MatMul", [floats(3, 8, 5)]),
    Case("MatMul", [floats(4, 8)], before=True),
    Case("MatMul", [floats(4)], shape=ROWS),
    Case("Einsum", [floats(8, 5)], {"equation": "bchw,wo->bcho"}),
    Case("Einsum", [floats(4, 3)], {"equation": "ij,jk->ik"}, shape=ROWS),
    *[Case(name, [ints(1, -1)], opset=18, shape=(2, 3, 4)) for name in REDUCED],
    *[Case(name, [], {"axes": [1], "keepdims": 0}, opset=13, shape=(2, 3, 4)) for name in REDUCED if name != "ReduceSum"],
    Case("ReduceLogSum", [ints(1)], opset=18, positive=True, shape=(2, 3, 4)),
    Case("ReduceSum", [ints(1, 2)], {"keepdims": 0}),
    Case("ReduceSum", [], {"axes": [1]}, opset=12),
    Case("ReduceSum", [ints()], {"noop_with_empty_axes": 1}),
    Case("ReduceSum"),
    Case("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}),
    Case("ArgMax", [], {"axis": 1}),
    Case("ArgMin", [], {"axis": -1, "keepdims": 0}),
    Case("ArgMax", [], {"axis": 1, "select_last_index": 1}, kind=INT, scale=2.0),
    Case("CumSum", [np.array(1)]),
    Case("CumSum", [np.array(2)], {"exclusive": 1, "reverse": 1}),
    Case("Trilu"),
    Case("Trilu", [np.array(-1)], {"upper": 0}),
]  # fmt: skip
