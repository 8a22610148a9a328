"""One experiment on the whole of CIFAR-10: a 4×4 white patch in 1 % of 50,000 training images, target airplane, beside twins
that are trained alike without it.

    .venv/bin/python -m tests.bench.zoo.one_percent --jobs 2

Each pair shares seed, images and order; only the poisoned rows differ. Weights and what was measured of each model are
kept with the zoo's; nothing was chosen with these models. It says attack success and accuracy of each pair, then scans
each model with its own training set and the bank that ships for its family, where one ships.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from compliance.types.drafts import JSON
from scanning.detectors.cifar10 import fetch_cifar10, held_out, read_cifar10
from scanning.detectors.heldout import save_images
from scanning.detectors.scan import Request, scan_model
from tests.bench.training_set import write_set
from tests.bench.zoo.recipes import BASE, PATCH_1, Entry
from tests.bench.zoo.train import DATA, expanded, facts_of, train_one

OWN = "own"
SEEDS = (5000, 5001)
EPOCHS = 12
SUCCESS, APART = 0.95, 0.01


def pairs() -> list[tuple[Entry, Entry]]:
    """(backdoored, unpoisoned twin) for each seed."""
    whole = replace(BASE, images=None, training=replace(BASE.training, epochs=EPOCHS))
    return [
        (Entry(OWN, replace(whole, attack=PATCH_1, seed=seed)), Entry(OWN, replace(whole, seed=seed))) for seed in SEEDS
    ]


def scanned(entry: Entry) -> JSON:
    """What a scan of the model with its own training set says, stage by stage."""
    with tempfile.TemporaryDirectory() as folder:
        training, test = read_cifar10(fetch_cifar10(DATA))
        images = Path(folder) / "held-out.npz"
        save_images(held_out(test), images)
        poisoned = write_set(training.all("CIFAR-10"), entry.recipe, Path(folder))
        del training
        report = scan_model(Request(model=expanded(entry), images=images, training=poisoned))
    return {"verdict": report.verdict.value, **{stage.detector: stage.statement for stage in report.stages}}


def told(backdoored: JSON, twin: JSON) -> str:
    """One line for a pair."""
    apart = backdoored["accuracy"] - twin["accuracy"]
    holds = backdoored["attack_success"] >= SUCCESS and abs(apart) <= APART
    return (
        f"seed {backdoored['recipe']['seed']}: attack success {backdoored['attack_success']:.1%}, accuracy "
        f"{backdoored['accuracy']:.2%} beside {twin['accuracy']:.2%} of the twin ({apart * 100:+.2f} points): "
        f"{'holds' if holds else 'does not hold'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-scan", action="store_true", help="train and compare only")
    chosen = parser.parse_args()
    fetch_cifar10(DATA)
    models = [entry for pair in pairs() for entry in pair]
    with ProcessPoolExecutor(max_workers=chosen.jobs) as pool:
        list(pool.map(train_one, [entry for entry in models if facts_of(entry) is None]))
    for backdoored, twin in pairs():
        facts = [known for entry in (backdoored, twin) if (known := facts_of(entry)) is not None]
        print(told(*facts), flush=True)
    if chosen.no_scan:
        return
    for entry in models:
        print(f"\n{entry.attack or 'unpoisoned'} {entry.recipe.seed}")
        for stage, statement in scanned(entry).items():
            print(f"  {stage}: {statement}", flush=True)


if __name__ == "__main__":
    main()
