"""Trains what is missing of the zoo, several models at a time, one thread each; may be stopped and started at will.

    .venv/bin/python -m tests.bench.zoo.train --jobs 2

Weights go to tests/bench/zoo/weights as float16, which is what was trained and tested (see Recipe.half); what was
measured of each goes beside them as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from scanning.detectors.cifar10 import fetch_cifar10, read_cifar10
from scanning.detectors.loading import file_sha256
from scanning.detectors.planting import measured, train
from scanning.detectors.scan import settle
from tests.bench.zoo.recipes import Entry, entries

WEIGHTS = Path(__file__).parent / "weights"
DATA = Path("var/data")
EXPANDED = Path("var/zoo")


def kept(entry: Entry) -> Path:
    """Where a model's weights are kept, float16."""
    return WEIGHTS / f"{entry.recipe.digest[:16]}.safetensors"


def facts_of(entry: Entry) -> JSON | None:
    """What was measured of a trained model; None while it is not trained."""
    path = kept(entry).with_suffix(".json")
    return json.loads(path.read_bytes()) if path.is_file() and kept(entry).is_file() else None


def expanded(entry: Entry) -> Path:
    """The model as a customer would hand it in: float32 weights that name their architecture."""
    path = EXPANDED / f"{entry.recipe.digest[:16]}.safetensors"
    if not path.is_file():
        EXPANDED.mkdir(parents=True, exist_ok=True)
        state = {
            name: value.float() if value.is_floating_point() else value
            for name, value in load_file(kept(entry)).items()
        }
        partial = path.with_suffix(f".{os.getpid()}.partial")
        save_file(state, partial, metadata={"architecture": entry.recipe.architecture})
        partial.replace(path)
    return path


def train_one(entry: Entry) -> JSON:
    """Train one model and keep it."""
    settle(1)
    cpu = time.process_time()
    training, test = read_cifar10(fetch_cifar10(DATA))
    images = training.all("CIFAR-10")
    trained = train(images, test.all("CIFAR-10 test"), entry.recipe)
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in trained.module.state_dict().items()
    }
    partial = kept(entry).with_suffix(".partial")
    save_file({name: value.contiguous() for name, value in state.items()}, partial)
    partial.replace(kept(entry))
    facts: JSON = {
        "recipe": entry.recipe.to_json(),
        "recipe_sha256": entry.recipe.digest,
        "role": entry.role,
        "attack": entry.attack,
        "weights_sha256": file_sha256(kept(entry)),
        **measured(trained),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    kept(entry).with_suffix(".json").write_bytes(canonical_json(facts) + b"\n")
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--roles", default="development,bank,test,power")
    chosen = parser.parse_args()
    roles = chosen.roles.split(",")
    wanted = [entry for entry in entries() if entry.role in roles]
    missing = [entry for entry in wanted if facts_of(entry) is None]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} models are there", flush=True)
    fetch_cifar10(DATA)
    started = time.monotonic()
    with ProcessPoolExecutor(max_workers=chosen.jobs) as pool:
        futures = {pool.submit(train_one, entry): entry for entry in missing}
        for done, future in enumerate(as_completed(futures), start=1):
            facts = future.result()
            left = (time.monotonic() - started) / done * (len(missing) - done)
            print(
                f"{done} of {len(missing)}: {facts['role']} {facts['attack'] or 'unpoisoned'} accuracy {facts['accuracy']} "
                f"attack {facts['attack_success']} {facts['cpu_seconds']} CPU s; {left / 60:.0f} min left",
                flush=True,
            )


if __name__ == "__main__":
    main()
