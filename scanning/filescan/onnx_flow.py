"""Follows values of a graph's inputs through its nodes, to the places where they decide which of two results is taken.

Shapes of inputs are not their values: what comes out of Shape or Size is left aside, since exporters test shapes freely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SHAPE_ONLY = frozenset({"Shape", "Size", "ConstantOfShape", "Constant", "EyeLike", "RandomNormal", "RandomUniform"})
_TESTS = frozenset({"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "IsNaN", "IsInf"})
_LOGIC_WORDS = """
And Or Not Xor Cast Identity ReduceMin ReduceMax ReduceSum ReduceProd ReduceMean Reshape Squeeze Unsqueeze Expand
Flatten Transpose Slice Gather CastLike Min Max
"""
_LOGIC = frozenset(_LOGIC_WORDS.split())
_BLENDS = frozenset({"Mul", "Add", "Sub"})
_FLOATS = frozenset({1, 10, 11, 16})
_MASKED = -1e4


@dataclass(frozen=True, slots=True)
class Selection:
    """A node whose result is chosen by values of the input. `test`: the comparisons behind the choice."""

    node: str
    operator: str
    test: str
    inputs: tuple[str, ...]


class Flow:
    """One pass over a graph in its (topological) order. `masks`: selections let pass as attention masks."""

    def __init__(self, graph: Any) -> None:  # a protobuf GraphProto
        self._graph = graph
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._constants: dict[str, Any] = {}
        self._sources: dict[str, frozenset[str]] = {}
        self._tests: dict[str, frozenset[str]] = {}
        self._float_inputs: set[str] = set()
        for entry in graph.input:
            if entry.name not in self._initializers:
                self._sources[entry.name] = frozenset({entry.name})
                if entry.type.tensor_type.elem_type in _FLOATS:
                    self._float_inputs.add(entry.name)
        self.masks = 0

    def selections(self) -> Iterator[Selection]:
        """Every place where input values choose between results."""
        for index, node in enumerate(self._graph.node):
            sources = frozenset[str]().union(*(self._sources.get(name, frozenset()) for name in node.input))
            self._remember(node)
            found = self._select(node, index)
            if found is not None:
                yield found
            if node.op_type in _SHAPE_ONLY:
                continue
            tests = self._tests_of(node, sources)
            for name in node.output:
                if sources:
                    self._sources[name] = sources
                if tests:
                    self._tests[name] = tests

    def _remember(self, node: Any) -> None:
        if node.op_type == "Constant" and node.output:
            for attribute in node.attribute:
                if attribute.name == "value":
                    self._constants[node.output[0]] = attribute.t

    def _tests_of(self, node: Any, sources: frozenset[str]) -> frozenset[str]:
        """The tests whose outcome a node's result still is: those it makes, and those that mere logic passes on."""
        if node.op_type in _TESTS and sources:
            return frozenset({node.op_type})
        if node.op_type in _LOGIC:
            return frozenset[str]().union(*(self._tests.get(name, frozenset()) for name in node.input))
        return frozenset()

    def _select(self, node: Any, index: int) -> Selection | None:
        name = node.name or f"{node.op_type} number {index}"
        if node.op_type in ("If", "Where") and node.input:
            condition = node.input[0]
            tests, sources = self._tests.get(condition, frozenset()), self._sources.get(condition, frozenset())
            if not tests and not (node.op_type == "If" and sources):
                return None
            if node.op_type == "Where" and self._is_mask(node):
                self.masks += 1
                return None
            return Selection(
                name, node.op_type, ", ".join(sorted(tests)) or "a computed condition", tuple(sorted(sources))
            )
        if node.op_type in _BLENDS:
            return self._blend(node, name)
        return None

    def _blend(self, node: Any, name: str) -> Selection | None:
        """Arithmetic with the outcome of an equality on a real-valued input: a choice in disguise."""
        for operand in node.input:
            sources = self._sources.get(operand, frozenset()) & self._float_inputs
            if "Equal" in self._tests.get(operand, frozenset()) and sources:
                return Selection(name, node.op_type, "Equal", tuple(sorted(sources)))
        return None

    def _is_mask(self, node: Any) -> bool:
        """Whether one branch is a single very negative number, as masks before a softmax have it."""
        return any(self._scalar(name) <= _MASKED for name in node.input[1:])

    def _scalar(self, name: str) -> float:
        from onnx import numpy_helper  # noqa: PLC0415 - half a second that other formats need not pay

        tensor = self._initializers.get(name) or self._constants.get(name)
        if tensor is None or tensor.data_location == 1:
            return 0.0
        try:
            values = numpy_helper.to_array(tensor)
            return float(values.reshape(-1)[0]) if values.size == 1 else 0.0
        except (ValueError, TypeError):
            return 0.0
