"""ONNX operators that slide a window over an image, or resample it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from scanning.detectors.onnx_ops_base import Attributes, Inputs, Operator, bounded, given, integers, optional
from scanning.detectors.onnx_ops_shapes import padded

_CONVOLUTIONS: list[Callable[..., Tensor]] = [functional.conv1d, functional.conv2d, functional.conv3d]
_TRANSPOSED: list[Callable[..., Tensor]] = [
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
]
_LARGEST: list[Callable[..., Tensor]] = [functional.max_pool1d, functional.max_pool2d, functional.max_pool3d]
_AVERAGES: list[Callable[..., Tensor]] = [functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d]


def pads_of(attributes: Attributes, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis of these sizes, from `pads` or `auto_pad`."""
    axes = len(kernel)
    mode = attributes.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = attributes.integers("pads", [0] * (2 * axes))
        return pads[:axes], pads[axes:]
    if mode == "VALID":
        return [0] * axes, [0] * axes
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise attributes.refuse(f"auto_pad {mode}")
    strides = attributes.integers("strides", [1] * axes)
    dilations = attributes.integers("dilations", [1] * axes)
    before, after = [], []
    for size, window, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        whole = max((math.ceil(size / stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
        small, large = whole // 2, whole - whole // 2
        before.append(small if mode == "SAME_UPPER" else large)
        after.append(large if mode == "SAME_UPPER" else small)
    return before, after


def _spatial(attributes: Attributes, image: Tensor) -> int:
    axes = image.dim() - 2
    if axes not in (1, 2, 3):
        raise attributes.refuse(f"{axes} spatial axes")
    return axes


def same_padding(attributes: Attributes, inputs: Inputs) -> Tensor:
    """The image [B, C, ...] with the zeros that a convolution of `kernel_shape` wants around it."""
    image = given(inputs, 0)
    before, after = pads_of(attributes, image.shape[2:], attributes.integers("kernel_shape", []))
    return padded(image, before, after)


def _conv(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, weight, bias = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    axes = _spatial(attributes, image)
    before, after = pads_of(attributes, image.shape[2:], weight.shape[2:])
    strides, dilations = attributes.integers("strides", [1] * axes), attributes.integers("dilations", [1] * axes)
    group, run = attributes.integer("group", 1), _CONVOLUTIONS[axes - 1]
    if before == after:
        return run(image, weight, bias, strides, before, dilations, group)
    return run(padded(image, before, after), weight, bias, strides, 0, dilations, group)


def _conv_transpose(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, weight, bias = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    axes = _spatial(attributes, image)
    if "output_shape" in attributes.values or attributes.text("auto_pad", "NOTSET") != "NOTSET":
        raise attributes.refuse("output_shape or auto_pad")
    before, after = pads_of(attributes, image.shape[2:], weight.shape[2:])
    strides, dilations = attributes.integers("strides", [1] * axes), attributes.integers("dilations", [1] * axes)
    further, group = attributes.integers("output_padding", [0] * axes), attributes.integer("group", 1)
    whole = _TRANSPOSED[axes - 1](image, weight, bias, strides, 0, further, group, dilations)
    return padded(whole, [-amount for amount in before], [-amount for amount in after])


def _folded_columns(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Columns [B, C·blocks, L] added up where they lie in an image of the size that is asked for (Col2Im)."""
    columns, size, block = given(inputs, 0), integers(given(inputs, 1)), integers(given(inputs, 2))
    if len(size) != 2:
        raise attributes.refuse(f"{len(size)} spatial axes")
    before, after = pads_of(attributes, size, block)
    strides, dilations = attributes.integers("strides", [1, 1]), attributes.integers("dilations", [1, 1])
    whole = [inside + low + high for inside, low, high in zip(size, before, after, strict=True)]
    bounded(attributes, [*columns.shape[:1], *whole])
    image = functional.fold(columns, tuple(whole), tuple(block), tuple(dilations), 0, tuple(strides))
    return padded(image, [-amount for amount in before], [-amount for amount in after])


def _ceiled(size: int, window: int, stride: int, before: int, after: int) -> int:
    """Padding behind an axis so that a last window, begun inside the image or its front padding, still fits."""
    count = math.ceil((size + before + after - window) / stride) + 1
    if (count - 1) * stride >= size + before:
        count -= 1
    return max(after, (count - 1) * stride + window - size - before)


def _window(attributes: Attributes, image: Tensor) -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """(kernel, strides, dilations, padding before, padding after) of a pooling, ceil_mode worked into the last."""
    axes, kernel = _spatial(attributes, image), attributes.integers("kernel_shape", [])
    if len(kernel) != axes:
        raise attributes.refuse(f"{len(kernel)} axes in its kernel for {axes} of the image")
    strides, dilations = attributes.integers("strides", [1] * axes), attributes.integers("dilations", [1] * axes)
    before, after = pads_of(attributes, image.shape[2:], kernel)
    if attributes.integer("ceil_mode", 0) and attributes.text("auto_pad", "NOTSET") in ("NOTSET", "VALID"):
        rows = zip(image.shape[2:], kernel, strides, dilations, before, after, strict=True)
        after = [
            _ceiled(size, (width - 1) * dilation + 1, stride, low, high)
            for size, width, stride, dilation, low, high in rows
        ]
    return kernel, strides, dilations, before, after


def _max_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image = given(inputs, 0)
    kernel, strides, dilations, before, after = _window(attributes, image)
    run = _LARGEST[len(kernel) - 1]
    if before == after and all(2 * amount <= width for amount, width in zip(before, kernel, strict=True)):
        return run(image, kernel, strides, before, dilations)
    return run(padded(image, before, after, -math.inf), kernel, strides, 0, dilations)


def _average_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image = given(inputs, 0)
    kernel, strides, dilations, before, after = _window(attributes, image)
    if any(dilation != 1 for dilation in dilations):
        raise attributes.refuse("dilations")
    run = _AVERAGES[len(kernel) - 1]
    total = run(padded(image, before, after), kernel, strides)
    if not (any(before) or any(after)):
        return total
    counted = torch.ones_like(image[:1, :1])
    if attributes.integer("count_include_pad", 0):  # what ceil_mode alone added still does not count
        low, high = pads_of(attributes, image.shape[2:], kernel)
        counted = padded(counted, low, high, 1.0)
        before, after = [0] * len(low), [whole - inside for whole, inside in zip(after, high, strict=True)]
    return total / run(padded(counted, before, after), kernel, strides)


def _global_pool(attributes: Attributes, inputs: Inputs) -> Tensor:
    image = given(inputs, 0)
    axes = tuple(range(2, image.dim()))
    average = attributes.operator == "GlobalAveragePool"
    return image.mean(axes, keepdim=True) if average else image.amax(axes, keepdim=True)


def _sources(attributes: Attributes, size: int, out: int, scale: float) -> Tensor:
    """Where each of `out` places lies on the axis of `size` places that is resized: [out], float64."""
    mode, place = attributes.text("coordinate_transformation_mode", "half_pixel"), torch.arange(out).double()
    if mode == "asymmetric":
        return place / scale
    if mode == "align_corners":
        return place * ((size - 1) / (out - 1)) if out > 1 else place * 0
    if mode == "pytorch_half_pixel" and out == 1:
        return place * 0
    if mode == "half_pixel_symmetric":
        return size / 2 * (1 - out / (scale * size)) + (place + 0.5) / scale - 0.5
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (place + 0.5) / scale - 0.5
    raise attributes.refuse(f"coordinate_transformation_mode {mode}")


def _nearest(attributes: Attributes, sources: Tensor, size: int) -> Tensor:
    """Index [out] of the nearest place."""
    mode = attributes.text("nearest_mode", "round_prefer_floor")
    rules: dict[str, Callable[[Tensor], Tensor]] = {
        "floor": torch.floor,
        "ceil": torch.ceil,
        "round_prefer_floor": lambda value: torch.ceil(value - 0.5),
        "round_prefer_ceil": lambda value: torch.floor(value + 0.5),
    }
    if mode not in rules:
        raise attributes.refuse(f"nearest_mode {mode}")
    return rules[mode](sources).long().clamp(0, size - 1)


def _weights(attributes: Attributes, sources: Tensor, size: int) -> Tensor:
    """How much each place of the old axis counts for each of the new: [out, size], float64."""
    low = sources.floor()
    share = (sources - low).unsqueeze(1)  # [out, 1]
    if attributes.text("mode", "nearest") == "linear":
        offsets, weights = torch.tensor([0, 1]), torch.cat([1 - share, share], dim=1)
    else:
        factor = attributes.number("cubic_coeff_a", -0.75)
        offsets = torch.tensor([-1, 0, 1, 2])
        distance = (share - offsets).abs()  # [out, 4]
        inner = ((factor + 2) * distance - (factor + 3)) * distance**2 + 1
        outer = ((distance - 5) * distance + 8) * distance * factor - 4 * factor
        weights = torch.where(distance <= 1, inner, outer)
    places = low.long().unsqueeze(1) + offsets  # [out, taps]
    if attributes.integer("exclude_outside", 0):
        weights = weights * ((places >= 0) & (places < size))
        weights = weights / weights.sum(dim=1, keepdim=True)
    empty = torch.zeros(len(sources), size, dtype=torch.float64)
    return empty.scatter_add(1, places.clamp(0, size - 1), weights)


def _targets(attributes: Attributes, inputs: Inputs) -> tuple[list[int], list[int], list[float]]:
    """(axes, new sizes, scales) of a Resize."""
    image, scales, sizes = given(inputs, 0), optional(inputs, 2), optional(inputs, 3)
    axes = [axis % image.dim() for axis in attributes.integers("axes", range(image.dim()))]
    old = [image.shape[axis] for axis in axes]
    if sizes is None or sizes.numel() == 0:
        if scales is None:
            raise attributes.refuse("neither scales nor sizes")
        factors = [float(scale) for scale in scales.tolist()]
        return axes, [math.floor(size * factor) for size, factor in zip(old, factors, strict=True)], factors
    if attributes.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise attributes.refuse("keep_aspect_ratio_policy")
    wanted = integers(sizes)
    return axes, wanted, [new / size for new, size in zip(wanted, old, strict=True)]


def _resize(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, mode = given(inputs, 0), attributes.text("mode", "nearest")
    if attributes.opset < 11 or mode not in ("nearest", "linear", "cubic"):
        raise attributes.refuse(f"mode {mode} of opset {attributes.opset}")
    axes, wanted, scales = _targets(attributes, inputs)
    shape = dict(enumerate(value.shape)) | dict(zip(axes, wanted, strict=True))
    bounded(attributes, list(shape.values()))
    for axis, new, scale in zip(axes, wanted, scales, strict=True):
        size = value.shape[axis]
        if new == size and scale == 1.0:
            continue
        if attributes.integer("antialias", 0) and scale < 1:
            raise attributes.refuse("antialias")
        sources = _sources(attributes, size, new, scale)
        if mode == "nearest":
            value = value.index_select(axis, _nearest(attributes, sources, size).to(value.device))
        else:
            weights = _weights(attributes, sources, size).to(value.device, value.dtype)
            value = (value.movedim(axis, -1) @ weights.t()).movedim(-1, axis)
    return value


def _grid_sample(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, grid, mode = given(inputs, 0), given(inputs, 1), attributes.text("mode", "linear")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    border, corners = attributes.text("padding_mode", "zeros"), bool(attributes.integer("align_corners", 0))
    return functional.grid_sample(image, grid, mode=mode, padding_mode=border, align_corners=corners)


WINDOWS: dict[str, Operator] = {
    "AveragePool": _average_pool,
    "Col2Im": _folded_columns,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "GridSample": _grid_sample,
    "MaxPool": _max_pool,
    "Resize": _resize,
}
