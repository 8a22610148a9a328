"""What is known of one value in an ONNX graph without computing it, and what kind of work each operator does.

The operators' meanings: the ONNX operator reference (onnx.ai), default domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

FIXED = frozenset({"Shape", "Size", "ConstantOfShape", "EyeLike", "RandomNormal", "RandomUniform", "Range"})
TESTS = frozenset({"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "IsNaN", "IsInf"})
LOGIC = frozenset({"And", "Or", "Xor", "Not", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"})
SAME = frozenset({"Identity", "Cast", "CastLike", "Dropout"})
_LAYOUT_WORDS = (
    "Reshape Squeeze Unsqueeze Expand Flatten Transpose Tile Pad OneHot DepthToSpace SpaceToDepth Resize CumSum"
)
LAYOUT = frozenset(_LAYOUT_WORDS.split())
PICKS = frozenset({"Slice", "Gather", "GatherND", "GatherElements", "Split", "TopK", "Compress"})
REDUCES = frozenset({"ArgMax", "ArgMin", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "Hardmax"})
SATURATES = frozenset({"Relu", "Clip", "Sigmoid", "HardSigmoid", "Sign", "Ceil", "Floor", "Round", "Tanh", "Erf"})
_LEARNED_WORDS = """
Conv ConvTranspose MatMul Gemm Einsum LSTM GRU RNN QLinearConv QLinearMatMul ConvInteger MatMulInteger DeformConv
BatchNormalization Attention
"""
LEARNED = frozenset(_LEARNED_WORDS.split())
BLENDS = frozenset({"Mul", "Add", "Sub", "Div", "Min", "Max", "Pow", "ScatterND", "ScatterElements", "Sum"})
FLOATS = frozenset({1, 10, 11, 16})
VERY_NEGATIVE = -1e4
_BOOL = 9
_MOST_READ = 4096


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of one tensor. The default is a constant, or something made of shapes alone.

    sources: graph inputs whose values it depends on; tests: comparisons whose outcome it still is; reduced: one number stands
    for many of the input's, or is picked from among them; raw: no learned layer lies behind it; gated: raw, reduced and pressed
    against a bound; root: the tensor it is computed from element by element; masking: one of its two values is very negative;
    mixed: a constant was laid beside data in it; constant: the tensor itself, where the file holds it.
    """

    sources: frozenset[str] = frozenset()
    tests: frozenset[str] = frozenset()
    reduced: bool = False
    raw: bool = False
    gated: bool = False
    root: str = ""
    masking: bool = False
    mixed: bool = False
    constant: Any = field(default=None, compare=False)

    @property
    def decides(self) -> bool:
        """Whether this is the outcome of a test on input values, or as good as one."""
        return bool(self.sources) and (bool(self.tests) or self.gated)


CONSTANT = Value()


def numbers_of(tensor: Any) -> list[float]:
    """The numbers of a small constant; none where it is large, kept outside the file, damaged, or no number."""
    from onnx import numpy_helper  # noqa: PLC0415 - half a second that other formats need not pay

    if tensor is None or tensor.data_location == 1 or len(tensor.raw_data) > _MOST_READ:
        return []
    try:
        return [float(number) for number in numpy_helper.to_array(tensor).reshape(-1)[:_MOST_READ]]
    except (ValueError, TypeError):
        return []


def scalar_of(value: Value) -> float | None:
    """The number that a constant of one element is, or None."""
    found = numbers_of(value.constant)
    return found[0] if len(found) == 1 else None


def joined(values: list[Value], name: str) -> Value:
    """The result of an operator that works element by element on several operands; constants among them change nothing."""
    moving = [value for value in values if value.sources]
    if not moving:
        return CONSTANT
    roots = {value.root for value in moving}
    deciding = all(value.decides for value in moving)
    return Value(
        sources=frozenset[str]().union(*(value.sources for value in moving)),
        tests=frozenset[str]().union(*(value.tests for value in moving)) if deciding else frozenset(),
        reduced=all(value.reduced for value in moving),
        raw=all(value.raw for value in moving),
        gated=deciding and any(value.gated for value in moving),
        root=roots.pop() if len(roots) == 1 else name,
        masking=deciding and any(value.masking for value in moving),
    )


def _is_bound(node: Any) -> bool:
    """Whether a Clip has a lower and an upper bound: one bound alone only keeps a divisor from zero."""
    if node.op_type != "Clip":
        return True
    given = [name for name in node.input[1:3] if name]
    return len(given) == 2 or len([entry for entry in node.attribute if entry.name in ("min", "max")]) == 2


def _tested(node: Any, values: list[Value], name: str) -> Value:
    found = joined(values, name)
    label = node.op_type
    fixed = [value for value in values if not value.sources]
    if fixed and (number := scalar_of(fixed[0])) is not None:
        label = f"{label} {number:g}"
    elif fixed and node.op_type in ("Equal", "Greater", "Less"):
        label = f"{label} a constant tensor"
    return replace(found, tests=frozenset({label}), gated=False, masking=False) if found.sources else CONSTANT


def result(node: Any, values: list[Value], name: str) -> Value:
    """What an operator without a rule of its own makes of its operands."""
    kind = node.op_type
    first = values[0] if values else CONSTANT
    if kind in FIXED:
        return joined(values, name) if kind not in ("Shape", "Size") and joined(values, name).decides else CONSTANT
    if kind in TESTS:
        return _tested(node, values, name)
    if kind in SAME:
        to_bool = any(entry.name == "to" and entry.i == _BOOL for entry in node.attribute)
        return replace(first, tests=frozenset({"non-zero"})) if to_bool and first.sources and not first.tests else first
    if kind in LAYOUT:
        return replace(first, root=name) if first.sources else joined(values, name)
    found = joined(values, name)
    if kind == "NonZero" and not found.reduced:
        return Value(sources=found.sources, root=name)  # places in a map of many, such as boxes above a score
    if kind in PICKS or kind in REDUCES or kind.startswith("Reduce"):
        if first.sources:
            return replace(first, root=name, reduced=first.reduced or first.raw or kind not in PICKS)
        return found if found.decides else Value(sources=found.sources, root=name)  # a table of embeddings is learned
    if kind == "Concat":
        return replace(found, root=name, mixed=any(not value.sources for value in values)) if found.sources else found
    if kind in LEARNED:
        kept = found.decides and found.reduced
        return replace(found, root=name, raw=False) if kept else Value(sources=found.sources, root=name)
    if kind in SATURATES and found.raw and found.reduced and _is_bound(node):
        return replace(found, gated=True)
    if kind.endswith(("Softmax", "Normalization")) or not found.sources:
        return Value(sources=found.sources, root=name) if found.sources else CONSTANT
    return found
