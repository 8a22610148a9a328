"""ONNX operators that pick numbers by place, or put them there."""

from __future__ import annotations

import torch
from torch import Tensor

from scanning.detectors.onnx_ops_base import Attributes, Inputs, Operator, bounded, given


def _gather(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, axis = given(inputs, 0), given(inputs, 1).long(), attributes.integer("axis", 0)
    axis %= value.dim()
    places = torch.where(places < 0, places + value.shape[axis], places)
    chosen = value.index_select(axis, places.reshape(-1))
    return chosen.reshape([*value.shape[:axis], *places.shape, *value.shape[axis + 1 :]])


def _gather_elements(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, axis = given(inputs, 0), given(inputs, 1).long(), attributes.integer("axis", 0)
    return torch.gather(value, axis, torch.where(places < 0, places + value.shape[axis], places))


def _gather_nd(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, shared = given(inputs, 0), given(inputs, 1).long(), attributes.integer("batch_dims", 0)
    rank = places.dim() - 1
    rows = [
        torch.arange(value.shape[axis], device=value.device).reshape([-1] + [1] * (rank - axis - 1))
        for axis in range(shared)
    ]
    return value[(*rows, *places.unbind(-1))]


def _scatter_elements(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, updates = given(inputs, 0), given(inputs, 1).long(), given(inputs, 2)
    axis, how = attributes.integer("axis", 0), attributes.text("reduction", "none")
    places = torch.where(places < 0, places + value.shape[axis], places)
    if how == "none":
        return value.scatter(axis, places, updates)
    names = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
    if how not in names:
        raise attributes.refuse(f"reduction {how}")
    return value.scatter_reduce(axis, places, updates, names[how], include_self=True)


def _scatter_nd(attributes: Attributes, inputs: Inputs) -> Tensor:
    value, places, updates = given(inputs, 0), given(inputs, 1).long(), given(inputs, 2)
    how = attributes.text("reduction", "none")
    if how not in ("none", "add"):
        raise attributes.refuse(f"reduction {how}")
    return value.index_put(tuple(places.unbind(-1)), updates, accumulate=how == "add")


def _one_hot(attributes: Attributes, inputs: Inputs) -> Tensor:
    places, depth, values = given(inputs, 0).long(), int(given(inputs, 1)), given(inputs, 2)
    bounded(attributes, [*places.shape, depth])
    axis = attributes.integer("axis", -1)
    axis = axis + places.dim() + 1 if axis < 0 else axis
    levels = torch.arange(depth, device=places.device).reshape([-1] + [1] * (places.dim() - axis))
    places = torch.where(places < 0, places + depth, places)
    return torch.where(places.unsqueeze(axis) == levels, values[1], values[0])


def _top_k(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, ...]:
    value, count, axis = given(inputs, 0), int(given(inputs, 1)), attributes.integer("axis", -1)
    # Equal numbers come in the order of their places, which torch.topk does not promise.
    best, places = torch.sort(value, dim=axis, descending=bool(attributes.integer("largest", 1)), stable=True)
    return best.narrow(axis, 0, count), places.narrow(axis, 0, count)


PICKS: dict[str, Operator] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "NonZero": lambda _, inputs: torch.nonzero(given(inputs, 0)).t(),
    "OneHot": _one_hot,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TopK": _top_k,
}
