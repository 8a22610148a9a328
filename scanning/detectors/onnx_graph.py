"""An ONNX file as a differentiable torch module: nodes run in file order, initialisers are buffers.

The graph is walked, never turned into Python source, so that nothing from a hostile file is executed. Tensors kept in
other files, sub-graphs and local functions are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # protobuf ships no types; onnx brings it
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper
from torch import Tensor, nn

from scanning.detectors.base import ModelLoadError
from scanning.detectors.onnx_ops import OPERATORS, Attributes, Operator, UnsupportedGraphError

MAX_ONNX_BYTES = 512 * 1024**2
RANKS = (2, 4)  # of the batch that a graph takes: features, or images
_MAX_NODES = 20_000
_STANDARD_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class _Step:
    """One node: the function, its attributes, the names it reads ("" for a left-out one) and the name it writes."""

    run: Operator
    attributes: Attributes
    reads: tuple[str, ...]
    writes: str


class OnnxModule(nn.Module):
    """Images [B, C, H, W] -> the graph's first output. A graph whose input has two axes gets [B, C·H·W]."""

    def __init__(
        self, steps: tuple[_Step, ...], constants: dict[str, Tensor], entry: str, rank: int, exit_: str
    ) -> None:
        super().__init__()
        self._steps, self._entry, self._rank, self._exit = steps, entry, rank, exit_
        self._names = {name: f"constant_{place}" for place, name in enumerate(constants)}
        for name, value in constants.items():
            self.register_buffer(self._names[name], value)

    def forward(self, images: Tensor) -> Tensor:
        values: dict[str, Tensor] = {name: self.get_buffer(place) for name, place in self._names.items()}
        values[self._entry] = images.flatten(1) if self._rank == 2 else images
        for step in self._steps:
            values[step.writes] = step.run(step.attributes, [values[name] if name else None for name in step.reads])
        return values[self._exit]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """A parsed file: its initialisers as tensors, the operators in order, and the way to a module."""

    name: str
    model: ModelProto
    tensors: dict[str, Tensor]
    operators: list[str]

    def build(self) -> OnnxModule:
        """The differentiable module. Raises UnsupportedGraphError naming the first thing it cannot run."""
        graph = self.model.graph
        opset = max((row.version for row in self.model.opset_import if row.domain in _STANDARD_DOMAINS), default=1)
        entries = [value for value in graph.input if value.name not in self.tensors]
        if len(entries) != 1 or not graph.output:
            raise UnsupportedGraphError(f"the graph has {len(entries)} inputs where one batch of images is expected")
        rank = len(entries[0].type.tensor_type.shape.dim)
        if rank not in RANKS:
            raise UnsupportedGraphError(
                f"the graph's input has {rank} axes where [N, C, H, W] or [N, features] is expected"
            )
        constants = dict(self.tensors)
        steps = []
        known = {*constants, entries[0].name}
        for node in graph.node:
            if node.op_type == "Constant" and node.domain in _STANDARD_DOMAINS:
                constants[node.output[0]] = _constant(node, self.name)
            else:
                steps.append(_step(node, opset))
                if missing := [name for name in node.input if name and name not in known]:
                    raise ModelLoadError(f"{self.name}: node {node.op_type} reads {missing[0]!r}, which nothing writes")
            known.add(node.output[0])
        if graph.output[0].name not in known:
            raise ModelLoadError(f"{self.name}: nothing writes the graph's output")
        return OnnxModule(tuple(steps), constants, entries[0].name, rank, graph.output[0].name)


def read_onnx(path: Path) -> OnnxGraph:
    """Parse an ONNX file. Raises ModelLoadError."""
    if path.stat().st_size > MAX_ONNX_BYTES:
        raise ModelLoadError(f"{path.name}: an ONNX file may not exceed {MAX_ONNX_BYTES // 1024**2} MiB")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError) as error:
        raise ModelLoadError(f"{path.name}: not a whole ONNX file") from error
    graph = model.graph
    if not graph.node or not graph.input:
        raise ModelLoadError(f"{path.name}: holds no ONNX graph")
    if len(graph.node) > _MAX_NODES:
        raise ModelLoadError(f"{path.name}: {len(graph.node)} nodes exceed the limit of {_MAX_NODES}")
    if any(not node.output for node in graph.node):
        raise ModelLoadError(f"{path.name}: a node writes nothing")
    tensors = {tensor.name: _tensor(tensor, path.name) for tensor in graph.initializer}
    return OnnxGraph(name=path.name, model=model, tensors=tensors, operators=[node.op_type for node in graph.node])


def _step(node: NodeProto, opset: int) -> _Step:
    if node.domain not in _STANDARD_DOMAINS or node.op_type not in OPERATORS:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise UnsupportedGraphError(f"the graph uses the operator {name}, which cannot be run here")
    if [name for name in node.output if name][1:]:
        raise UnsupportedGraphError(f"the graph uses a further output of {node.op_type}, which cannot be run here")
    values = dict(_attribute_values(node))
    return _Step(OPERATORS[node.op_type], Attributes(node.op_type, opset, values), tuple(node.input), node.output[0])


def _attribute_values(node: NodeProto) -> Iterator[tuple[str, object]]:
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if not isinstance(value, int | float | bytes | str | list | TensorProto):
            raise UnsupportedGraphError(f"the graph uses a sub-graph in {node.op_type}, which cannot be run here")
        yield attribute.name, value


def _constant(node: NodeProto, file: str) -> Tensor:
    for name, value in _attribute_values(node):
        if name == "value" and isinstance(value, TensorProto):
            return _tensor(value, file)
        if name in ("value_int", "value_ints"):
            return torch.tensor(value, dtype=torch.int64)
        if name in ("value_float", "value_floats"):
            return torch.tensor(value, dtype=torch.float32)
    raise UnsupportedGraphError("the graph uses a Constant that is no tensor or number, which cannot be run here")


def _tensor(tensor: TensorProto, file: str) -> Tensor:
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ModelLoadError(f"{file}: keeps tensors in other files; export it as one file")
    try:
        return torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelLoadError(f"{file}: the tensor {tensor.name!r} is broken") from error
