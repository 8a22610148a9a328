"""Measures the zoo's models as a scan does, several at a time, and writes the bank that ships for their family.

    .venv/bin/python -m tests.bench.zoo.measure --jobs 2 --roles bank,power   # then the bank is written
    .venv/bin/python -m tests.bench.zoo.measure --jobs 2 --roles test         # once, when nothing is left to choose

What was measured of each model is kept in tests/bench/zoo/measured.json, under the digest of all settings; a run with
the same settings measures nothing twice.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from scanning.detectors import banks
from scanning.detectors.bank_building import measure_model, row_of, settings_digest
from scanning.detectors.cifar10 import fetch_cifar10, held_out, read_cifar10
from scanning.detectors.loading import load_model
from scanning.detectors.references import BankedModel, Family, ReferenceBank, read_bank, write_bank
from scanning.detectors.registry import COMPARING
from scanning.detectors.scan import SEEDS, settle
from tests.bench.zoo.recipes import BANK, BASE, POWER, Entry, entries
from tests.bench.zoo.train import DATA, expanded, facts_of

MEASURED = Path("var/zoo/measured")
SHIPPED = banks.FOLDER / "cifar10-resnet8.json"
NAME = "CIFAR-10, ResNet-8"


def place_of(entry: Entry) -> Path:
    """Where a model's measurements are kept: under the recipe and the settings of every stage."""
    key = digest_of([entry.recipe.digest, settings_digest(), SEEDS])
    return MEASURED / f"{key[:32]}.json"


def measure_one(entry: Entry) -> JSON:
    """Measure one model with every comparing stage and keep the row."""
    settle(1)
    cpu = time.process_time()
    facts = facts_of(entry)
    assert facts is not None, "only trained models are measured"
    _, test = read_cifar10(fetch_cifar10(DATA))
    images = held_out(test)
    path = expanded(entry)
    row = row_of(path, entry.recipe.attack, facts, recipe_sha256=entry.recipe.digest)
    stages = measure_model(load_model(path), images)
    place = place_of(entry)
    place.parent.mkdir(parents=True, exist_ok=True)
    done = replace(row, stages=stages)
    write_bank(ReferenceBank(family=_family(images.sha256, images.name), models=(done,)), place)
    return {"cpu_seconds": round(time.process_time() - cpu, 1), "scores": {n: s.score for n, s in stages.items()}}


def kept_row(entry: Entry) -> BankedModel | None:
    """The kept row; None while the model is not measured with the settings of today."""
    place = place_of(entry)
    if not place.is_file():
        return None
    return read_bank(place)[0].models[0]


def rows(role: str) -> list[tuple[Entry, BankedModel]]:
    """Every measured model of a role."""
    return [(entry, made) for entry in entries() if entry.role == role and (made := kept_row(entry)) is not None]


def _family(images_sha256: str, images_name: str) -> Family:
    model = load_model(expanded(next(entry for entry in entries() if facts_of(entry) is not None)))
    return Family(
        name=NAME, architecture=BASE.architecture, architecture_digest=model.architecture_digest, classes=10,
        image_shape=(3, 32, 32), images_sha256=images_sha256, images_name=images_name,
        recipe=json.dumps(asdict(BASE.training), sort_keys=True) + f", {BASE.images:,} images drawn by seed",
    )  # fmt: skip


def ship() -> str:
    """Write the bank of references and planted models into the product. Gives its SHA-256."""
    _, test = read_cifar10(fetch_cifar10(DATA))
    images = held_out(test)
    models = tuple(made for role in (BANK, POWER) for _, made in rows(role))
    SHIPPED.parent.mkdir(exist_ok=True)
    return write_bank(ReferenceBank(family=_family(images.sha256, images.name), models=models), SHIPPED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--roles", default="bank,power")
    chosen = parser.parse_args()
    roles = chosen.roles.split(",")
    trained = [entry for entry in entries() if entry.role in roles and facts_of(entry) is not None]
    missing = [entry for entry in trained if not place_of(entry).is_file()]
    print(f"{len(trained) - len(missing)} of {len(trained)} trained models are measured with {', '.join(COMPARING)}")
    with ProcessPoolExecutor(max_workers=chosen.jobs) as pool:
        futures = {pool.submit(measure_one, entry): entry for entry in missing}
        for done, future in enumerate(as_completed(futures), start=1):
            entry, made = futures[future], future.result()
            print(f"{done} of {len(missing)}: {entry.role} {entry.attack or 'unpoisoned'} {made}", flush=True)
    if {BANK, POWER} & set(roles):
        print(f"{SHIPPED.name}: SHA-256 {ship()}")


if __name__ == "__main__":
    main()
