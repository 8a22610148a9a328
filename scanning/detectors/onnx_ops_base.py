"""What every ONNX operator function stands on: its attributes, its inputs, and how it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Inputs = Sequence[Tensor | None]
MOST_ELEMENTS = 2**28  # of one tensor that a shape in the file may ask for: 1 GiB of float32

DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 4: torch.uint16, 5: torch.int16, 6: torch.int32, 7: torch.int64,
    9: torch.bool, 10: torch.float16, 11: torch.float64, 12: torch.uint32, 13: torch.uint64, 16: torch.bfloat16,
}  # fmt: skip


class UnsupportedGraphError(ValueError):
    """The graph asks for something the executor does not do; the message names it."""


def shown(name: str) -> str:
    """A name out of a file as it may stand in a sentence: one short line of harmless characters."""
    return re.sub(r"[^A-Za-z0-9_.:/\- ]", "?", name[:60])


@dataclass(frozen=True, slots=True)
class Attributes:
    """Attributes of one node, with the opset whose rules apply and the number of outputs that are asked for.

    float_codes: a QuantizeLinear whose every reader is a DequantizeLinear keeps its whole numbers in floats.
    """

    operator: str
    opset: int
    values: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    float_codes: bool = False

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
        return UnsupportedGraphError(f"the operator {self.operator} with {shown(what)} is not supported")


Result = Tensor | tuple[Tensor, ...]
Operator = Callable[[Attributes, Inputs], Result]


def given(inputs: Inputs, place: int) -> Tensor:
    """A required input."""
    value = inputs[place] if place < len(inputs) else None
    if value is None:
        raise UnsupportedGraphError(f"a node lacks its input number {place + 1}, which it requires")
    return value


def optional(inputs: Inputs, place: int) -> Tensor | None:
    """An optional input, or None."""
    return inputs[place] if place < len(inputs) else None


def integers(value: Tensor) -> list[int]:
    """The whole numbers of a tensor of shapes, axes or places, as a list."""
    return [int(number) for number in value.reshape(-1).tolist()]


def axes_of(attributes: Attributes, inputs: Inputs, since: int) -> list[int] | None:
    """`axes` as an attribute before opset `since`, as the second input from then on; None where not given."""
    if attributes.opset < since:
        return attributes.integers("axes", []) if "axes" in attributes.values else None
    axes = optional(inputs, 1)
    return None if axes is None else integers(axes)


def bounded(attributes: Attributes, shape: Sequence[int]) -> list[int]:
    """A shape that the file asks for. Raises UnsupportedGraphError when no honest graph of images would."""
    if any(size < 0 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
        raise attributes.refuse(f"a result of more than {MOST_ELEMENTS} numbers")
    return list(shape)


def of_one(run: Callable[[Tensor], Tensor]) -> Operator:
    """An operator of one input and no attributes."""
    return lambda _, inputs: run(given(inputs, 0))


def of_two(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator of two inputs and no attributes."""
    return lambda _, inputs: run(given(inputs, 0), given(inputs, 1))


def of_many(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator that folds any number of inputs from the left."""

    def operator(_: Attributes, inputs: Inputs) -> Tensor:
        value = given(inputs, 0)
        for place in range(1, len(inputs)):
            value = run(value, given(inputs, place))
        return value

    return operator
