"""An ONNX file as a differentiable torch module.

Nothing from the file becomes Python source or is executed. Tensors kept in other files and sub-graphs are refused; the
file's own functions are put in place of their calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # protobuf ships no types; onnx brings it
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, inliner, numpy_helper
from torch import Tensor, fx, nn

from scanning.detectors.base import ModelLoadError
from scanning.detectors.onnx_fx import OnnxNode, build_body
from scanning.detectors.onnx_ops import Attributes, UnsupportedGraphError
from scanning.detectors.onnx_ops_base import DTYPES, shown

MAX_ONNX_BYTES = 512 * 1024**2
RANKS = (2, 4)  # of the batch that a graph takes: features, or images
_MAX_NODES = 20_000
_STANDARD_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a graph says of its input: sizes of the axes, None where any will do, and the element type."""

    sizes: tuple[int | None, ...]
    dtype: torch.dtype


class OnnxModule(nn.Module):
    """Images [B, C, H, W] -> the graph's first output [B, classes]. A graph whose input has two axes gets [B, C·H·W].

    A graph that was exported for batches of one size N gets its images N at a time, the last N filled up, so that each
    image is seen as the graph would see it in use. Gradients flow back to the images.
    """

    def __init__(self, body: fx.GraphModule, entry: Entry) -> None:
        super().__init__()
        self.body, self._entry = body, entry
        self._vectorised = True

    def with_body(self, body: fx.GraphModule) -> OnnxModule:
        """The same graph with another way to run it."""
        return OnnxModule(body, self._entry)

    def forward(self, images: Tensor) -> Tensor:
        sizes = self._entry.sizes
        values = images.flatten(1) if len(sizes) == 2 else images
        if values.dim() != len(sizes) or any(
            size is not None and size != found for size, found in zip(sizes[1:], values.shape[1:], strict=True)
        ):
            wanted = [size or "any" for size in sizes[1:]]
            raise UnsupportedGraphError(
                f"the graph takes images of shape {wanted}, not {list(values.shape[1:])}".replace("'", "")
            )
        values = values.to(self._entry.dtype)
        scores: Tensor = self.body(values) if sizes[0] in (None, len(values)) else self._by_parts(values, sizes[0])
        return scores.to(images.dtype) if scores.is_floating_point() else scores

    def _by_parts(self, values: Tensor, size: int) -> Tensor:
        missing = -len(values) % size
        filled = torch.cat([values, values[-1:].expand(missing, *values.shape[1:])]) if missing else values
        parts = filled.reshape(-1, size, *values.shape[1:])  # [parts, N, C, H, W]
        scores = self._of_parts(parts)
        if scores.dim() < 2 or scores.shape[1] != size:
            raise UnsupportedGraphError(f"the graph takes {size} images and does not give {size} rows of scores")
        return scores.flatten(0, 1)[: len(values)]

    def _of_parts(self, parts: Tensor) -> Tensor:
        if self._vectorised:
            try:
                scores: Tensor = torch.vmap(self.body)(parts)
                return scores
            except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
                self._vectorised = False  # some operator asks for numbers, which all parts together do not have
        return torch.stack([self.body(part) for part in parts])


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
        name, entry = _entry(self.model, self.tensors)
        constants, nodes = dict(self.tensors), []
        known, readers, opset = {*constants, name}, _readers(self.model), _opset(self.model)
        for node in graph.node:
            if missing := [read for read in node.input if read and read not in known]:
                raise ModelLoadError(
                    f"{self.name}: node {shown(node.op_type)} reads {shown(missing[0])!r}, which nothing writes"
                )
            if node.op_type == "Constant" and node.domain in _STANDARD_DOMAINS:
                constants[node.output[0]] = _constant(node, self.name)
            else:
                nodes.append(_node(node, opset, readers, self.name))
            if known & set(filter(None, node.output)):
                raise ModelLoadError(f"{self.name}: two nodes write the same name, so the graph has no one meaning")
            known.update(node.output)
        if graph.output[0].name not in known:
            raise ModelLoadError(f"{self.name}: nothing writes the graph's output")
        try:
            return OnnxModule(build_body(nodes, constants, name, graph.output[0].name), entry)
        except ModelLoadError as error:
            raise ModelLoadError(f"{self.name}: {error}") from error


