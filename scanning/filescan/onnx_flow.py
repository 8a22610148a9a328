"""Follows values of a graph's inputs through its nodes, to the places where they decide which of two results is taken.

How backdoors of the ShadowLogic kind (HiddenLayer, 2024; arXiv 2511.00664) are built: part of the input is compared, the
outcome is reduced to one yes or no, and that chooses between the model's own answer and another. Shapes of inputs are not
their values: what comes out of Shape or Size is left aside, since exporters test shapes freely.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from scanning.filescan.onnx_values import (
    BLENDS,
    CONSTANT,
    FLOATS,
    PICKS,
    VERY_NEGATIVE,
    Value,
    joined,
    numbers_of,
    result,
    scalar_of,
)

_TO_SOFTMAX_WORDS = """
Add Sub Mul Div Cast Reshape Unsqueeze Squeeze Expand Transpose Slice Concat Identity Max Min Where
"""
_TO_SOFTMAX = frozenset(_TO_SOFTMAX_WORDS.split())
_TO_PRODUCT_WORDS = "Cast Dropout Reshape Identity Transpose Mul Where Unsqueeze Squeeze IsNaN"
_TO_PRODUCT = frozenset(_TO_PRODUCT_WORDS.split())
_PRODUCTS = frozenset({"MatMul", "Einsum", "Gemm", "Attention", "MultiHeadAttention"})
_USUAL_FILLED = 3
_DEEPEST = 12
_FARTHEST = 200
_SPARE_NODES = 50_000


class TooManyNodesError(Exception):
    """Functions called within functions make more nodes than are followed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A node whose result is chosen by values of the input.

    test: the comparisons behind the choice; constant: whether one of the results is the same for every input; reduced: whether
    one outcome decides for many values at once.
    """

    node: str
    operator: str
    test: str
    inputs: tuple[str, ...]
    constant: bool
    reduced: bool


class Flow:
    """One pass over a graph in its (topological) order, its subgraphs and local functions included.

    passed: choices that ordinary models make, and that were let pass: kind -> how many.
    """

    def __init__(self, model: Any) -> None:  # a protobuf ModelProto
        self._graph = model.graph
        self._functions = {(entry.domain, entry.name): entry for entry in model.functions}
        self._left = _SPARE_NODES + 4 * (len(model.graph.node) + sum(len(entry.node) for entry in model.functions))
        self._floats: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._reaches: dict[int, _Reach] = {}
        self.passed: dict[str, int] = {"attention masks": 0, "element by element": 0, "padding": 0}

    def selections(self) -> Iterator[Selection]:
        """Every place where input values choose between results. Raises TooManyNodesError."""
        values: dict[str, Value] = {}
        initializers = {tensor.name for tensor in self._graph.initializer}
        for entry in self._graph.input:
            if entry.name not in initializers:
                values[entry.name] = Value(sources=frozenset({entry.name}), raw=True, root=entry.name)
                if entry.type.tensor_type.elem_type in FLOATS:
                    self._floats.add(entry.name)
        yield from self._scope(self._graph, values, 0)

    def _scope(self, graph: Any, values: dict[str, Value], depth: int) -> Iterator[Selection]:
        """A graph or function body, on the values that are visible in it, which it adds to."""
        for tensor in getattr(graph, "initializer", ()):
            values[tensor.name] = replace(CONSTANT, constant=tensor)
        reach = self._reaches.get(id(graph)) or _Reach(graph.node)
        if depth == 0 or hasattr(graph, "domain"):  # a graph or function that stays where it is; a body of If may move
            self._reaches[id(graph)] = reach
        for index, node in enumerate(graph.node):
            self._left -= 1
            if self._left < 0:
                raise TooManyNodesError
            operands = [values.get(name, CONSTANT) for name in node.input]
            found = self._select(node, f"{node.name or f'{node.op_type} number {index}'}", operands, reach)
            if found is not None:
                yield found
            outputs = [name for name in node.output if name]
            inner = yield from self._inside(node, operands, values, depth)
            for position, name in enumerate(outputs):
                values[name] = inner[position] if position < len(inner) else self._made(node, operands, name)

    def _inside(
        self, node: Any, operands: list[Value], values: dict[str, Value], depth: int
    ) -> Generator[Selection, None, list[Value]]:
        """Follow subgraphs and a called function; returns the values of the node's outputs, or none where it has no body."""
        bodies = [entry.g for entry in node.attribute if entry.HasField("g")]
        function = self._functions.get((node.domain, node.op_type))
        if depth >= _DEEPEST or (not bodies and function is None):
            return []
        if function is not None:
            inner = dict(zip(function.input, operands, strict=False))
            yield from self._scope(function, inner, depth + 1)
            return [inner.get(name, CONSTANT) for name in function.output]
        everything = joined(operands, "")
        answers: list[list[Value]] = []
        for body in bodies:
            inner = dict(values)
            self._left -= len(values) // 16
            for entry in body.input:
                inner[entry.name] = replace(everything, tests=frozenset(), gated=False, root=entry.name)
            yield from self._scope(body, inner, depth + 1)
            answers.append([inner.get(entry.name, CONSTANT) for entry in body.output])
        return [
            replace(joined([*group, everything], name), root=name)
            for name, group in zip(node.output, zip(*answers, strict=False), strict=False)
        ]

    def _made(self, node: Any, operands: list[Value], name: str) -> Value:
        if node.op_type == "Constant":
            tensor = next((entry.t for entry in node.attribute if entry.name == "value"), None)
            return replace(CONSTANT, constant=tensor)
        if node.op_type == "Where" and len(operands) == 3:
            return self._chosen(operands, name)
        return result(node, operands, name)

    def _chosen(self, operands: list[Value], name: str) -> Value:
        """The result of Where. Between two constants it is the outcome of the test once more, in other numbers."""
        condition, *branches = operands
        if condition.decides and not any(branch.sources for branch in branches):
            return replace(condition, masking=any(_is_very_negative(branch) for branch in branches))
        return replace(joined([replace(condition, tests=frozenset(), gated=False), *branches], name), tests=frozenset())

    # What decides

    def _select(self, node: Any, name: str, operands: list[Value], reach: _Reach) -> Selection | None:
        kind = node.op_type
        if kind in ("If", "Loop") and operands:
            deciding = [value for value in operands[: 2 if kind == "Loop" else 1] if value.sources]
            return self._found(name, kind, deciding[0], constant=_has_constant_branch(node)) if deciding else None
        if kind == "Where" and len(operands) == 3 and operands[0].decides:
            return self._where(node, name, operands, reach)
        if kind in PICKS and len(operands) > 1:
            return self._pick(name, kind, operands)
        return self._blend(node, name, operands, reach) if kind in BLENDS else None

    def _where(self, node: Any, name: str, operands: list[Value], reach: _Reach) -> Selection | None:
        condition, *branches = operands
        moving = [branch for branch in branches if branch.sources]
        if not moving:
            return None
        if any(_is_very_negative(branch) for branch in branches) and reach.is_attention(node.output[0]):
            return self._pass("attention masks")
        if all(branch.root == condition.root for branch in moving) and not self._is_odd(condition):
            return self._pass("element by element")
        if self._is_padding(condition):
            return self._pass("padding")
        return self._found(name, "Where", condition, constant=len(moving) < len(branches))

    def _blend(self, node: Any, name: str, operands: list[Value], reach: _Reach) -> Selection | None:
        """Arithmetic of a test's outcome with something else that moves: a choice in disguise."""
        others = [value for value in operands if value.sources and not value.decides]
        for position, value in enumerate(operands):
            if not value.decides or all(other.root == value.root for other in others):
                continue
            if not value.tests and node.op_type in ("Div", "Pow") and position > 0:
                continue
            if value.masking and reach.is_attention(node.output[0]):
                return self._pass("attention masks")
            if self._is_padding(value) or not (value.reduced or value.sources & self._floats):
                return self._pass("padding")
            return self._found(name, node.op_type, value, constant=node.op_type in ("Add", "Sub", "Sum"))
        return None

    def _pick(self, name: str, kind: str, operands: list[Value]) -> Selection | None:
        """A place in a constant, or in data with a constant laid beside it, that a test's outcome looks up."""
        chosen, *indices = operands
        for index in indices:
            if index.decides and index.reduced and (chosen.mixed or not chosen.sources):
                return self._found(name, kind, index, constant=True)
        return None

    def _found(self, name: str, kind: str, value: Value, *, constant: bool) -> Selection | None:
        """Each decision is reported once for each kind of operator that uses it."""
        if (value.root, kind) in self._seen:
            return None
        self._seen.add((value.root, kind))
        test = ", ".join(sorted(value.tests)) or "a computed condition"
        return Selection(name, kind, test, tuple(sorted(value.sources)), constant, value.reduced)

    def _pass(self, kind: str) -> Selection | None:
        self.passed[kind] += 1
        return None

    def _is_padding(self, condition: Value) -> bool:
        """Whether only inputs that say which places count decide."""
        return all("mask" in name.lower() and name not in self._floats for name in condition.sources)

    def _is_odd(self, condition: Value) -> bool:
        """Whether single elements are tested for equality with a number that no activation function asks for."""
        for test in condition.tests:
            kind, _, operand = test.partition(" ")
            if kind == "Equal" and operand:
                number = float(operand) if _is_number(operand) else None
                usual = (0.0,) if condition.sources & self._floats else range(-100, _USUAL_FILLED + 1)
                if number not in usual and number not in (float("inf"), float("-inf")):
                    return True
        return False


