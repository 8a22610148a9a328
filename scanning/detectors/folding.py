"""A frozen model made cheaper to search with: batch norms folded into the layer before them, weights channels last.

A batch norm with fixed statistics is y = (x - mean) / sqrt(variance + eps) * scale + shift, one multiplication and one
addition for each channel, so the convolution or linear layer before it can do it by its own weights. Nothing is changed
but rounding; the model that is handed in keeps its own weights.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn

from scanning.detectors.onnx_fx import AnyBatchNorm, Step
from scanning.detectors.onnx_graph import OnnxModule

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_LAYERS = (*_CONVOLUTIONS, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, AnyBatchNorm)
# What a module that fx cannot follow (it branches on numbers, say) raises.
_UNTRACEABLE = (
    fx.proxy.TraceError, RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError, LookupError,
)  # fmt: skip


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """A module that gives the same as `module` up to rounding, with batch norms folded where that is possible.

    Takes any module whose forward torch.fx can follow, and ONNX graphs; gives `module` itself where nothing can be
    folded. The result shares the weights that did not change. Both are in eval mode with frozen weights.
    """
    module.eval().requires_grad_(False)
    folded = _folded(module)
    return module if folded is None else folded.eval().requires_grad_(False)


def prepare_for_search(module: nn.Module) -> nn.Module:
    """The module for many passes over images [B, C, H, W] float32: folded, weights laid out channels last.

    Gives the same logits up to rounding, and gradients to the images. `module` itself keeps its weights as they are.
    """
    return _ChannelsLast(copy.deepcopy(fold_batch_norms(module))).eval()


class _ChannelsLast(nn.Module):
    """Lays images and weights out channels last, which convolutions on the CPU read faster."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        for part in inner.modules():
            if isinstance(part, nn.Conv2d):  # by hand: `to` would also try tensors of five axes, and fail
                part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.inner(images.contiguous(memory_format=torch.channels_last))
        return scores


class _Tracer(fx.Tracer):
    """Follows everything but torch's own layers and ONNX graphs, which are dealt with by themselves."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, OnnxModule | Step) or super().is_leaf_module(m, module_qualified_name)


class _LinearNorm(nn.Module):
    """A linear layer and its batch norm in one, for rows [B, features]; other ranks, which norm another axis, by both."""

    def __init__(self, folded: nn.Linear, linear: nn.Linear, norm: nn.Module) -> None:
        super().__init__()
        self.folded, self.linear, self.norm = folded, linear, norm

    def forward(self, rows: Tensor) -> Tensor:
        found: Tensor = self.folded(rows) if rows.dim() == 2 else self.norm(self.linear(rows))
        return found


def _folded(module: nn.Module) -> nn.Module | None:
    """A folded copy, or None where there is nothing to fold."""
    if isinstance(module, OnnxModule):
        body = _folded(module.body)
        return module.with_body(body) if isinstance(body, fx.GraphModule) else None
    traced = _traced(module) if list(module.children()) else None
    if traced is None or not _fold_all(traced):
        return None
    traced.graph.lint()
    traced.recompile()
    return traced


def _traced(module: nn.Module) -> fx.GraphModule | None:
    """A graph of its own over the layers of `module`, which stay the same objects."""
    if isinstance(module, fx.GraphModule):
        return fx.GraphModule(module, copy.deepcopy(module.graph))
    try:
        graph = _Tracer().trace(module)
    except _UNTRACEABLE:
        return None
    return fx.GraphModule(module, graph)


def _fold_all(traced: fx.GraphModule) -> int:
    """Fold in place every pair of layer and batch norm, and every ONNX graph inside; how many there were."""
    layers = dict(traced.named_modules(remove_duplicate=False))
    done = 0
    for node in list(traced.graph.nodes):
        if node.op != "call_module":
            continue
        inside = layers[node.target]
        if isinstance(inside, OnnxModule):
            if (folded := _folded(inside)) is not None:
                _put(traced, node, folded, done)
                done += 1
            continue
        if (pair := _pair(node, layers)) is None:
            continue
        layer, norm, before = pair
        _put(traced, before, _joined(layer, norm), done)
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
        done += 1
    traced.delete_all_unused_submodules()
    return done


def _put(traced: fx.GraphModule, node: fx.Node, layer: nn.Module, number: int) -> None:
    """Have this one call run `layer`; other calls of the layer that it ran keep theirs."""
    node.target = f"folded_{number}"
    traced.add_submodule(node.target, layer)


def _pair(node: fx.Node, layers: dict[str, nn.Module]) -> tuple[nn.Module, nn.Module, fx.Node] | None:
    """(layer, norm, the layer's node) where `node` is a batch norm that alone reads a layer of as many channels."""
    norm = layers[str(node.target)]
    before = node.args[0] if len(node.args) == 1 and not node.kwargs else None
    if type(norm) not in _NORMS or not isinstance(before, fx.Node) or before.op != "call_module":
        return None
    layer = layers.get(str(before.target))
    if layer is None or type(layer) not in _LAYERS or len(before.users) != 1 or _hooked(layer) or _hooked(norm):
        return None
    weight, mean = _held(layer, "weight"), _held(norm, "running_mean")
    return (layer, norm, before) if weight is not None and mean is not None and len(weight) == len(mean) else None


def _hooked(layer: nn.Module) -> bool:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(layer, name, None) for name in names)


def _held(module: nn.Module, name: str) -> Tensor | None:
    value = getattr(module, name)
    return value if isinstance(value, Tensor) else None


@torch.no_grad()
def _joined(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """One layer for both. Worked out in float64, so that the weights are rounded once."""
    weight, mean, variance = _held(layer, "weight"), _held(norm, "running_mean"), _held(norm, "running_var")
    assert isinstance(norm, _NORMS)
    assert weight is not None
    assert mean is not None
    assert variance is not None
    bias, scale, shift = _held(layer, "bias"), _held(norm, "weight"), _held(norm, "bias")
    factor = (variance.double() + norm.eps).rsqrt()  # [channels]
    factor = factor if scale is None else factor * scale.double()
    start = (0 if bias is None else bias.double()) - mean.double()
    start = start * factor if shift is None else start * factor + shift.double()
    folded = copy.copy(layer)
    folded._parameters = dict(layer._parameters)  # noqa: SLF001 - a layer of its own that shares no slot with the first
    scaled = weight.double() * factor.reshape([-1] + [1] * (weight.dim() - 1))
    folded.register_parameter("weight", nn.Parameter(scaled.to(weight.dtype), requires_grad=False))
    folded.register_parameter("bias", nn.Parameter(start.to(weight.dtype), requires_grad=False))
    if isinstance(folded, nn.Linear) and isinstance(layer, nn.Linear):
        return _LinearNorm(folded, layer, norm)
    return folded
