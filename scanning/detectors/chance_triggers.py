"""What a trigger of the same size does by chance: controls for a recovered trigger on held-out images.

A mask that covers half of a picture turns most images whatever is in it. So the recovered mask is tried with other
contents: noise at another place, and what it covers of ordinary images of the class. A planted trigger turns far more
than any of these.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from scanning.detectors.inversion import flips

_DRAWS = 5
_SEED = 20_191_110


def controls(
    trigger: tuple[Tensor, Tensor], natural: Tensor, *, draws: int = _DRAWS, seed: int = _SEED
) -> list[tuple[Tensor, Tensor]]:
    """Triggers as large as the recovered one (mask [1, H, W], pattern [C, H, W]): `draws` with the mask moved elsewhere
    (around the edges) and uniform noise as pattern, and up to `draws` with the mask in its place and an image of
    `natural` [N, C, H, W] as pattern."""
    mask, pattern = trigger
    random = np.random.default_rng(seed)
    height, width = mask.shape[1:]
    made: list[tuple[Tensor, Tensor]] = []
    for _ in range(draws):
        down, right = int(random.integers(height)), int(random.integers(width))
        noise = torch.from_numpy(random.random(pattern.shape, dtype=np.float32)).to(pattern)
        made.append((torch.roll(mask, (down, right), dims=(1, 2)), noise))
    chosen = random.permutation(len(natural))[:draws].tolist()
    return made + [(mask, natural[place]) for place in chosen]


def most_by_chance(model: nn.Module, images: Tensor, labels: Tensor, trigger: tuple[Tensor, Tensor], label: int) -> int:
    """The most images [N, C, H, W] of other classes that any control of the trigger turns into class `label`."""
    tried = controls(trigger, images[labels == label])
    return max(flips(model, images, labels, control, label)[0] for control in tried)
