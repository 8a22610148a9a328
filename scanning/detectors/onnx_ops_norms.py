"""ONNX operators that normalise, and those that turn numbers into quantised codes and back."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scanning.detectors.onnx_ops_base import DTYPES, Attributes, Inputs, Operator, given, optional
from scanning.detectors.onnx_ops_shapes import padded


def _batch_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Training mode reaches this for constant weights alone (weight standardisation); the builder sees to that."""
    image, scale, shift, mean, variance = (given(inputs, place) for place in range(5))
    if not attributes.integer("spatial", 1):
        raise attributes.refuse("statistics for each place")
    training = bool(attributes.integer("training_mode", 0))
    mean, variance = (mean.clone(), variance.clone()) if training else (mean, variance)
    return functional.batch_norm(image, mean, variance, scale, shift, training, 0.0, attributes.number("epsilon", 1e-5))


def _layer_norm(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, ...]:
    value, axis, scale, shift = given(inputs, 0), attributes.integer("axis", -1), given(inputs, 1), optional(inputs, 2)
    shape, small = list(value.shape[axis:]), attributes.number("epsilon", 1e-5)
    if list(scale.shape) == shape and (shift is None or list(shift.shape) == shape):
        normal = functional.layer_norm(value, shape, scale, shift, small)
    else:
        normal = functional.layer_norm(value, shape, None, None, small) * scale
        normal = normal if shift is None else normal + shift
    if attributes.outputs == 1:
        return (normal,)
    axes = list(range(value.dim()))[axis:]
    variance, mean = torch.var_mean(value, axes, correction=0, keepdim=True)
    return normal, mean, torch.rsqrt(variance + small)


def _instance_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    image = given(inputs, 0)
    return torch.group_norm(
        image, image.shape[1], given(inputs, 1), given(inputs, 2), attributes.number("epsilon", 1e-5)
    )


def _group_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, scale, shift = (given(inputs, place) for place in range(3))
    groups = attributes.integer("num_groups", 1)
    if attributes.opset < 21:  # until then one scale and shift for each group, not each channel
        scale, shift = (value.repeat_interleave(image.shape[1] // groups) for value in (scale, shift))
    return torch.group_norm(image, groups, scale, shift, attributes.number("epsilon", 1e-5))


def _lp_norm(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, axis = given(inputs, 0), attributes.integer("axis", -1)
    length = torch.linalg.vector_norm(value, attributes.integer("p", 2), dim=axis, keepdim=True)
    return value / torch.where(length == 0, 1.0, length)


def _local_response(attributes: Attributes, inputs: Inputs) -> Tensor:
    image, size = given(inputs, 0), attributes.integer("size", 1)
    most = image.shape[1] - 1
    before, after = min((size - 1) // 2, most), min(size // 2, most)
    squares = image.square().transpose(1, -1)
    window = padded(squares, [before], [after]).unfold(-1, before + after + 1, 1).sum(-1).transpose(1, -1)
    spread = attributes.number("bias", 1.0) + attributes.number("alpha", 1e-4) / size * window
    return image / spread.pow(attributes.number("beta", 0.75))


def _mean_variance(attributes: Attributes, inputs: Inputs) -> Tensor:
    value = given(inputs, 0)
    variance, mean = torch.var_mean(value, attributes.integers("axes", [0, 2, 3]), correction=0, keepdim=True)
    return (value - mean) / (variance.sqrt() + 1e-9)


def _along(attributes: Attributes, value: Tensor, parameter: Tensor) -> Tensor:
    """A scale or zero point, one number or one for each place of `axis`, so that it meets `value`."""
    if parameter.dim() > 1 or attributes.integer("block_size", 0):
        raise attributes.refuse("blocks")
    if parameter.numel() == 1:
        return parameter.reshape(())
    axis = attributes.integer("axis", 1) % value.dim()
    return parameter.reshape([-1] + [1] * (value.dim() - axis - 1))


def _quantise(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, scale, zero = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    kind = attributes.integer("output_dtype", 0)
    dtype = zero.dtype if zero is not None else DTYPES.get(kind or 2)
    if dtype not in (torch.uint8, torch.int8, torch.uint16, torch.int16):
        raise attributes.refuse(f"the element type {dtype or kind}")
    limits = torch.iinfo(dtype)
    ratio = value / _along(attributes, value, scale)
    # Rounding has no gradient; inside the range it is passed on as if there were none (straight through).
    code = ratio + (ratio.round() - ratio).detach()
    code = code if zero is None else code + _along(attributes, value, zero).to(code.dtype)
    code = code.clamp(limits.min, limits.max)
    return code if attributes.float_codes else code.to(dtype)


def _dequantise(attributes: Attributes, inputs: Inputs) -> Tensor:
    code, scale, zero = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    value = code.to(scale.dtype)
    value = value if zero is None else value - _along(attributes, value, zero).to(scale.dtype)
    return value * _along(attributes, value, scale)


NORMS: dict[str, Operator] = {
    "BatchNormalization": _batch_norm,
    "DequantizeLinear": _dequantise,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "LayerNormalization": _layer_norm,
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance,
    "QuantizeLinear": _quantise,
}
