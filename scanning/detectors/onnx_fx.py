"""ONNX nodes as a `torch.fx.GraphModule`, so that what works on fx graphs (batch norm folding) works on them.

A GraphModule turns its graph into Python source. Nothing of the file gets into that source: every name in it is made
here from a number, and attributes, constants and operator names stay inside the modules that the source calls.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, fx, nn

from scanning.detectors.base import TOO_MUCH_MEMORY, ModelLoadError, out_of_memory
from scanning.detectors.onnx_ops import OPERATORS, OUTPUTS, PARAMETERS, Attributes, Operator, UnsupportedGraphError
from scanning.detectors.onnx_ops_base import shown
from scanning.detectors.onnx_ops_windows import same_padding

# What odd values in a hostile node make torch and Python raise.
_BROKEN = (
    RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError, AssertionError,
    NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node of the file: how to run it, the names it reads ("" for a left-out one) and the names it writes."""

    attributes: Attributes
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class Step(nn.Module):
    """One operator as a module. `fixed` holds constant inputs that only say how to run, by their places."""

    def __init__(self, run: Operator, attributes: Attributes, fixed: dict[int, Tensor]) -> None:
        super().__init__()
        self._run, self._attributes, self._fixed = run, attributes, fixed

    def forward(self, *inputs: Tensor | None) -> Tensor | tuple[Tensor, ...]:
        values = [self._fixed.get(place, value) for place, value in enumerate(inputs)]
        try:
            found = self._run(self._attributes, values)
        except (KeyError, AttributeError, ArithmeticError, AssertionError) as error:
            raise ValueError(f"the operator {self._attributes.operator} cannot take its inputs") from error
        results = found if isinstance(found, tuple) else (found,)
        if len(results) < self._attributes.outputs:
            raise self._attributes.refuse(f"{self._attributes.outputs} outputs")
        return results[0] if self._attributes.outputs == 1 else results[: self._attributes.outputs]