def read_onnx(path: Path) -> OnnxGraph:
    """Parse an ONNX file. Raises ModelLoadError."""
    if path.stat().st_size > MAX_ONNX_BYTES:
        raise ModelLoadError(f"{path.name}: an ONNX file may not exceed {MAX_ONNX_BYTES // 1024**2} MiB")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError) as error:
        raise ModelLoadError(f"{path.name}: not a whole ONNX file") from error
    if not model.graph.node or not model.graph.input:
        raise ModelLoadError(f"{path.name}: holds no ONNX graph")
    if model.functions:
        model = _inlined(model, path.name)
    graph = model.graph
    if len(graph.node) > _MAX_NODES:
        raise ModelLoadError(f"{path.name}: {len(graph.node)} nodes exceed the limit of {_MAX_NODES}")
    if any(not node.output for node in graph.node):
        raise ModelLoadError(f"{path.name}: a node writes nothing")
    if graph.sparse_initializer:
        raise ModelLoadError(f"{path.name}: keeps sparse tensors; export it with ordinary ones")
    if not all(isinstance(name, str) for name in _names(graph)):
        raise ModelLoadError(f"{path.name}: a name in it is no text")  # protobuf hands bytes that are not UTF-8 on
    tensors = {}
    for tensor in graph.initializer:
        tensors[tensor.name] = _tensor(tensor, path.name)
        tensor.ClearField("raw_data")  # the weights need not be kept twice
    return OnnxGraph(name=path.name, model=model, tensors=tensors, operators=[node.op_type for node in graph.node])


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    yield from (value.name for part in (graph.initializer, graph.input, graph.output) for value in part)
    for node in graph.node:
        yield from (node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _inlined(model: ModelProto, file: str) -> ModelProto:
    """The model with its own functions in place of their calls. Counted first: calls of calls can double for ever."""
    functions = {(function.domain, function.name): function for function in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size_of(nodes: FunctionProto | onnx.GraphProto, inside: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in nodes.node:
            key = (node.domain, node.op_type)
            if key in inside or len(inside) > 100:
                raise ModelLoadError(f"{file}: a function of the graph calls itself")
            if key in functions and key not in sizes:
                sizes[key] = size_of(functions[key], (*inside, key))
            total += sizes.get(key, 1)
        return total

    every = [model.graph, *model.functions]
    if any(
        attribute.HasField("g") or attribute.graphs
        for part in every
        for node in part.node
        for attribute in node.attribute
    ):
        return model  # sub-graphs cannot be run; what they call is not counted, so nothing is put in place of calls
    if sum(size_of(part, ()) for part in every) > _MAX_NODES:
        raise ModelLoadError(f"{file}: its functions grow beyond the limit of {_MAX_NODES} nodes")
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, IndexError, DecodeError) as error:
        raise ModelLoadError(f"{file}: its functions cannot be read") from error


def _opset(model: ModelProto) -> int:
    return max((row.version for row in model.opset_import if row.domain in _STANDARD_DOMAINS), default=1)


def _entry(model: ModelProto, tensors: dict[str, Tensor]) -> tuple[str, Entry]:
    graph = model.graph
    entries = [value for value in graph.input if value.name not in tensors]
    if not graph.output:
        raise UnsupportedGraphError("the graph has no output, so it gives no scores")
    if len(entries) != 1:
        raise UnsupportedGraphError(f"the graph has {len(entries)} inputs where one batch of images is expected")
    kind = entries[0].type.tensor_type
    if len(kind.shape.dim) not in RANKS:
        raise UnsupportedGraphError(
            f"the graph's input has {len(kind.shape.dim)} axes where [N, C, H, W] or [N, features] is expected"
        )
    dtype = DTYPES.get(kind.elem_type)
    if dtype is None or not dtype.is_floating_point:
        raise UnsupportedGraphError("the graph takes whole numbers, through which no gradient can be followed")
    sizes = tuple(axis.dim_value if axis.dim_value > 0 else None for axis in kind.shape.dim)
    return entries[0].name, Entry(sizes, dtype)


def _readers(model: ModelProto) -> dict[str, set[str]]:
    """For each name the operators that read it; "" stands for the graph's own output."""
    readers: dict[str, set[str]] = {value.name: {""} for value in model.graph.output}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return readers


def _node(node: NodeProto, opset: int, readers: dict[str, set[str]], file: str) -> OnnxNode:
    kind = node.op_type
    if node.domain not in _STANDARD_DOMAINS:
        kind = f"{node.domain}.{kind}"  # no operator of ours has such a name, so it is refused by it
    wanted = len(node.output)
    while wanted > 1 and node.output[wanted - 1] not in readers and kind != "Split":
        wanted -= 1  # further outputs that nobody reads need not be had
    values = {name: _tensor(value, file) if isinstance(value, TensorProto) else value for name, value in _values(node)}
    floating = kind == "QuantizeLinear" and readers.get(node.output[0]) == {"DequantizeLinear"}
    return OnnxNode(Attributes(kind, opset, values, wanted, floating), tuple(node.input), tuple(node.output[:wanted]))


def _values(node: NodeProto) -> Iterator[tuple[str, object]]:
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if not isinstance(value, int | float | bytes | str | list | TensorProto):
            name = shown(node.op_type)
            raise UnsupportedGraphError(f"the graph uses a sub-graph in {name}, which cannot be run here")
        yield attribute.name, value


def _constant(node: NodeProto, file: str) -> Tensor:
    for name, value in _values(node):
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
        if tensor.data_type == TensorProto.BFLOAT16:
            return torch.from_numpy(np.array(numpy_helper.to_array(tensor)).view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelLoadError(f"{file}: the tensor {shown(tensor.name)!r} is broken") from error
