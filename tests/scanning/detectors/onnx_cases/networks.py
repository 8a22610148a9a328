"""Small networks written node by node, in the forms that exporters give: images [n, 4, 8, 8] to one row each."""

from __future__ import annotations

import math

import numpy as np
from onnx import ModelProto, NodeProto, helper

from tests.scanning.detectors.material import onnx_model
from tests.scanning.detectors.onnx_cases.case import ints, number

node = helper.make_node


class Weights:
    """Drawn constants by name, the same at every call."""

    def __init__(self) -> None:
        self.held: dict[str, np.ndarray] = {}
        self.draws = np.random.default_rng(9)

    def floats(self, name: str, *shape: int) -> str:
        self.held[name] = (self.draws.normal(size=shape) / math.sqrt(math.prod(shape[1:]))).astype(np.float32)
        return name

    def keep(self, name: str, value: np.ndarray) -> str:
        self.held[name] = value
        return name

    def norm(self, name: str, channels: int) -> list[str]:
        names = [self.floats(f"{name}.{part}", channels) for part in ("scale", "shift", "mean")]
        self.held[f"{name}.variance"] = self.draws.uniform(0.3, 2.0, channels).astype(np.float32)
        return [*names, f"{name}.variance"]


def _model(nodes: list[NodeProto], weights: Weights, opset: int) -> ModelProto:
    return onnx_model(nodes, weights.held, shape=("n", 4, 8, 8), opset=opset)


def _head(read: str, channels: int, weights: Weights) -> list[NodeProto]:
    return [
        node("GlobalAveragePool", [read], ["pooled"]),
        node("Flatten", ["pooled"], ["row"], axis=1),
        node("Gemm", ["row", weights.floats("head", 5, channels), weights.floats("head.bias", 5)], ["y"], transB=1),
    ]


