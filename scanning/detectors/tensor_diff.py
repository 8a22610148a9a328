"""What differs between the tensors of two models: which, by how much, in which rows, of what rank. One tensor at a time.

A change of rank r is looked for above the rounding of the number format that the weights are kept in, because adding a
low-rank change to weights and rounding them leaves noise of full rank below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from compliance.types.drafts import JSON, Progress
from scanning.detectors.base import OnProgress, ignore_progress

T = TypeVar("T")

_PREFIXES = ("module.", "model.", "_orig_mod.")
_COUNTERS = ("num_batches_tracked",)
_STATISTICS = ("running_mean", "running_var", *_COUNTERS)
_AT_ONCE = 4 * 1024**2  # elements; sums of larger tensors are taken in parts
_EXACT_SIDE = 256
_SKETCH = 128
_SKETCH_SEED = 2009
_ROWS_NAMED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorChange:
    """One tensor that is not the same in both.

    changed: elements that differ; zeroed: those of them that are now 0; relative: Frobenius norm of the change over
    that of the base's tensor, None where that is 0; steps: the largest change of an element in units of its rounding,
    None where values are not finite; rows: rows (along the first axis) with a change, and rows_named the first of them;
    columns: the same along the second axis; rank: of the change as a matrix [first axis, rest], above rounding, None
    below two axes or where it is not to be had; top_energy, rank_energy: share in its squared norm of the largest
    singular value and of those above rounding.
    """

    name: str
    shape: tuple[int, ...]
    elements: int
    changed: int
    zeroed: int
    relative: float | None
    steps: float | None
    rows: int
    rows_named: tuple[int, ...]
    columns: int
    rank: int | None
    top_energy: float | None
    rank_energy: float | None

    @property
    def is_statistic(self) -> bool:
        """Whether batch normalisation counts it rather than training sets it."""
        return self.name.endswith(_STATISTICS)

    @property
    def is_matrix(self) -> bool:
        """Whether a rank says anything."""
        return len(self.shape) >= 2

    @property
    def side(self) -> int:
        """The largest rank that the change could have."""
        return min(self.shape[0], self.elements // max(1, self.shape[0])) if self.is_matrix else 1

    def to_json(self) -> JSON:
        """JSON-shaped."""
        return {**asdict(self), "shape": list(self.shape), "rows_named": list(self.rows_named), "side": self.side}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """missing, extra: names in the base alone, in the model alone; reshaped: names with other shapes; recoded: in another
    number format with the same values up to its rounding; same: number of tensors that are equal bit for bit; compared:
    of those in both with one shape; cosine: between all compared matrices taken as one vector, None without any."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    reshaped: tuple[str, ...]
    recoded: tuple[str, ...]
    changes: tuple[TensorChange, ...]
    same: int
    compared: int
    cosine: float | None


def compare(
    model: Mapping[str, Tensor], base: Mapping[str, Tensor], *, on_progress: OnProgress = ignore_progress
) -> Difference:
    """Compare two sets of named tensors on the CPU. Wrappers' prefixes in names are left out of account."""
    new, old = plain_names(model), plain_names(base)
    shared = sorted(set(new) & set(old))
    alike = [name for name in shared if new[name].shape == old[name].shape]
    changes: list[TensorChange] = []
    recoded: list[str] = []
    sums = torch.zeros(3, dtype=torch.float64)
    same = 0
    for done, name in enumerate(alike):
        on_progress(Progress(stage="comparing tensors", done=done, total=len(alike)))
        ours, theirs = new[name].detach(), old[name].detach()
        if ours.dim() >= 2 and ours.is_floating_point():
            sums += _products(ours, theirs)
        if ours.dtype == theirs.dtype and _equal_bits(ours, theirs):
            same += 1
        elif ours.dtype != theirs.dtype and _equal_when_rounded(ours, theirs):
            recoded.append(name)
        else:
            changes.append(_change(name, ours, theirs))
    dot, first, second = sums.tolist()
    return Difference(
        missing=_named(set(old) - set(new)), extra=_named(set(new) - set(old)),
        reshaped=tuple(sorted(set(shared) - set(alike))), recoded=tuple(recoded), changes=tuple(changes),
        same=same, compared=len(alike), cosine=dot / math.sqrt(first * second) if first > 0 and second > 0 else None,
    )  # fmt: skip


def plain_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """The tensors without a prefix that all of their names share because a wrapper added it."""
    plain = dict(tensors)
    while prefix := next((p for p in _PREFIXES if plain and all(name.startswith(p) for name in plain)), ""):
        plain = {name.removeprefix(prefix): value for name, value in plain.items()}
    return plain


def singular_values(matrix: Tensor) -> tuple[Tensor, bool]:
    """(largest singular values of [m, n] in falling order, whether they are all of them). Large matrices are sketched
    (Halko, Martinsson and Tropp, SIAM Review 2011) with a fixed seed."""
    side = min(matrix.shape)
    if side <= _EXACT_SIDE:
        return torch.linalg.svdvals(matrix), True
    draws = torch.Generator().manual_seed(_SKETCH_SEED)
    sketch = matrix @ torch.randn(matrix.shape[1], _SKETCH, generator=draws, dtype=matrix.dtype)
    basis = torch.linalg.qr(matrix @ (matrix.T @ torch.linalg.qr(sketch).Q)).Q
    return torch.linalg.svdvals(basis.T @ matrix), False


