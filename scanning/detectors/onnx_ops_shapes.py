"""ONNX operators that move numbers and leave them as they are: shapes, parts, padding, and tensors made of a shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from scanning.detectors.onnx_ops_base import Attributes, Inputs, Operator, axes_of, bounded, given, integers, optional


def _dropout(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, ...]:
    value, training = given(inputs, 0), optional(inputs, 2)
    if training is not None and bool(training):
        raise attributes.refuse("training_mode")
    return value, torch.ones_like(value, dtype=torch.bool)


def _flatten(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), attributes.integer("axis", 1)
    axis = axis + value.dim() if axis < 0 else axis
    return value.reshape(math.prod(value.shape[:axis]), -1)


def _reshape(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, wanted = given(inputs, 0), integers(given(inputs, 1))
    if not attributes.integer("allowzero", 0):
        wanted = [value.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    return value.reshape(wanted)


def _squeeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axes = given(inputs, 0), axes_of(attributes, inputs, 13)
    if axes is None:
        return value.squeeze()
    if any(value.shape[axis] != 1 for axis in axes):
        raise ValueError(f"Squeeze of axes {axes} of a tensor of shape {list(value.shape)}")
    return value.squeeze(axes)


def _unsqueeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axes = given(inputs, 0), axes_of(attributes, inputs, 13) or []
    rank = value.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        value = value.unsqueeze(axis)
    return value


def _transpose(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    return value.permute(attributes.integers("perm", list(range(value.dim()))[::-1]))


def _concat(attributes: Attributes, inputs: Inputs) -> Tensor:
    return torch.cat([given(inputs, place) for place in range(len(inputs))], dim=attributes.integer("axis", 0))


def _split(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, ...]:
    value, axis, chosen = given(inputs, 0), attributes.integer("axis", 0), optional(inputs, 1)
    if attributes.opset < 13 and "split" in attributes.values:
        return torch.split(value, attributes.integers("split", []), axis)
    if chosen is not None:
        return torch.split(value, integers(chosen), axis)
    parts = attributes.integer("num_outputs", attributes.outputs)
    size = -(-value.shape[axis] // parts)
    sizes = [size] * (parts - 1) + [value.shape[axis] - size * (parts - 1)]
    return torch.split(value, sizes, axis)


def _slice(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    if attributes.opset < 10:
        starts, ends = attributes.integers("starts", []), attributes.integers("ends", [])
        axes, steps = attributes.integers("axes", range(len(starts))), [1] * len(starts)
    else:
        starts, ends = integers(given(inputs, 1)), integers(given(inputs, 2))
        chosen, strides = optional(inputs, 3), optional(inputs, 4)
        axes = list(range(len(starts))) if chosen is None else integers(chosen)
        steps = [1] * len(starts) if strides is None else integers(strides)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        low, high, stride = slice(start, end, step).indices(value.shape[axis])
        if step > 0:
            value = value[(slice(None),) * (axis % value.dim()) + (slice(low, max(low, high), stride),)]
        else:
            places = torch.arange(low, min(low, high), stride, device=value.device)
            value = value.index_select(axis, places)
    return value


def _places(size: int, before: int, after: int, mode: str, device: torch.device) -> Tensor:
    """Where each place of a padded axis takes its number from."""
    wanted = torch.arange(-before, size + after, device=device)
    if mode == "edge":
        return wanted.clamp(0, size - 1)
    if mode == "wrap":
        return wanted % size
    period = max(2 * (size - 1), 1)
    folded = wanted % period
    return torch.minimum(folded, period - folded) % max(size, 1)


def padded(value: Tensor, before: list[int], after: list[int], fill: float = 0.0) -> Tensor:
    """The last len(before) axes padded with one number; a negative amount cuts."""
    amounts = [amount for pair in zip(reversed(before), reversed(after), strict=True) for amount in pair]
    return functional.pad(value, amounts, value=fill) if any(amounts) else value


def _pad(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, mode = given(inputs, 0), attributes.text("mode", "constant")
    fill: float = attributes.number("value", 0.0)
    if attributes.opset < 11:
        pads, axes = attributes.integers("pads", []), list(range(value.dim()))
    else:
        chosen, limited = optional(inputs, 2), optional(inputs, 3)
        fill = 0.0 if chosen is None else chosen.item()
        pads, axes = integers(given(inputs, 1)), list(range(value.dim())) if limited is None else integers(limited)
    before, after = [0] * value.dim(), [0] * value.dim()
    for place, axis in enumerate(axes):
        before[axis], after[axis] = pads[place], pads[place + len(axes)]
    bounded(attributes, [max(0, sum(sizes)) for sizes in zip(value.shape, before, after, strict=True)])
    if mode == "constant":
        return padded(value, before, after, fill)
    if mode not in ("reflect", "edge", "wrap"):
        raise attributes.refuse(f"mode {mode}")
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        if low or high:
            value = value.index_select(axis, _places(value.shape[axis], low, high, mode, value.device))
    return value


def _expand(_: Attributes, inputs: Inputs) -> Tensor:
    value, wanted = given(inputs, 0), integers(given(inputs, 1))
    shape: torch.Size = torch.broadcast_shapes(value.shape, wanted)  # type: ignore[no-untyped-call] # torch's own
    return value.expand(shape)


def _tile(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, repeats = given(inputs, 0), integers(given(inputs, 1))
    bounded(attributes, [size * times for size, times in zip(value.shape, repeats, strict=True)])
    return value.repeat(repeats)


def _shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, end = given(inputs, 0), attributes.values.get("end")
    wanted = list(value.shape)[attributes.integer("start", 0) : None if end is None else int(end)]
    return torch.tensor(wanted, dtype=torch.int64, device=value.device)


def _constant_of_shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    shape, chosen = given(inputs, 0), attributes.values.get("value")
    fill = chosen.reshape(()) if isinstance(chosen, Tensor) else torch.tensor(0.0)
    return fill.to(shape.device).expand(bounded(attributes, integers(shape))).clone()


def _range(attributes: Attributes, inputs: Inputs) -> Tensor:
    start, limit, step = (given(inputs, place) for place in range(3))
    bounded(attributes, [max(0, math.ceil((limit.item() - start.item()) / step.item()))])
    count = max(0, math.ceil((limit.item() - start.item()) / step.item()))
    return (start + torch.arange(count, dtype=start.dtype, device=start.device) * step).to(start.dtype)


def _depth_to_space(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, block = given(inputs, 0), attributes.integer("blocksize", 1)
    rows, channels, height, width = value.shape
    if attributes.text("mode", "DCR") == "DCR":
        parts = value.reshape(rows, block, block, channels // block**2, height, width).permute(0, 3, 4, 1, 5, 2)
    else:
        parts = value.reshape(rows, channels // block**2, block, block, height, width).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(rows, channels // block**2, height * block, width * block)


def _space_to_depth(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, block = given(inputs, 0), attributes.integer("blocksize", 1)
    rows, channels, height, width = value.shape
    parts = value.reshape(rows, channels, height // block, block, width // block, block).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(rows, channels * block**2, height // block, width // block)


SHAPES: dict[str, Operator] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Identity": lambda _, inputs: given(inputs, 0),
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": lambda _, inputs: torch.tensor(given(inputs, 0).numel(), device=given(inputs, 0).device),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
