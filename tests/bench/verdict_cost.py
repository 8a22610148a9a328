"""What a verdict on one infected model costs: Assay's trigger inversion beside ART's Neural Cleanse, in the same run.

    .venv/bin/python -m tests.bench.verdict_cost [--rounds 10]

The model is the first of the zoo's test set with a patch in 10 % of its training images. Both get the same 300 images and
search all ten classes on one thread. ART runs in its own environment with its learning rate repaired (see
tests.bench.peer.art_neural_cleanse) and --rounds rounds over the images; its standard is 1000, for which the cost is
projected from the seconds of a pass. Assay runs as in a scan, one seed and three.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from compliance.types.errors import BadInputError
from scanning.detectors.cifar10 import fetch_cifar10, held_out, read_cifar10
from scanning.detectors.folding import prepare_for_search
from scanning.detectors.inversion_checks import split_images
from scanning.detectors.inversion_rounds import invert
from scanning.detectors.loading import load_model
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.scan import SEEDS, settle
from tests.bench.peer import environment
from tests.bench.peer.resnet8 import write_reference
from tests.bench.zoo.recipes import PATCH_10, TEST, entries
from tests.bench.zoo.train import DATA, expanded


def searched(model: Path, images: torch.Tensor, seeds: tuple[int, ...]) -> tuple[float, int, int]:
    """(CPU seconds, image passes, class with the smallest mask) of a search with so many seeds, model read included."""
    started = time.process_time()
    module = load_model(model).module
    assert module is not None, "models of the zoo run"
    found = invert(prepare_for_search(module), images, 10, settings=NeuralCleanse().settings, seeds=seeds, threads=1)
    norms = [[norm if norm is not None else float("inf") for norm in row.norms] for row in found]
    smallest = int(np.argmin(np.median(np.array(norms), axis=0)))
    return time.process_time() - started, sum(row.passes for row in found), smallest


def peer(model: Path, images: torch.Tensor, labels: torch.Tensor, rounds: int) -> dict[str, Any]:
    """What ART's run printed. Raises BadInputError where its environment cannot be had."""
    python = environment.ensure(kind="keras")
    with tempfile.TemporaryDirectory() as folder:
        given, reference = Path(folder) / "images.npz", Path(folder) / "reference.npz"
        np.savez(given, images=images.numpy(), labels=labels.numpy())
        write_reference(model, images.numpy(), reference)
        return environment.measure(
            python, "art_neural_cleanse", str(model.resolve()), str(given), str(reference), "--steps", str(rounds)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    chosen = parser.parse_args()
    settle(1)
    model = expanded(next(e for e in entries() if e.role == TEST and e.attack == PATCH_10.name))
    search, _ = split_images(held_out(read_cifar10(fetch_cifar10(DATA))[1]), NeuralCleanse().images)
    one, passes, smallest = searched(model, search.pixels, (0,))
    three, _, _ = searched(model, search.pixels, tuple(range(SEEDS)))
    print(
        f"Assay, one seed: {one:.1f} CPU s, {passes:,} passes, smallest mask in class {smallest}; three seeds {three:.1f} CPU s"
    )
    try:
        art = peer(model, search.pixels, search.labels, chosen.rounds)
    except BadInputError as error:
        sys.exit(str(error))
    print(
        f"ART, {chosen.rounds} rounds: {art['cpu_s']:.1f} CPU s, {art['passes']:,} passes, smallest mask in class "
        f"{art['smallest']}, flagged {art['flagged']}; {art['cpu_us_per_pass']:.0f} µs a pass beside {one / passes * 1e6:.0f}"
    )
    print(
        f"ART beside one seed of Assay: {art['cpu_s'] / one:.1f} times as many CPU s in this run; at ART's standard rounds "
        f"{art['verdict_cpu_s']:.0f} CPU s, {art['verdict_cpu_s'] / one:.0f} times (projected)"
    )


if __name__ == "__main__":
    main()