def rounding_of(*tensors: Tensor) -> float:
    """The coarsest relative rounding of the number formats of some tensors."""
    return max(torch.finfo(tensor.dtype).eps if tensor.is_floating_point() else 0.0 for tensor in tensors)


def _named(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if not name.endswith(_COUNTERS)))


def _equal_bits(ours: Tensor, theirs: Tensor) -> bool:
    if ours.numel() == 0:
        return True
    pair = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (ours, theirs))
    return torch.equal(*pair)


def _equal_when_rounded(ours: Tensor, theirs: Tensor) -> bool:
    if not (ours.is_floating_point() and theirs.is_floating_point()):
        return torch.equal(ours.double(), theirs.double())
    coarse = max(ours.dtype, theirs.dtype, key=lambda dtype: torch.finfo(dtype).eps)
    return torch.equal(ours.to(coarse), theirs.to(coarse))


def _products(ours: Tensor, theirs: Tensor) -> Tensor:
    """(ours·theirs, ours·ours, theirs·theirs) [3], values that are not finite taken as 0."""
    total = torch.zeros(3, dtype=torch.float64)
    for first, second in _parts(ours, theirs):
        mine, other = first.nan_to_num(0, 0, 0), second.nan_to_num(0, 0, 0)
        total += torch.stack((mine @ other, mine @ mine, other @ other))
    return total


def _parts(ours: Tensor, theirs: Tensor) -> list[tuple[Tensor, Tensor]] | zip[tuple[Tensor, Tensor]]:
    """Both as flat double vectors, some elements at a time."""
    bounds = [*range(0, ours.numel(), _AT_ONCE), ours.numel()]
    flat, other = ours.reshape(-1), theirs.reshape(-1)
    return zip(
        (flat[first:last].double() for first, last in pairwise(bounds)),
        (other[first:last].double() for first, last in pairwise(bounds)),
        strict=True,
    )


def _change(name: str, ours: Tensor, theirs: Tensor) -> TensorChange:
    rounding = rounding_of(ours, theirs)
    changed = zeroed = 0
    squared = norm = steps = 0.0
    for new, old in _parts(ours, theirs):
        differs = ~((new == old) | (new.isnan() & old.isnan()))
        changed += int(differs.sum())
        zeroed += int((differs & (new == 0)).sum())
        delta = new - old
        squared += float(delta.square().sum())
        norm += float(old.square().sum())
        size = torch.maximum(new.abs(), old.abs())
        if rounding and bool(differs.any()):
            steps = max(steps, float((delta.abs()[differs] / (rounding * size[differs])).max()))
    rows = _touched(ours, theirs, axis=0)
    rank, top, above = _rank(ours, theirs, rounding) if math.isfinite(squared) else (None, None, None)
    return TensorChange(
        name=name, shape=tuple(ours.shape), elements=ours.numel(), changed=changed, zeroed=zeroed,
        relative=math.sqrt(squared / norm) if norm > 0 and math.isfinite(squared) and math.isfinite(norm) else None,
        steps=steps if math.isfinite(steps) else None, rows=len(rows), rows_named=tuple(rows[:_ROWS_NAMED]),
        columns=len(_touched(ours, theirs, axis=1)), rank=rank, top_energy=top, rank_energy=above,
    )  # fmt: skip


def _touched(ours: Tensor, theirs: Tensor, *, axis: int) -> list[int]:
    """Places along an axis at which anything differs; empty where there is no such axis."""
    if ours.dim() <= axis:
        return []
    differs = ours.double() != theirs.double() if ours.dtype != theirs.dtype else ours != theirs
    differs = differs & ~(ours.isnan() & theirs.isnan())
    return differs.movedim(axis, 0).flatten(1).any(dim=1).nonzero()[:, 0].tolist() if differs.dim() > 1 else (
        differs.nonzero()[:, 0].tolist()
    )  # fmt: skip


def _rank(ours: Tensor, theirs: Tensor, rounding: float) -> tuple[int | None, float | None, float | None]:
    """(rank of the change above rounding, share of the largest singular value in its squared norm, share of that rank)."""
    if ours.dim() < 2 or not ours.is_floating_point() or not theirs.is_floating_point():
        return None, None, None
    exact = ours.numel() <= _AT_ONCE
    kind = torch.float64 if exact else torch.float32
    delta = (ours.to(kind) - theirs.to(kind)).flatten(1)
    size = float(ours.to(kind).square().mean().sqrt())
    floor = 0.5 * rounding * size * (math.sqrt(delta.shape[0]) + math.sqrt(delta.shape[1]))
    values, complete = singular_values(delta)
    rank = int((values > floor).sum())
    shares = values.square() / delta.square().sum()
    top, above = round(float(shares[0]), 6), round(float(shares[:rank].sum()), 6)
    return (rank if complete or rank < len(values) else None), top, above