class AnyBatchNorm(nn.BatchNorm2d):
    """Batch norm with fixed statistics over axis 1 of a tensor of any rank, as ONNX has it."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass


def build_body(nodes: Sequence[OnnxNode], constants: dict[str, Tensor], entry: str, exit_: str) -> fx.GraphModule:
    """The part of the graph that leads from input `entry` to output `exit_`, constants worked out.

    Raises UnsupportedGraphError for what cannot be run, ModelLoadError for nodes that contradict themselves.
    """
    live = _leading_to(nodes, exit_)
    builder = _Builder(constants=constants, uses=Counter(name for node in live for name in node.reads))
    builder.uses[exit_] += 1
    builder.known[entry] = builder.graph.placeholder("images")
    for node in live:
        builder.add(node)
    builder.graph.output(builder.argument(exit_))
    return fx.GraphModule(builder.root, builder.graph)


def _leading_to(nodes: Sequence[OnnxNode], exit_: str) -> list[OnnxNode]:
    wanted, live = {exit_}, []
    for node in reversed(nodes):
        if wanted & set(filter(None, node.writes)):
            live.append(node)
            wanted.update(node.reads)
    return live[::-1]


@dataclass
class _Builder:
    """The graph so far. known: what each name of the file stands for, a constant or a value of the graph."""

    constants: dict[str, Tensor]
    uses: Counter[str]
    root: nn.Module = field(default_factory=nn.Module)
    graph: fx.Graph = field(default_factory=fx.Graph)
    known: dict[str, Tensor | fx.Node] = field(default_factory=dict)
    placed: dict[int, fx.Node] = field(default_factory=dict)
    without_bias: dict[fx.Node, nn.Linear] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known.update(self.constants)

    def add(self, node: OnnxNode) -> None:
        inputs = [self.known[name] if name else None for name in node.reads]
        try:
            if any(isinstance(value, fx.Node) for value in inputs):
                self._place(node, inputs)
            else:
                self._work_out(node, [value for value in inputs if not isinstance(value, fx.Node)])
        except (UnsupportedGraphError, ModelLoadError):
            raise
        except _BROKEN as error:
            if out_of_memory(error):
                raise ModelLoadError(TOO_MUCH_MEMORY) from error
            name = shown(node.attributes.operator)
            raise ModelLoadError(f"the graph is broken: a node {name} contradicts its own inputs") from error
        for name in filter(None, node.reads):
            self.uses[name] -= 1
            if not self.uses[name]:
                self.known.pop(name, None)  # constants that were only steps on the way to others are let go

    def argument(self, name: str) -> fx.Node:
        """The value of this name in the graph; a constant becomes a buffer."""
        value = self.known[name]
        if isinstance(value, fx.Node):
            return value
        if id(value) not in self.placed:
            target = f"constant_{len(self.placed)}"
            self.root.register_buffer(target, value)
            self.placed[id(value)] = self.graph.get_attr(target)
        return self.placed[id(value)]

    @torch.no_grad()
    def _work_out(self, node: OnnxNode, inputs: list[Tensor | None]) -> None:
        """A node that reads constants alone is run once, here."""
        found = Step(_operator(node), node.attributes, {})(*inputs)
        self._name(node, found if isinstance(found, tuple) else (found,))

    def _place(self, node: OnnxNode, inputs: list[Tensor | fx.Node | None]) -> None:
        kind = node.attributes.operator
        if kind == "BatchNormalization" and node.attributes.integer("training_mode", 0):
            raise node.attributes.refuse("training_mode")
        if kind == "Add" and self._joins_bias(node, inputs):
            return
        if weighted := _weighted(node, inputs):
            source = self._padded(node, inputs)
            value = self._call("weighted", weighted, (source,))
            if isinstance(weighted, nn.Linear) and kind == "MatMul":
                self.without_bias[value] = weighted
            self._name(node, (value,))
            return
        fixed = {
            place: held
            for place in PARAMETERS.get(kind, ())
            if place < len(inputs) and isinstance(held := inputs[place], Tensor)
        }
        arguments = tuple(
            self.argument(name) if name and place not in fixed else None for place, name in enumerate(node.reads)
        )
        value = self._call("step", Step(_operator(node), node.attributes, fixed), arguments)
        several = node.attributes.outputs
        if several == 1:
            self._name(node, (value,))
        else:
            self._name(node, [self.graph.call_function(operator.getitem, (value, part)) for part in range(several)])

    def _padded(self, node: OnnxNode, inputs: list[Tensor | fx.Node | None]) -> fx.Node:
        """What the layer reads; a convolution that pads its two sides differently has its padding as an own step."""
        source = inputs[0]
        assert isinstance(source, fx.Node)
        if node.attributes.operator != "Conv" or _even_pads(node.attributes) is not None:
            return source
        kernel = inputs[1]
        assert isinstance(kernel, Tensor)
        values = {**node.attributes.values, "kernel_shape": list(kernel.shape[2:])}
        attributes = Attributes("Conv", node.attributes.opset, values)
        return self._call("padding", Step(same_padding, attributes, {}), (source,))

    def _joins_bias(self, node: OnnxNode, inputs: list[Tensor | fx.Node | None]) -> bool:
        """MatMul with a weight and then Add of a constant row is one Linear."""
        for place, other in ((0, 1), (1, 0)):
            value, bias = inputs[place], inputs[other]
            if not (isinstance(value, fx.Node) and isinstance(bias, Tensor)):
                continue
            if value.users or self.uses[node.reads[place]] != 1:
                continue  # somebody else reads the product without the bias
            linear = self.without_bias.get(value)
            if linear is not None and list(bias.shape) == [linear.out_features] and bias.dtype == linear.weight.dtype:
                linear.bias = _parameter(bias)
                del self.without_bias[value]
                self._name(node, (value,))
                return True
        return False

    def _call(self, kind: str, module: nn.Module, arguments: tuple[fx.Node | None, ...]) -> fx.Node:
        target = f"{kind}_{len(self.graph.nodes)}"
        self.root.add_module(target, module)
        return self.graph.call_module(target, arguments)

    def _name(self, node: OnnxNode, values: Sequence[Tensor | fx.Node]) -> None:
        self.known.update({name: value for name, value in zip(node.writes, values, strict=False) if name})


def _operator(node: OnnxNode) -> Operator:
    kind = node.attributes.operator
    if kind not in OPERATORS:
        raise UnsupportedGraphError(f"the graph uses the operator {shown(kind)}, which cannot be run here")
    if node.attributes.outputs > OUTPUTS.get(kind, 1):
        raise UnsupportedGraphError(f"the graph uses a further output of {kind}, which cannot be run here")
    return OPERATORS[kind]


def _weighted(node: OnnxNode, inputs: list[Tensor | fx.Node | None]) -> nn.Module | None:
    """A torch layer that holds the node's constant weights; None where the node is no such layer."""
    makers = {"Conv": _convolution, "Gemm": _linear, "MatMul": _linear, "BatchNormalization": _normalisation}
    maker, held = makers.get(node.attributes.operator), inputs[1:]
    if maker is None or len(node.writes) != 1 or not held or not isinstance(inputs[0], fx.Node):
        return None
    constants = [value for value in held if isinstance(value, Tensor)]
    given_ones = [value for value in held if value is not None]
    if len(constants) != len(given_ones) or held[0] is None:
        return None
    if not all(value.is_floating_point() and value.dtype == constants[0].dtype for value in constants):
        return None
    return maker(node.attributes, constants)


