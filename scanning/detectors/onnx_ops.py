"""ONNX operators as differentiable torch functions, after the ONNX operator specification (opsets 7 to 23).

Each takes the node's attributes and its inputs (None where an optional one is left out) and gives the first output.
What a function cannot do as the specification says raises UnsupportedGraphError, naming it; nothing is approximated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Inputs = Sequence[Tensor | None]


class UnsupportedGraphError(ValueError):
    """The graph asks for something the executor does not do; the message names it."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Attributes of one node, with the opset whose rules apply."""

    operator: str
    opset: int
    values: dict[str, Any] = field(default_factory=dict)

    def integer(self, name: str, default: int) -> int:
        return int(self.values.get(name, default))

    def number(self, name: str, default: float) -> float:
        return float(self.values.get(name, default))

    def integers(self, name: str, default: Sequence[int]) -> list[int]:
        return [int(value) for value in self.values.get(name, default)]

    def text(self, name: str, default: str) -> str:
        value = self.values.get(name, default)
        return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)

    def refuse(self, what: str) -> UnsupportedGraphError:
        return UnsupportedGraphError(f"the operator {self.operator} with {what} is not supported")


Operator = Callable[[Attributes, Inputs], Tensor]


def given(inputs: Inputs, place: int) -> Tensor:
    """A required input."""
    value = inputs[place] if place < len(inputs) else None
    if value is None:
        raise UnsupportedGraphError(f"a required input (number {place + 1}) is missing")
    return value


def optional(inputs: Inputs, place: int) -> Tensor | None:
    """An optional input, or None."""
    return inputs[place] if place < len(inputs) else None