def residual_block() -> ModelProto:
    """Two convolutions with batch norms and a strided way round them (ResNet), as exported for training."""
    weights = Weights()
    nodes = [
        node("Conv", ["x", weights.floats("w1", 6, 4, 3, 3)], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c1", *weights.norm("n1", 6)], ["b1"]),
        node("Relu", ["b1"], ["r1"]),
        node("Conv", ["r1", weights.floats("w2", 6, 6, 3, 3), weights.floats("k2", 6)], ["c2"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c2", *weights.norm("n2", 6)], ["b2"]),
        node("Conv", ["x", weights.floats("w3", 6, 4, 1, 1)], ["c3"], strides=[2, 2]),
        node("BatchNormalization", ["c3", *weights.norm("n3", 6)], ["b3"]),
        node("Add", ["b2", "b3"], ["sum"]),
        node("Relu", ["sum"], ["out"]),
        node("MaxPool", ["out"], ["less"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        *_head("less", 6, weights),
    ]
    return _model(nodes, weights, 17)


def inverted_residual() -> ModelProto:
    """Wide in the middle, one channel at a time, with squeeze and excitation (MobileNetV3)."""
    weights = Weights()
    nodes = [
        node("Conv", ["x", weights.floats("w1", 8, 4, 1, 1)], ["c1"]),
        node("BatchNormalization", ["c1", *weights.norm("n1", 8)], ["b1"]),
        node("HardSwish", ["b1"], ["h1"]),
        node("Conv", ["h1", weights.floats("w2", 8, 1, 3, 3)], ["c2"], group=8, auto_pad="SAME_UPPER"),
        node("BatchNormalization", ["c2", *weights.norm("n2", 8)], ["b2"]),
        node("ReduceMean", ["b2", weights.keep("axes", ints(2, 3))], ["mean"], keepdims=1),
        node("Conv", ["mean", weights.floats("w3", 2, 8, 1, 1), weights.floats("k3", 2)], ["c3"]),
        node("Relu", ["c3"], ["r3"]),
        node("Conv", ["r3", weights.floats("w4", 8, 2, 1, 1), weights.floats("k4", 8)], ["c4"]),
        node("HardSigmoid", ["c4"], ["share"], alpha=1 / 6),
        node("Mul", ["share", "b2"], ["scaled"]),
        node("Conv", ["scaled", weights.floats("w5", 4, 8, 1, 1)], ["c5"]),
        node("BatchNormalization", ["c5", *weights.norm("n5", 4)], ["b5"]),
        node("Add", ["x", "b5"], ["sum"]),
        *_head("sum", 4, weights),
    ]
    return _model(nodes, weights, 18)


def attention_block() -> ModelProto:
    """Patches, a class token for any batch, one attention with a split in three, Gelu (ViT)."""
    weights = Weights()
    width = 6
    bias = weights.floats("b1", width)
    nodes = [
        node("Conv", ["x", weights.floats("w1", width, 4, 4, 4), bias], ["patches"], strides=[4, 4]),
        node("Reshape", ["patches", weights.keep("flat", ints(0, width, -1))], ["columns"]),
        node("Transpose", ["columns"], ["tokens"], perm=[0, 2, 1]),
        node("Shape", ["tokens"], ["rows"], start=0, end=1),
        node("Concat", ["rows", weights.keep("one", ints(1, width))], ["wanted"], axis=0),
        node("Expand", [weights.floats("class", 1, 1, width), "wanted"], ["first"]),
        node("Concat", ["first", "tokens"], ["all"], axis=1),
        node("Add", ["all", weights.floats("place", 1, 5, width)], ["placed"]),
        node("LayerNormalization", ["placed", weights.floats("g", width), weights.floats("h", width)], ["normal"]),
        node("MatMul", ["normal", weights.floats("qkv", width, 3 * width)], ["mixed"]),
        node("Add", [weights.floats("qkv.bias", 3 * width), "mixed"], ["biased"]),
        node("Reshape", ["biased", weights.keep("heads", ints(0, 0, 3, 2, -1))], ["headed"]),
        node("Transpose", ["headed"], ["turned"], perm=[2, 0, 3, 1, 4]),
        node("Split", ["turned"], ["q1", "k1", "v1"], axis=0, num_outputs=3),
        *[node("Squeeze", [f"{part}1", weights.keep("zero", ints(0))], [part]) for part in "qkv"],
        node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
        node("MatMul", ["q", "kt"], ["met"]),
        node("Mul", ["met", weights.keep("scale", number(3**-0.5))], ["scaled"]),
        node("Softmax", ["scaled"], ["shares"], axis=-1),
        node("MatMul", ["shares", "v"], ["seen"]),
        node("Transpose", ["seen"], ["back"], perm=[0, 2, 1, 3]),
        node("Reshape", ["back", weights.keep("merged", ints(0, 0, -1))], ["joined"]),
        node("Gelu", ["joined"], ["active"]),
        node("Gather", ["active", weights.keep("which", np.array(0))], ["row"], axis=1),
        node("Gemm", ["row", weights.floats("head", 5, width)], ["y"], transB=1),
    ]
    return _model(nodes, weights, 20)


def shifted_windows() -> ModelProto:
    """Windows of a picture that was rolled round by two, and back (Swin); Roll is exported as Slice and Concat."""
    weights = Weights()

    def roll(read: str, name: str, shift: int) -> list[NodeProto]:
        starts, ends = weights.keep(f"{name}.s", ints(shift)), weights.keep(f"{name}.e", ints(2**63 - 1))
        axis, zero = weights.keep("axis", ints(1)), weights.keep("zero", ints(0))
        return [
            node("Slice", [read, starts, ends, axis], [f"{name}.a"]),
            node("Slice", [read, zero, starts, axis], [f"{name}.b"]),
            node("Concat", [f"{name}.a", f"{name}.b"], [name], axis=1),
        ]

    nodes = [
        node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
        *roll("last", "rolled", 2),
        node("Reshape", ["rolled", weights.keep("cut", ints(-1, 2, 4, 2, 4, 4))], ["parts"]),
        node("Transpose", ["parts"], ["turned"], perm=[0, 1, 3, 2, 4, 5]),
        node("Reshape", ["turned", weights.keep("windows", ints(-1, 16, 4))], ["tokens"]),
        node("Transpose", ["tokens"], ["columns"], perm=[0, 2, 1]),
        node("MatMul", ["tokens", "columns"], ["met"]),
        node("Einsum", ["met", "tokens"], ["seen"], equation="bij,bjc->bic"),
        node("Reshape", ["seen", weights.keep("uncut", ints(-1, 2, 2, 4, 4, 4))], ["again"]),
        node("Transpose", ["again"], ["straight"], perm=[0, 1, 3, 2, 4, 5]),
        node("Reshape", ["straight", weights.keep("whole", ints(-1, 8, 8, 4))], ["picture"]),
        *roll("picture", "unrolled", -2),
        node("Add", ["unrolled", "last"], ["sum"]),
        node("ReduceMean", ["sum"], ["mean"], axes=[1, 2], keepdims=0),
        node("MatMul", ["mean", weights.floats("head", 4, 5)], ["scores"]),
        node("LogSoftmax", ["scores"], ["y"], axis=-1),
    ]
    return _model(nodes, weights, 14)


def quantised_layer() -> ModelProto:
    """A convolution between codes of eight bits, with weights stored as codes."""
    weights = Weights()
    codes = weights.keep("codes", weights.draws.integers(-100, 100, (6, 4, 3, 3)).astype(np.int8))
    scale = weights.keep("scale", weights.draws.uniform(0.001, 0.01, 6).astype(np.float32))
    none = weights.keep("none", np.zeros(6, dtype=np.int8))
    step, zero = weights.keep("step", number(1 / 64)), weights.keep("zero", np.array(20, dtype=np.uint8))
    nodes = [
        node("QuantizeLinear", ["x", step, zero], ["coded"]),
        node("DequantizeLinear", ["coded", step, zero], ["seen"]),
        node("DequantizeLinear", [codes, scale, none], ["kernel"], axis=0),
        node("Conv", ["seen", "kernel"], ["c1"]),
        node("Clip", ["c1", weights.keep("low", number(0)), weights.keep("high", number(6))], ["out"]),
        *_head("out", 6, weights),
    ]
    return _model(nodes, weights, 19)
