"""The last linear layer of a classifier, and the features that go into it.

Statistics of the last layer and tests of a training set stand on the same three things: one row of weights per class,
one bias per class, and what the rest of the network hands that layer. They are taken only where they explain what the
model gives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanning.detectors.base import at_once, out_of_memory
from scanning.detectors.onnx_ops import UnsupportedGraphError

_RELATIVE, _SHARE = 1e-3, 1e-4
_ROUNDINGS = 4  # steps of the layer's number format by which its own sums may be off
_TINY = 1e-12
_LARGEST_GRAPH_BATCH = 256
NOT_LINEAR = "the last layer of the model is not a plain linear one, so its rows of weights cannot be compared"


class NoHeadError(ValueError):
    """The model does not end in a linear layer that can be read; the message says so without a final stop."""


@dataclass(frozen=True, slots=True)
class Head:
    """weight [K, D] and bias [K] of the last layer of `module`, as copies; `layer` is the layer itself."""

    module: nn.Module
    layer: nn.Linear
    weight: Tensor
    bias: Tensor

    @property
    def classes(self) -> int:
        """K."""
        return len(self.weight)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """What the last layer is given for images [B, C, H, W] -> [B, D], sent through a part at a time."""
        parts = [_inside(self.module, self.layer, part)[0] for part in torch.split(images, at_once(images.shape[1:]))]
        return torch.cat(parts)

    def logits(self, features: Tensor) -> Tensor:
        """Features [B, D] -> scores [B, K], as the last layer gives them."""
        return features @ self.weight.T + self.bias


class HeadScores(nn.Module):
    """The scores that the last layer gives, whatever the model does with them afterwards: images -> [B, K], with
    gradients to the images."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.inner, self._head = head.module, head

    def forward(self, images: Tensor) -> Tensor:
        return self._head.logits(_inside(self.inner, self._head.layer, images)[0])


@torch.no_grad()
def find_head(module: nn.Module, classes: int, example: Tensor) -> Head:
    """The last linear layer with one row per class that runs for `example` [B, C, H, W]. Raises NoHeadError.

    It counts only where its rows and biases explain what the model gives for the example; a softmax, a logarithm of
    one, a sigmoid, a ReLU or a constant added per class may follow.
    """
    layer = _last_linear(module, classes, example)
    features, given = _inside(module, layer, example)
    weight = layer.weight.detach().to(given.dtype, copy=True)  # half precision inside, single outside
    stored: Tensor | None = layer.bias  # torch types it as always there
    bias = torch.zeros_like(weight[:, 0]) if stored is None else stored.detach().to(given.dtype, copy=True)
    share = max(_SHARE, _ROUNDINGS * torch.finfo(layer.weight.dtype).eps)
    if given.shape != (len(features), classes):
        raise NoHeadError(NOT_LINEAR)
    logits = features @ weight.T + bias
    if any(_close(end(logits), given, share) for end in _ENDS):
        return Head(module, layer, weight, bias)
    added = given - logits
    if len(added) > 1 and _close(added[:1].expand_as(added) + logits, given, share):
        return Head(module, layer, weight, bias + added.mean(dim=0))
    raise NoHeadError(NOT_LINEAR)


def _last_linear(module: nn.Module, classes: int, example: Tensor) -> nn.Linear:
    ran: list[nn.Linear] = []

    def note(layer: nn.Module, _: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Linear)
        ran.append(layer)

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    with _hooked(layers, note):
        _run(module, example)
    fitting = [layer for layer in ran if layer.out_features == classes]
    if not fitting:
        raise NoHeadError(f"the model has no linear layer with one row for each of its {classes} classes")
    return fitting[-1]


def _inside(module: nn.Module, layer: nn.Linear, images: Tensor) -> tuple[Tensor, Tensor]:
    """(input of the layer [B, D], output of the module). A graph that takes N images at a time shows the layer N rows
    whatever it is given, and is then given N at a time. Raises NoHeadError where an image is not one row."""
    size, features, output = _once(module, layer, images)
    if size == len(images):
        return features, output
    if not 0 < size <= _LARGEST_GRAPH_BATCH:
        raise NoHeadError(NOT_LINEAR)
    filled = torch.cat([images, images[-1:].expand(-len(images) % size, *images.shape[1:])])
    parts = [_once(module, layer, part) for part in torch.split(filled, size)]
    if any(rows != size for rows, _, _ in parts):
        raise NoHeadError(NOT_LINEAR)
    rows_of, outputs = torch.cat([rows for _, rows, _ in parts]), torch.cat([given for _, _, given in parts])
    return rows_of[: len(images)], outputs[: len(images)]


def _once(module: nn.Module, layer: nn.Linear, images: Tensor) -> tuple[int, Tensor, Tensor]:
    """(rows that the layer saw last, those rows, output of the module)."""
    seen: list[Tensor] = []
    with _hooked([layer], lambda _, given: seen.append(given[0].reshape(-1, layer.in_features))):
        output = _run(module, images)
    return int(seen[-1].shape[0]), seen[-1].to(output.dtype), output


@contextmanager
def _hooked(layers: list[nn.Linear], hook: Callable[[nn.Module, tuple[Tensor, ...]], None]) -> Iterator[None]:
    """Call `hook` before each of the layers runs in this thread; other threads may run the same module meanwhile."""
    mine = threading.get_ident()

    def own(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if threading.get_ident() == mine:
            hook(layer, given)

    handles = [layer.register_forward_pre_hook(own) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run(module: nn.Module, images: Tensor) -> Tensor:
    try:
        output: Tensor = module(images)
    except (RuntimeError, IndexError, ValueError, TypeError, UnsupportedGraphError) as error:
        if out_of_memory(error):
            raise
        shape = list(images.shape[1:])
        raise NoHeadError(f"the model cannot take a batch of images of shape {shape}") from error
    return output


def _close(tried: Tensor, given: Tensor, share: float) -> bool:
    scale = float(given.abs().max())
    return bool(torch.allclose(tried, given, rtol=_RELATIVE, atol=share * scale))


def _log_of_shares(logits: Tensor) -> Tensor:
    return functional.softmax(logits, dim=1).clamp_min(_TINY).log()


def _same(logits: Tensor) -> Tensor:
    return logits


def _shares(logits: Tensor) -> Tensor:
    return functional.softmax(logits, dim=1)


def _log_shares(logits: Tensor) -> Tensor:
    return functional.log_softmax(logits, dim=1)


_ENDS: tuple[Callable[[Tensor], Tensor], ...] = (
    _same, _shares, _log_shares, _log_of_shares, torch.sigmoid, functional.relu,
)  # fmt: skip
