"""Neural Cleanse as public implementations of it are usually written, to compare the cost of one image pass.

    python -m tests.bench.peer.naive_inversion MODEL.safetensors IMAGES.npz [--steps 400] [--threads 1]

Written anew from the description in the paper (Wang et al., IEEE S&P 2019) and of such implementations: one class after
another, batches of 32 in epochs over the images, `loss.backward()` through a network whose weights still ask for
gradients, torch.optim.Adam on mask and pattern, and the weight of the mask norm moved once an epoch. Nothing in it is
slowed down on purpose, and nothing of Assay's own search is used.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.bench.peer.meter import finite, peak_mib
from tests.bench.peer.resnet8 import load, read_images

SUCCESS, FIRST_COST, FACTOR, PATIENCE, STOP_PATIENCE, STOP_RATIO = 0.99, 1e-3, 1.5, 5, 25, 1.0
_EPSILON = 1e-7


@dataclass(slots=True)
class Schedule:
    """The weight of the mask norm, and when to stop; `after_epoch` is told once an epoch."""

    cost: float = FIRST_COST
    good: int = 0
    bad: int = 0
    raised: bool = False
    lowered: bool = False
    best: float = math.inf
    unchanged: int = 0

    def after_epoch(self, success: float, norm: float) -> bool:
        """Move the weight; True where the class is finished."""
        before = self.best
        if success >= SUCCESS and norm < self.best:
            self.best = norm
        if self.best < math.inf:
            self.unchanged = self.unchanged + 1 if self.best >= STOP_RATIO * before else 0
        if self.raised and self.lowered and self.unchanged >= STOP_PATIENCE:
            return True
        self.good, self.bad = (self.good + 1, 0) if success >= SUCCESS else (0, self.bad + 1)
        if self.good >= PATIENCE:
            self.good, self.cost, self.raised = 0, self.cost * FACTOR, True
        elif self.bad >= PATIENCE:
            self.bad, self.cost, self.lowered = 0, self.cost / FACTOR**1.5, True
        return False


def naive_invert(
    model: nn.Module, images: Tensor, classes: int, *, steps: int, batch: int, seed: int
) -> tuple[list[float], int, float]:
    """(L1 norm of each class's smallest working mask, infinite where none worked; image passes; CPU seconds).

    images [N, C, H, W]; `steps`: most batches per class, rounded up to whole epochs. CPU seconds are those of all threads;
    one batch goes ahead of them, since the first step of torch.optim imports for seconds.
    """
    model.eval()
    asked = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(True)
    _one_class(model, images[:batch], 0, steps=1, batch=batch, draws=torch.Generator().manual_seed(seed))
    started, passes = time.process_time(), 0
    norms: list[float] = []
    draws = torch.Generator().manual_seed(seed)
    for label in range(classes):
        norm, used = _one_class(model, images, label, steps=steps, batch=batch, draws=draws)
        norms.append(norm)
        passes += used
    seconds = time.process_time() - started
    for parameter, before in zip(model.parameters(), asked, strict=True):
        parameter.grad = None
        parameter.requires_grad_(before)
    return norms, passes, seconds


def _one_class(
    model: nn.Module, images: Tensor, label: int, *, steps: int, batch: int, draws: torch.Generator
) -> tuple[float, int]:
    raw_mask = _start(torch.rand(1, *images.shape[2:], generator=draws)).requires_grad_(True)
    raw_pattern = _start(torch.rand(*images.shape[1:], generator=draws)).requires_grad_(True)
    optimiser = torch.optim.Adam([raw_mask, raw_pattern], lr=0.1, betas=(0.5, 0.9))
    schedule, passes = Schedule(), 0
    for _ in range(math.ceil(steps / math.ceil(len(images) / batch))):
        hits, mask_norms = 0, []
        for rows in torch.split(torch.randperm(len(images), generator=draws), batch):
            mask, pattern = torch.tanh(raw_mask) / 2 + 0.5, torch.tanh(raw_pattern) / 2 + 0.5
            stamped = (1 - mask) * images[rows] + mask * pattern  # [B, C, H, W]
            logits = model(stamped)
            target = torch.full((len(rows),), label)
            norm = mask.abs().sum()
            loss = functional.cross_entropy(logits, target) + schedule.cost * norm
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            hits += int((logits.argmax(dim=1) == target).sum())
            mask_norms.append(norm.item())
            passes += len(rows)
        if schedule.after_epoch(hits / len(images), sum(mask_norms) / len(mask_norms)):
            break
    return schedule.best, passes


def _start(share: Tensor) -> Tensor:
    """What tanh must be given so that mask or pattern starts at `share` in 0..1."""
    return torch.atanh((share * 2 - 1) * (1 - _EPSILON)).clamp(-8, 8)


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path, help=".npz with images [N, C, H, W]")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    with np.load(chosen.images) as archive:
        images = torch.from_numpy(read_images(archive))
    model = load(chosen.weights)
    settings = {"steps": chosen.steps, "batch": chosen.batch, "seed": chosen.seed}
    norms, passes, seconds = naive_invert(model, images, chosen.classes, **settings)
    cost = {"passes": passes, "cpu_s": seconds, "cpu_us_per_pass": seconds / passes * 1e6, "peak_mib": peak_mib()}
    print(json.dumps(settings | {"threads": chosen.threads, "norms": [finite(norm) for norm in norms]} | cost))


if __name__ == "__main__":
    main()