class _Reach:
    """Where the values of one scope lead to."""

    def __init__(self, nodes: Any) -> None:
        self._readers: dict[str, list[Any]] = defaultdict(list)
        for node in nodes:
            for name in node.input:
                self._readers[name].append(node)

    def is_attention(self, name: str) -> bool:
        """Whether a value goes into a softmax whose result then weighs others: attention, and no classifier's last step."""
        return any(
            kind in _PRODUCTS or self._arrives(out, _TO_PRODUCT, _PRODUCTS)
            for kind, out in self._ends(name, _TO_SOFTMAX, _PRODUCTS - {"MatMul", "Einsum", "Gemm"} | {"Softmax"})
        )

    def _arrives(self, name: str, through: frozenset[str], ends: frozenset[str]) -> bool:
        return next(iter(self._ends(name, through, ends)), None) is not None

    def _ends(self, name: str, through: frozenset[str], ends: frozenset[str]) -> Iterator[tuple[str, str]]:
        waiting, seen = [name], {name}
        while waiting and len(seen) < _FARTHEST:
            for node in self._readers.get(waiting.pop(), ()):
                if node.op_type in ends and node.output:
                    yield node.op_type, node.output[0]
                elif node.op_type in through:
                    fresh = [out for out in node.output if out not in seen]
                    seen.update(fresh)
                    waiting += fresh


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_very_negative(value: Value) -> bool:
    number = scalar_of(value)
    if number is not None:
        return number <= VERY_NEGATIVE
    numbers = numbers_of(value.constant)
    return bool(numbers) and min(numbers) <= VERY_NEGATIVE and max(numbers) <= 0


def _has_constant_branch(node: Any) -> bool:
    """Whether a branch of If gives the same answer for every input: nothing in it reads a value from outside."""
    bodies = [entry.g for entry in node.attribute if entry.HasField("g")]
    for body in bodies:
        own = {tensor.name for tensor in body.initializer} | {name for inner in body.node for name in inner.output}
        if all(name in own for inner in body.node for name in inner.input if name):
            return True
    return False