def _parameter(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value, requires_grad=False)


def _even_pads(attributes: Attributes) -> list[int] | None:
    """The padding of a convolution where it is the same on both sides and known from the file alone, else None."""
    mode, pads = attributes.text("auto_pad", "NOTSET"), attributes.integers("pads", [])
    if mode == "VALID" or (mode == "NOTSET" and not pads):
        return []
    half = len(pads) // 2
    return pads[:half] if mode == "NOTSET" and pads[:half] == pads[half:] and min(pads) >= 0 else None


def _convolution(attributes: Attributes, constants: list[Tensor]) -> nn.Module | None:
    weight, bias = constants[0], constants[1] if len(constants) > 1 else None
    axes = weight.dim() - 2
    if axes not in (1, 2, 3) or len(constants) > 2:
        return None
    pads, group = _even_pads(attributes), attributes.integer("group", 1)
    makers: list[Callable[..., nn.Conv1d | nn.Conv2d | nn.Conv3d]] = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
    layer = makers[axes - 1](
        weight.shape[1] * group,
        weight.shape[0],
        tuple(weight.shape[2:]),
        tuple(attributes.integers("strides", [1] * axes)),
        tuple(pads) if pads else 0,
        tuple(attributes.integers("dilations", [1] * axes)),
        group,
        bias is not None,
        device="meta",  # the weights are put in below; drawing some first would move torch's random state
    )
    layer.weight = _parameter(weight)
    layer.bias = None if bias is None else _parameter(bias)
    return layer


def _linear(attributes: Attributes, constants: list[Tensor]) -> nn.Module | None:
    weight, bias = constants[0], constants[1] if len(constants) > 1 else None
    if weight.dim() != 2 or attributes.integer("transA", 0) or len(constants) > 2:
        return None
    rows = weight if attributes.integer("transB", 0) else weight.t()  # [out, in]
    alpha, beta = attributes.number("alpha", 1.0), attributes.number("beta", 1.0)
    layer = nn.Linear(rows.shape[1], rows.shape[0], bias is not None, device="meta")
    layer.weight = _parameter(rows if alpha == 1.0 else alpha * rows)
    if bias is not None:
        if bias.numel() not in (1, rows.shape[0]) or bias.numel() != bias.shape[-1:].numel():
            return None
        spread = bias.reshape(-1).expand(rows.shape[0])
        layer.bias = _parameter(spread.clone() if beta == 1.0 else beta * spread)
    return layer


def _normalisation(attributes: Attributes, constants: list[Tensor]) -> nn.Module | None:
    if len(constants) != 4 or not attributes.integer("spatial", 1):
        return None
    scale, shift, mean, variance = constants
    layer = AnyBatchNorm(len(scale), attributes.number("epsilon", 1e-5), device="meta")
    layer.weight, layer.bias = _parameter(scale), _parameter(shift)
    layer.running_mean, layer.running_var = mean, variance
    layer.num_batches_tracked = None
    return layer.eval()
