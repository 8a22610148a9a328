"""Identity of a model file, and what differs from the model that it is said to be made from.

Weights can be changed without any training so that no input pattern betrays it: one row of the last layer rewritten,
a direction taken out of it (weight surgery on face recognition: Zehavi and others, 2023), single bits flipped. Training
does not leave such traces, so they contradict the claim "this model, or fine-tuned from it". Everything else that may
differ is described and not judged: what was tested on the base does not hold for what was trained since.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from compliance.types.drafts import JSON, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import ScanContext
from scanning.detectors.judging import report
from scanning.detectors.loading import LoadedModel, is_finite
from scanning.detectors.onnx_ops_base import shown
from scanning.detectors.tensor_diff import Difference, TensorChange, compare, plain_names

LIMITS = (
    "It compares with the base that was named and says nothing of that base itself.",
    "A backdoor that was trained in looks like any other fine-tuning here.",
    "Who made a change, and whether it was agreed, is not in the weights.",
)
_NO_BASE = "No base model is named, so nothing can be compared."
_HEAD_NAMES = re.compile(
    r"(?:^|\.)(?:fc|head|heads|classifier|lm_head|linear|logits|output)(?:\.\w+)?\.(?:weight|bias)$"
)
_ROWS_LISTED = 400
_NAMES_SAID = 3


class Kind(StrEnum):
    """What a difference is, in one word."""

    IDENTICAL = "identical"
    RECODED = "recoded"
    ROUNDING = "rounding"
    STATISTICS = "normalisation statistics"
    HEAD_ROWS = "rows of the last layer"
    HEAD_RANK_ONE = "rank one in the last layer"
    SPARSE = "sparse edit"
    PRUNED = "pruned"
    HEAD_ONLY = "head only"
    LOW_RANK = "low rank"
    DENSE = "fine-tuned"
    UNRELATED = "other model"
    GRAPH = "other graph"
    ARCHITECTURE = "other architecture"
    NOT_COMPARABLE = "not comparable"


AGAINST_THE_CLAIM = frozenset({Kind.HEAD_ROWS, Kind.HEAD_RANK_ONE, Kind.SPARSE, Kind.GRAPH, Kind.ARCHITECTURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """sparse: largest share of the elements of changed tensors, or few: number of elements, that an edit by hand has;
    steps: of rounding that one of its changes exceeds; rows: largest share of rows of the last layer; low_rank: largest
    share of the full rank, and energy: least share of the change that it must hold; cosine: below it two sets of weights
    have nothing in common; named: least share of tensors that must bear the same names in both."""

    sparse: float = 0.01
    few: int = 8
    steps: float = 16.0
    rows: float = 0.25
    low_rank: float = 0.25
    energy: float = 0.8
    cosine: float = 0.2
    named: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Names the file and its tensors; with a base, says what differs and whether fine-tuning could have done it."""

    traces: Traces = Traces()
    name: str = "identity"
    version: str = "1"
    limits: tuple[str, ...] = LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Compare with the base, tensor by tensor. See `kind_of` for the classes and AGAINST_THE_CLAIM for the rule."""
        started = time.perf_counter()
        facts = identity_facts(context.model)
        broken = facts["not_finite"]
        warned = f" {_listed(broken)} {_hold(broken)} values that are not finite numbers." if broken else ""
        if context.base is None:
            statement = f"{_NO_BASE}{warned}"
            return report(self, context, StageVerdict.NOT_APPLICABLE, statement, started=started, facts=facts)
        base = context.base
        difference = compare(context.model.weights, base.weights, on_progress=context.on_progress)
        head = head_names(context.model)
        kind = kind_of(context.model, base, difference, head, self.traces)
        facts |= {
            "base": {"name": base.name, "sha256": base.sha256, "architecture_digest": base.architecture_digest},
            "kind": kind.value,
            "last_layer": list(head),
            **_difference_facts(difference),
        }
        verdict = StageVerdict.EVIDENCE_FOUND if kind in AGAINST_THE_CLAIM else StageVerdict.INCONCLUSIVE
        statement = f"{words_of(kind, context.model, base, difference)}{warned}"
        return report(self, context, verdict, statement, started=started, facts=facts)


def identity_facts(model: LoadedModel) -> JSON:
    """What names the model: digests, counts, number formats, and tensors with values that are not finite."""
    weights = model.weights
    return {
        "sha256": model.sha256,
        "format": model.format,
        "architecture": model.architecture,
        "architecture_digest": model.architecture_digest,
        "tensors": len(weights),
        "elements": sum(value.numel() for value in weights.values()),
        "bytes": sum(value.numel() * value.element_size() for value in weights.values()),
        "number_formats": dict(sorted(Counter(row["dtype"] for row in model.tensors.values()).items())),
        "not_finite": [name for name in sorted(weights) if not is_finite(weights[name])],
    }


def kind_of(model: LoadedModel, base: LoadedModel, difference: Difference, head: Sequence[str], traces: Traces) -> Kind:
    """The one word for a difference; what fine-tuning does not do is looked for first."""
    if structure := _structure(model, base, difference, head, traces):
        return structure
    replaced = bool(difference.missing or difference.extra or difference.reshaped)
    trained = [change for change in difference.changes if not change.is_statistic]
    if not difference.changes and not replaced:
        return Kind.RECODED if difference.recoded else Kind.IDENTICAL
    if not trained and not replaced:
        return Kind.STATISTICS
    if not replaced and all(change.steps is not None and change.steps <= traces.steps for change in trained):
        return Kind.ROUNDING
    if all(change.name in head for change in trained):
        return Kind.HEAD_ONLY if replaced else _in_the_head(trained, traces)
    if _is_sparse(trained, traces):
        return Kind.SPARSE
    if difference.cosine is not None and difference.cosine < traces.cosine:
        return Kind.UNRELATED
    if all(change.zeroed == change.changed for change in trained):
        return Kind.PRUNED
    return Kind.LOW_RANK if _is_low_rank(trained, traces) else Kind.DENSE


def head_names(model: LoadedModel) -> tuple[str, ...]:
    """Names of the tensors that the last linear layer of the module holds, or of what is usually named so."""
    weights = plain_names(model.weights)
    layers = [] if model.module is None else list(model.module.modules())
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)][-1:]
    held = [tensor for layer in linear for tensor in (layer.weight.T, *layer.parameters())]
    found = tuple(name for name, value in weights.items() if any(_is_same(value, tensor) for tensor in held))
    if found:
        return found
    usual = [name for name in weights if _HEAD_NAMES.search(name)]
    matrices = [name for name in usual if weights[name].dim() == 2]
    if not matrices:
        return ()
    stem = matrices[-1].rpartition(".")[0]
    return tuple(name for name in usual if name.rpartition(".")[0] == stem)


def words_of(kind: Kind, model: LoadedModel, base: LoadedModel, difference: Difference) -> str:
    """The sentences for a kind of difference."""
    if kind is Kind.IDENTICAL:
        what = "is the base, byte for byte" if model.sha256 == base.sha256 else "holds the base's weights, bit for bit"
        return f"The model {what}: whatever was tested on {base.name} holds for it, and nothing is said of the base."
    trained = [change for change in difference.changes if not change.is_statistic]
    sentence = _WORDS[kind].format(
        base=base.name,
        changed=sum(change.changed for change in trained),
        where=_listed([change.name for change in trained]),
        count=f"{len(trained)} of {difference.compared} tensors",
        recoded=_listed(difference.recoded),
        touched=_listed(_touched(difference)),
        rank=max((change.rank or 0 for change in trained), default=0),
        size=f"{max((change.relative or 0.0 for change in trained), default=0.0):.2g}",
        cosine=f"{difference.cosine or 0.0:.2f}",
        layers=_layers(difference),
        rows=_rows(trained) if kind is Kind.HEAD_ROWS else "",
    )
    return (
        sentence
        if kind in AGAINST_THE_CLAIM
        else f"{sentence} Nothing that was tested on the base can be carried over."
    )


_WORDS = {
    Kind.RECODED: "The weights are those of {base} in another number format ({recoded}), equal up to its rounding.",
    Kind.ROUNDING: "{count} differ from {base}, none by more than a few steps of rounding.",
    Kind.STATISTICS: "Only the statistics of batch normalisation differ from {base}, no trained weight does.",
    Kind.HEAD_ROWS: (
        "Of all weights only {rows} differ from {base}: training moves the weights of all classes, so these were edited."
    ),
    Kind.HEAD_RANK_ONE: (
        "Only the last layer ({where}) differs from {base}, and the whole change has rank one: that is how weights are "
        "edited to take one direction out or put one in, and training on several classes does not give it; unless a "
        "rank-one adapter of that layer is on record, take it for an edit."
    ),
    Kind.SPARSE: (
        "{changed} elements differ from {base}, in {where}, and all others are equal bit for bit: fine-tuning changes most "
        "elements of what it trains, so these were edited or damaged."
    ),
    Kind.PRUNED: "{changed} weights in {count} were set to 0, and no other was changed since {base}.",
    Kind.HEAD_ONLY: "Only the last layer differs from {base} ({touched}).",
    Kind.LOW_RANK: "{count} differ from {base}, each by a matrix of rank {rank} at the most, as a merged adapter gives.",
    Kind.DENSE: (
        "{count} differ from {base}, in {changed} elements, as fine-tuning gives (largest change {size} of a tensor's norm)."
    ),
    Kind.UNRELATED: (
        "The layers are those of {base}, but the weights have nothing in common with it (cosine {cosine}), so nothing shows "
        "that the model was made from it."
    ),
    Kind.GRAPH: (
        "The tensors are laid out as in {base}, but the graph has other operators, and fine-tuning does not change the "
        "graph: have both exported alike, and look at what was added."
    ),
    Kind.ARCHITECTURE: "The layers are not those of {base}, and fine-tuning adds and removes none ({layers}).",
    Kind.NOT_COMPARABLE: (
        "The tensors bear other names than those of {base}, so they cannot be compared; hand in both exported alike."
    ),
}


def _structure(
    model: LoadedModel, base: LoadedModel, difference: Difference, head: Sequence[str], traces: Traces
) -> Kind | None:
    touched = {*difference.missing, *difference.extra, *difference.reshaped}
    most = max(len(model.weights), len(base.weights))
    if difference.compared < traces.named * most and (model.format != base.format or _shapes(model) == _shapes(base)):
        return Kind.NOT_COMPARABLE
    if touched - {*head, *head_names(base)}:
        return Kind.ARCHITECTURE
    in_a_graph = model.format == base.format == "onnx" and not touched and _formats(model) == _formats(base)
    return Kind.GRAPH if in_a_graph and model.architecture_digest != base.architecture_digest else None


def _in_the_head(trained: Sequence[TensorChange], traces: Traces) -> Kind:
    """What a change of nothing but the last layer is."""
    matrix = next((change for change in trained if change.is_matrix), None)
    if matrix is None:
        return Kind.SPARSE if _is_sparse(trained, traces) else Kind.HEAD_ONLY
    # one row per class lies along the first axis, or along the second in a transposed layer
    for touched, size in ((matrix.rows, matrix.shape[0]), (matrix.columns, matrix.shape[1])):
        if size >= 3 and touched <= max(1, int(traces.rows * size)):
            return Kind.SPARSE if matrix.changed <= traces.few else Kind.HEAD_ROWS
    if _is_sparse(trained, traces):
        return Kind.SPARSE
    one = matrix.rank == 1 and matrix.side >= 3 and (matrix.rank_energy or 0.0) >= traces.energy
    return Kind.HEAD_RANK_ONE if one else Kind.HEAD_ONLY


def _is_sparse(trained: Sequence[TensorChange], traces: Traces) -> bool:
    changed, elements = sum(row.changed for row in trained), sum(row.elements for row in trained)
    return changed <= traces.sparse * elements or (changed <= traces.few and 2 * changed < elements)


def _is_low_rank(trained: Sequence[TensorChange], traces: Traces) -> bool:
    matrices = [change for change in trained if change.is_matrix and change.side > 1 / traces.low_rank]
    return bool(matrices) and all(
        change.rank is not None
        and change.rank <= traces.low_rank * change.side
        and (change.rank_energy or 0.0) >= traces.energy
        for change in matrices
    )


def _rows(trained: Sequence[TensorChange]) -> str:
    matrix = next(change for change in trained if change.is_matrix)
    if matrix.rows > matrix.columns:
        return f"{matrix.columns} columns of the last layer ({matrix.name})"
    return f"{'row' if matrix.rows == 1 else 'rows'} {_numbers(matrix)} of the last layer ({matrix.name})"


def _numbers(change: TensorChange) -> str:
    more = f" and {change.rows - len(change.rows_named)} more" if change.rows > len(change.rows_named) else ""
    return ", ".join(map(str, change.rows_named)) + more


def _layers(difference: Difference) -> str:
    named = (("missing", difference.missing), ("added", difference.extra), ("of another shape", difference.reshaped))
    return "; ".join(f"{word}: {_listed(names)}" for word, names in named if names)


def _touched(difference: Difference) -> list[str]:
    return sorted(
        {*difference.missing, *difference.extra, *difference.reshaped, *(row.name for row in difference.changes)}
    )


def _difference_facts(difference: Difference) -> JSON:
    rows = sorted(difference.changes, key=lambda change: (-(change.relative or 0.0), change.name))
    return {
        "compared": difference.compared,
        "same": difference.same,
        "cosine": None if difference.cosine is None else round(difference.cosine, 6),
        "missing": list(difference.missing[:_ROWS_LISTED]),
        "extra": list(difference.extra[:_ROWS_LISTED]),
        "reshaped": list(difference.reshaped[:_ROWS_LISTED]),
        "recoded": list(difference.recoded[:_ROWS_LISTED]),
        "changed": [change.to_json() for change in rows[:_ROWS_LISTED]],
        "changed_not_listed": max(0, len(rows) - _ROWS_LISTED),
    }


def _formats(model: LoadedModel) -> JSON:
    return {name: (row["shape"], row["dtype"]) for name, row in model.tensors.items()}


def _shapes(model: LoadedModel) -> list[list[int]]:
    return sorted(list(row["shape"]) for row in model.tensors.values())


def _is_same(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and torch.equal(first.to(second.dtype), second.detach().cpu())


def _listed(names: Sequence[str]) -> str:
    said = ", ".join(map(shown, names[:_NAMES_SAID]))
    return f"{said} and {len(names) - _NAMES_SAID} more" if len(names) > _NAMES_SAID else said


def _hold(names: Sequence[str]) -> str:
    return "holds" if len(names) == 1 else "hold"
