"""ONNX operators that count: element by element, activations, matrix products, reductions and casts."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from scanning.detectors.onnx_ops_base import (
    DTYPES,
    Attributes,
    Inputs,
    Operator,
    axes_of,
    given,
    of_many,
    of_one,
    of_two,
    optional,
)

_LONGEST_EQUATION = 200


def _divide(_: Attributes, inputs: Inputs) -> Tensor:
    left, right = given(inputs, 0), given(inputs, 1)
    return left / right if left.is_floating_point() else torch.div(left, right, rounding_mode="trunc")


def _modulo(attributes: Attributes, inputs: Inputs) -> Tensor:
    run = torch.fmod if attributes.integer("fmod", 0) else torch.remainder
    return run(given(inputs, 0), given(inputs, 1))


def _power(_: Attributes, inputs: Inputs) -> Tensor:
    base = given(inputs, 0)
    return torch.pow(base, given(inputs, 1)).to(base.dtype)


def _mean(attributes: Attributes, inputs: Inputs) -> Tensor:
    total = of_many(torch.add)(attributes, inputs)
    assert isinstance(total, Tensor)
    return total / len(inputs)


def _is_infinite(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    above = torch.isposinf(value) if attributes.integer("detect_positive", 1) else torch.zeros_like(value).bool()
    return above | torch.isneginf(value) if attributes.integer("detect_negative", 1) else above


def _cast(attributes: Attributes, inputs: Inputs) -> Tensor:
    kind = attributes.integer("to", 0)
    if kind not in DTYPES:
        raise attributes.refuse(f"the element type {kind}")
    return given(inputs, 0).to(DTYPES[kind])


def _clip(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    if attributes.opset < 11:
        return value.clamp(attributes.number("min", -math.inf), attributes.number("max", math.inf))
    low, high = optional(inputs, 1), optional(inputs, 2)
    return value if low is None and high is None else torch.clamp(value, low, high)


def _softmax(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    run = functional.softmax if attributes.operator == "Softmax" else functional.log_softmax
    if attributes.opset >= 13:
        return run(value, dim=attributes.integer("axis", -1))
    axis = attributes.integer("axis", 1) % value.dim()
    return run(value.flatten(axis), dim=axis).reshape(value.shape)


def _prelu(_: Attributes, inputs: Inputs) -> Tensor:
    value, slope = given(inputs, 0), given(inputs, 1)
    return torch.where(value >= 0, value, value * slope)


def _hard_sigmoid(attributes: Attributes, inputs: Inputs) -> Tensor:
    return (given(inputs, 0) * attributes.number("alpha", 0.2) + attributes.number("beta", 0.5)).clamp(0, 1)


def _selu(attributes: Attributes, inputs: Inputs) -> Tensor:
    alpha = attributes.number("alpha", 1.6732632423543772)
    return attributes.number("gamma", 1.0507009873554805) * functional.elu(given(inputs, 0), alpha)


def _thresholded_relu(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    return torch.where(value > attributes.number("alpha", 1.0), value, torch.zeros_like(value))


def _gemm(attributes: Attributes, inputs: Inputs) -> Tensor:
    left, right, added = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    left = left.t() if attributes.integer("transA", 0) else left
    right = right.t() if attributes.integer("transB", 0) else right
    alpha, beta = attributes.number("alpha", 1.0), attributes.number("beta", 1.0)
    product = left @ right if alpha == 1.0 else alpha * (left @ right)
    return product if added is None else product + (added if beta == 1.0 else beta * added)


def _einsum(attributes: Attributes, inputs: Inputs) -> Tensor:
    equation = attributes.text("equation", "")
    if len(equation) > _LONGEST_EQUATION:
        raise attributes.refuse("so long an equation")
    return torch.einsum(equation, [given(inputs, place) for place in range(len(inputs))])


def _product(value: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    for axis in sorted({axis % value.dim() for axis in dim}, reverse=True):
        value = value.prod(dim=axis, keepdim=keepdim)
    return value


_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "ReduceL1": lambda value, dim, keepdim: value.abs().sum(dim=dim, keepdim=keepdim),
    "ReduceL2": lambda value, dim, keepdim: torch.linalg.vector_norm(value, dim=dim, keepdim=keepdim),
    "ReduceLogSum": lambda value, dim, keepdim: value.sum(dim=dim, keepdim=keepdim).log(),
    "ReduceLogSumExp": torch.logsumexp,
    "ReduceMax": torch.amax,
    "ReduceMean": torch.mean,
    "ReduceMin": torch.amin,
    "ReduceProd": _product,
    "ReduceSum": torch.sum,
    "ReduceSumSquare": lambda value, dim, keepdim: value.square().sum(dim=dim, keepdim=keepdim),
}


def _reduce(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    axes = axes_of(attributes, inputs, 13 if attributes.operator == "ReduceSum" else 18)
    if not axes and attributes.integer("noop_with_empty_axes", 0):
        return value
    chosen = axes or list(range(value.dim()))
    return _REDUCTIONS[attributes.operator](value, dim=chosen, keepdim=bool(attributes.integer("keepdims", 1)))


def _place_of_extreme(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), attributes.integer("axis", 0)
    run = torch.argmax if attributes.operator == "ArgMax" else torch.argmin
    keep = bool(attributes.integer("keepdims", 1))
    if not attributes.integer("select_last_index", 0):
        return run(value, dim=axis, keepdim=keep)
    return value.shape[axis] - 1 - run(value.flip(axis), dim=axis, keepdim=keep)


def _running_sum(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), int(given(inputs, 1))
    value = value.flip(axis) if attributes.integer("reverse", 0) else value
    total = value.cumsum(axis, dtype=value.dtype)
    total = total - value if attributes.integer("exclusive", 0) else total
    return total.flip(axis) if attributes.integer("reverse", 0) else total


def _triangle(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, chosen = given(inputs, 0), optional(inputs, 1)
    diagonal = 0 if chosen is None else int(chosen)
    return value.triu(diagonal) if attributes.integer("upper", 1) else value.tril(diagonal)


_OF_ONE: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs, "Acos": torch.acos, "Acosh": torch.acosh, "Asin": torch.asin, "Asinh": torch.asinh,
    "Atan": torch.atan, "Atanh": torch.atanh, "Ceil": torch.ceil, "Cos": torch.cos, "Cosh": torch.cosh,
    "Erf": torch.erf, "Exp": torch.exp, "Floor": torch.floor, "HardSwish": functional.hardswish,
    "IsNaN": torch.isnan, "Log": torch.log, "Mish": functional.mish, "Neg": torch.neg, "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal, "Relu": torch.relu, "Round": torch.round, "Sigmoid": torch.sigmoid,
    "Sign": torch.sign, "Sin": torch.sin, "Sinh": torch.sinh, "Softplus": functional.softplus,
    "Softsign": functional.softsign, "Sqrt": torch.sqrt, "Tan": torch.tan, "Tanh": torch.tanh,
}  # fmt: skip

_OF_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add, "And": torch.logical_and, "CastLike": lambda value, like: value.to(like.dtype), "Equal": torch.eq,
    "Greater": torch.gt, "GreaterOrEqual": torch.ge, "Less": torch.lt, "LessOrEqual": torch.le, "MatMul": torch.matmul,
    "Mul": torch.mul, "Or": torch.logical_or, "Sub": torch.sub, "Xor": torch.logical_xor,
}  # fmt: skip

MATHS: dict[str, Operator] = {
    **{name: of_one(run) for name, run in _OF_ONE.items()},
    **{name: of_two(run) for name, run in _OF_TWO.items()},
    **dict.fromkeys(_REDUCTIONS, _reduce),
    "ArgMax": _place_of_extreme,
    "ArgMin": _place_of_extreme,
    "Cast": _cast,
    "Celu": lambda attributes, inputs: functional.celu(given(inputs, 0), attributes.number("alpha", 1.0)),
    "Clip": _clip,
    "CumSum": _running_sum,
    "Div": _divide,
    "Einsum": _einsum,
    "Elu": lambda attributes, inputs: functional.elu(given(inputs, 0), attributes.number("alpha", 1.0)),
    "Gelu": lambda attributes, inputs: functional.gelu(
        given(inputs, 0), approximate=attributes.text("approximate", "none")
    ),
    "Gemm": _gemm,
    "HardSigmoid": _hard_sigmoid,
    "IsInf": _is_infinite,
    "LeakyRelu": lambda attributes, inputs: functional.leaky_relu(given(inputs, 0), attributes.number("alpha", 0.01)),
    "LogSoftmax": _softmax,
    "Max": of_many(torch.maximum),
    "Mean": _mean,
    "Min": of_many(torch.minimum),
    "Mod": _modulo,
    "PRelu": _prelu,
    "Pow": _power,
    "Selu": _selu,
    "Softmax": _softmax,
    "Sum": of_many(torch.add),
    "ThresholdedRelu": _thresholded_relu,
    "Trilu": _triangle,
    "Where": lambda _, inputs: torch.where(given(inputs, 0), given(inputs, 1), given(inputs, 2)),
}