def _pads(attributes: Attributes, image: Tensor, kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis, from `pads` or `auto_pad`."""
    axes = len(kernel)
    mode = attributes.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = attributes.integers("pads", [0] * (2 * axes))
        return pads[:axes], pads[axes:]
    if mode == "VALID":
        return [0] * axes, [0] * axes
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise attributes.refuse(f"auto_pad {mode!r}")
    strides = attributes.integers("strides", [1] * axes)
    dilations = attributes.integers("dilations", [1] * axes)
    before, after = [], []
    for size, window, stride, dilation in zip(image.shape[2:], kernel, strides, dilations, strict=True):
        whole = max((math.ceil(size / stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
        small, large = whole // 2, whole - whole // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before, after


def _padded(image: Tensor, before: Sequence[int], after: Sequence[int], value: float) -> Tensor:
    amounts = [amount for pair in zip(reversed(before), reversed(after), strict=True) for amount in pair]
    return functional.pad(image, amounts, value=value) if any(amounts) else image


def _conv(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, weight, bias = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    axes = image.dim() - 2
    if axes not in (1, 2):
        raise attributes.refuse(f"{axes} spatial axes")
    before, after = _pads(attributes, image, weight.shape[2:])
    strides, dilations = attributes.integers("strides", [1] * axes), attributes.integers("dilations", [1] * axes)
    run = functional.conv1d if axes == 1 else functional.conv2d
    if before == after:
        return run(image, weight, bias, strides, before, dilations, attributes.integer("group", 1))
    return run(_padded(image, before, after, 0.0), weight, bias, strides, 0, dilations, attributes.integer("group", 1))


def _max_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, kernel = given(inputs, 0), attributes.integers("kernel_shape", [])
    if len(kernel) != 2 or image.dim() != 4:
        raise attributes.refuse(f"{image.dim() - 2} spatial axes")
    ceil = bool(attributes.integer("ceil_mode", 0))
    before, after = _pads(attributes, image, kernel)
    if ceil and (any(before) or any(after)):
        raise attributes.refuse("ceil_mode and padding together")
    image = _padded(image, before, after, -math.inf)
    strides, dilations = attributes.integers("strides", [1, 1]), attributes.integers("dilations", [1, 1])
    return functional.max_pool2d(image, kernel, strides, 0, dilations, ceil)


def _average_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, kernel = given(inputs, 0), attributes.integers("kernel_shape", [])
    if len(kernel) != 2 or image.dim() != 4:
        raise attributes.refuse(f"{image.dim() - 2} spatial axes")
    if attributes.integer("ceil_mode", 0) or attributes.integers("dilations", [1, 1]) != [1, 1]:
        raise attributes.refuse("ceil_mode or dilations")
    before, after = _pads(attributes, image, kernel)
    strides = attributes.integers("strides", [1, 1])
    total = functional.avg_pool2d(_padded(image, before, after, 0.0), kernel, strides)
    if attributes.integer("count_include_pad", 0) or not (any(before) or any(after)):
        return total
    inside = torch.ones_like(image[:1, :1])
    return total / functional.avg_pool2d(_padded(inside, before, after, 0.0), kernel, strides)


def _global_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image = given(inputs, 0)
    axes = tuple(range(2, image.dim()))
    return (
        image.mean(axes, keepdim=True) if attributes.operator == "GlobalAveragePool" else image.amax(axes, keepdim=True)
    )


def _batch_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    if attributes.integer("training_mode", 0):
        raise attributes.refuse("training_mode")
    image, scale, shift, mean, variance = (given(inputs, place) for place in range(5))
    return functional.batch_norm(image, mean, variance, scale, shift, False, 0.0, attributes.number("epsilon", 1e-5))


def _layer_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), attributes.integer("axis", -1)
    shape = list(value.shape[axis:])
    return functional.layer_norm(
        value, shape, given(inputs, 1), optional(inputs, 2), attributes.number("epsilon", 1e-5)
    )


def _gemm(attributes: Attributes, inputs: Inputs) -> Tensor:
    left, right, added = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    left = left.t() if attributes.integer("transA", 0) else left
    right = right.t() if attributes.integer("transB", 0) else right
    alpha, beta = attributes.number("alpha", 1.0), attributes.number("beta", 1.0)
    product = left @ right if alpha == 1.0 else alpha * (left @ right)
    return product if added is None else product + (added if beta == 1.0 else beta * added)


def _divide(_: Attributes, inputs: Inputs) -> Tensor:
    left, right = given(inputs, 0), given(inputs, 1)
    return left / right if left.is_floating_point() else torch.div(left, right, rounding_mode="trunc")


def _softmax(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    run = functional.softmax if attributes.operator == "Softmax" else functional.log_softmax
    if attributes.opset >= 13:
        return run(value, dim=attributes.integer("axis", -1))
    axis = attributes.integer("axis", 1) % value.dim()
    return run(value.flatten(axis), dim=axis).reshape(value.shape)


def _clip(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    if attributes.opset < 11:
        return value.clamp(attributes.number("min", -math.inf), attributes.number("max", math.inf))
    low, high = optional(inputs, 1), optional(inputs, 2)
    return value if low is None and high is None else torch.clamp(value, low, high)


def _prelu(_: Attributes, inputs: Inputs) -> Tensor:
    value, slope = given(inputs, 0), given(inputs, 1)
    return torch.where(value >= 0, value, value * slope)


def _hard_sigmoid(attributes: Attributes, inputs: Inputs) -> Tensor:
    return (given(inputs, 0) * attributes.number("alpha", 0.2) + attributes.number("beta", 0.5)).clamp(0, 1)


def _dropout(attributes: Attributes, inputs: Inputs) -> Tensor:
    training = optional(inputs, 2)
    if training is not None and bool(training):
        raise attributes.refuse("training_mode")
    return given(inputs, 0)


def _flatten(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), attributes.integer("axis", 1)
    axis = axis + value.dim() if axis < 0 else axis
    return value.reshape(math.prod(value.shape[:axis]), -1)


def _reshape(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, wanted = given(inputs, 0), [int(size) for size in given(inputs, 1).tolist()]
    if not attributes.integer("allowzero", 0):
        wanted = [value.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    return value.reshape(wanted)


def _axes(attributes: Attributes, inputs: Inputs, since: int) -> list[int] | None:
    """`axes` as an attribute before opset `since`, as the second input from then on; None where not given."""
    if attributes.opset < since:
        return attributes.integers("axes", []) if "axes" in attributes.values else None
    axes = optional(inputs, 1)
    return None if axes is None else [int(axis) for axis in axes.tolist()]


def _squeeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axes = given(inputs, 0), _axes(attributes, inputs, 13)
    return value.squeeze() if axes is None else value.squeeze(axes)


def _unsqueeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axes = given(inputs, 0), _axes(attributes, inputs, 13) or []
    rank = value.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        value = value.unsqueeze(axis)
    return value


def _transpose(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    return value.permute(attributes.integers("perm", list(range(value.dim()))[::-1]))


def _concat(attributes: Attributes, inputs: Inputs) -> Tensor:
    return torch.cat([given(inputs, place) for place in range(len(inputs))], dim=attributes.integer("axis", 0))


def _slice(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    if attributes.opset < 10:
        starts, ends = attributes.integers("starts", []), attributes.integers("ends", [])
        axes, steps = attributes.integers("axes", range(len(starts))), [1] * len(starts)
    else:
        starts, ends = given(inputs, 1).tolist(), given(inputs, 2).tolist()
        chosen, strides = optional(inputs, 3), optional(inputs, 4)
        axes = list(range(len(starts))) if chosen is None else chosen.tolist()
        steps = [1] * len(starts) if strides is None else strides.tolist()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            raise attributes.refuse("a negative step")
        low, high, _ = slice(start, end).indices(value.shape[axis])
        places = torch.arange(low, max(high, low), step)
        value = value.index_select(axis, places)
    return value


def _gather(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, axis = given(inputs, 0), given(inputs, 1).long(), attributes.integer("axis", 0)
    axis %= value.dim()
    places = torch.where(places < 0, places + value.shape[axis], places)
    chosen = value.index_select(axis, places.reshape(-1))
    return chosen.reshape(*value.shape[:axis], *places.shape, *value.shape[axis + 1 :])


def _shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    shape = list(given(inputs, 0).shape)
    end = attributes.values.get("end")
    return torch.tensor(shape[attributes.integer("start", 0) : None if end is None else int(end)], dtype=torch.int64)


_DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip


def _cast(attributes: Attributes, inputs: Inputs) -> Tensor:
    kind = attributes.integer("to", 0)
    if kind not in _DTYPES:
        raise attributes.refuse(f"the element type {kind}")
    return given(inputs, 0).to(_DTYPES[kind])


def _reduce(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    since = 13 if attributes.operator == "ReduceSum" else 18
    axes = _axes(attributes, inputs, since)
    if not axes:
        if axes is not None and attributes.integer("noop_with_empty_axes", 0):
            return value
        axes = list(range(value.dim()))
    keep = bool(attributes.integer("keepdims", 1))
    runs: dict[str, Callable[..., Tensor]] = {"ReduceMean": torch.mean, "ReduceSum": torch.sum}
    return runs.get(attributes.operator, torch.amax)(value, dim=axes, keepdim=keep)


def _pad(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, mode = given(inputs, 0), attributes.text("mode", "constant")
    if mode != "constant" or optional(inputs, 3) is not None:
        raise attributes.refuse(f"mode {mode!r} or axes")
    if attributes.opset < 11:
        pads, fill = attributes.integers("pads", []), attributes.number("value", 0.0)
    else:
        chosen = optional(inputs, 2)
        pads, fill = given(inputs, 1).tolist(), 0.0 if chosen is None else float(chosen)
    return _padded(value, pads[: len(pads) // 2], pads[len(pads) // 2 :], fill)


def _fold(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def operator(_: Attributes, inputs: Inputs) -> Tensor:
        value = given(inputs, 0)
        for place in range(1, len(inputs)):
            value = run(value, given(inputs, place))
        return value

    return operator


def _of_one(run: Callable[[Tensor], Tensor]) -> Operator:
    return lambda _, inputs: run(given(inputs, 0))


def _of_two(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda _, inputs: run(given(inputs, 0), given(inputs, 1))


OPERATORS: dict[str, Operator] = {
    "Abs": _of_one(torch.abs),
    "Add": _of_two(torch.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Div": _divide,
    "Dropout": _dropout,
    "Elu": lambda attributes, inputs: functional.elu(given(inputs, 0), attributes.number("alpha", 1.0)),
    "Erf": _of_one(torch.erf),
    "Exp": _of_one(torch.exp),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": lambda attributes, inputs: functional.gelu(
        given(inputs, 0), approximate=attributes.text("approximate", "none")
    ),
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _of_one(functional.hardswish),
    "Identity": _of_one(lambda value: value),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda attributes, inputs: functional.leaky_relu(given(inputs, 0), attributes.number("alpha", 0.01)),
    "Log": _of_one(torch.log),
    "LogSoftmax": _softmax,
    "MatMul": _of_two(torch.matmul),
    "Max": _fold(torch.maximum),
    "MaxPool": _max_pool,
    "Min": _fold(torch.minimum),
    "Mul": _of_two(torch.mul),
    "Neg": _of_one(torch.neg),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": _of_two(torch.pow),
    "Reciprocal": _of_one(torch.reciprocal),
    "ReduceMax": _reduce,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "Relu": _of_one(torch.relu),
    "Reshape": _reshape,
    "Shape": _shape,
    "Sigmoid": _of_one(torch.sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _of_one(functional.softplus),
    "Sqrt": _of_one(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _of_two(torch.sub),
    "Sum": _fold(torch.add),
    "Tanh": _of_one(torch.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
