"""What each lever of the trigger search saves, in CPU microseconds an image pass, beside the naive loop.

    python -m tests.bench.inversion_speed [--model FILE] [--rounds 5]

The naive loop is tests.bench.peer.naive_inversion: one class at a time, gradients of the weights worked out and thrown
away. Each lever adds to those above it. The levers take turns within a round, and medians over the rounds are shown, so
that a busy machine slows all of them alike. One thread. Without --model, random weights of the ResNet-8.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanning.detectors.architectures import ResNet8
from scanning.detectors.folding import fold_batch_norms, prepare_for_search
from scanning.detectors.inversion import BFLOAT16, FLOAT32, InversionSettings, advance, begin, stamp
from scanning.detectors.loading import freeze, load_model
from tests.bench.peer.naive_inversion import naive_invert

CLASSES, BATCH, SIDE = 10, 32, 32
_STEPS = 4
_WARM = 20


@dataclass(frozen=True, slots=True)
class Lever:
    """One way to run: gives image passes when called."""

    name: str
    run: Callable[[], int]


def naive(model: nn.Module, images: Tensor) -> int:
    """The peer's loop: `_STEPS` steps of each class."""
    return naive_invert(model, images, CLASSES, steps=_STEPS, batch=BATCH, seed=0)[1]


def bare(model: nn.Module, images: Tensor, *, together: int, precision: str = FLOAT32) -> int:
    """Forward and backward to mask and pattern alone, `together` classes in one batch."""
    settings = InversionSettings(batch=BATCH, precision=precision)
    for first in range(0, CLASSES, together):
        search = begin(range(first, first + together), images, settings, seed=0)
        for _ in range(_STEPS):
            raw = search.raw_mask.requires_grad_(), search.raw_pattern.requires_grad_()
            mask, pattern = (torch.tanh(value) / 2 + 0.5 for value in raw)
            with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=precision == BFLOAT16):
                logits = model(stamp(images[:BATCH], mask, pattern).flatten(0, 1))
            goal = search.classes.repeat_interleave(BATCH)
            loss = functional.cross_entropy(logits.float(), goal, reduction="sum") / BATCH
            torch.autograd.grad(loss + settings.penalty * mask.sum(), raw)
    return CLASSES * BATCH * _STEPS


def whole(model: nn.Module, images: Tensor, settings: InversionSettings) -> int:
    """The search as the product runs it, all classes live."""
    done = advance(
        model, images, begin(range(CLASSES), images, settings, seed=0), settings=settings, seed=0, until=_STEPS
    )
    return int(done.steps.sum()) * settings.batch


def levers(module: nn.Module, images: Tensor, *, compiled: bool) -> list[Lever]:
    """From the naive loop on, each with one thing more."""
    hot = copy.deepcopy(module).requires_grad_(True)
    folded, ready = fold_batch_norms(module), prepare_for_search(module)
    product = InversionSettings()
    rows = [
        Lever(f"naive loop, batch {BATCH}", lambda: naive(hot, images)),
        Lever("weights frozen", lambda: bare(module, images, together=1)),
        Lever(f"{CLASSES} classes in one batch", lambda: bare(module, images, together=CLASSES)),
        Lever("batch norms folded", lambda: bare(folded, images, together=CLASSES)),
        Lever("channels last", lambda: bare(ready, images, together=CLASSES)),
        Lever("  with 2 classes a batch (nearer to the cache)", lambda: bare(ready, images, together=2)),
        Lever(f"the search itself, batch {product.batch}", lambda: whole(ready, images, product)),
    ]
    if torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001 - torch has no public name for it
        rows.append(
            Lever("bfloat16", lambda: bare(ready, images, together=CLASSES, precision=BFLOAT16)),
        )
    if compiled:
        fast = copy.deepcopy(ready)
        fast.compile()
        rows.append(Lever("torch.compile (off in the product)", lambda: bare(fast, images, together=CLASSES)))
    return rows


def measured(rows: list[Lever], rounds: int) -> dict[str, float]:
    """Median CPU microseconds an image pass of each lever."""
    spent: dict[str, list[float]] = {row.name: [] for row in rows}
    for row in rows:
        row.run()
    for _ in range(rounds):
        for row in rows:
            started = time.process_time()
            passes = row.run()
            spent[row.name].append((time.process_time() - started) / passes * 1e6)
    return {name: median(values) for name, values in spent.items()}


def network(path: Path | None) -> nn.Module:
    """The model to search: of a file, or a ResNet-8 of random weights whose batch norms have seen noise."""
    if path is not None:
        module = load_model(path).module
        assert module is not None, "the file's model runs"
        return module
    torch.manual_seed(0)
    module = ResNet8().train()
    for _ in range(_WARM):
        module(torch.rand(64, 3, SIDE, SIDE))
    return freeze(module)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    images = torch.rand(_STEPS * BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = measured(levers(network(chosen.model), images, compiled=chosen.compile), chosen.rounds)
    facts = {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(), "rounds": chosen.rounds}
    if chosen.json:
        print(json.dumps(facts | {"cpu_us_per_pass": found}))
        return
    first = next(iter(found.values()))
    print(f"torch {facts['torch']}, {facts['cpu']}, one thread, medians of {chosen.rounds} rounds")
    for name, spent in found.items():
        print(f"{name:50s} {spent:7.0f} µs an image pass   {first / spent:4.2f} x")


if __name__ == "__main__":
    main()
