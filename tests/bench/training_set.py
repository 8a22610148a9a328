"""How well the tests of a training set find planted images, and what they cost beside one forward pass.

    .venv/bin/python -m tests.bench.training_set [--roles development] [--keep] [--json FILE]
    .venv/bin/python -m tests.bench.training_set --sizes 20000,50000

Each model of the zoo is given its own training set, rebuilt by its recipe, as a file. A child process opens it, runs
both stages as a scan does, and one plain pass of the same images before and after; CPU seconds and the peak are the child's.
AUROC is over all images and, apart from that, among the images of the target class; poisoned images that had the target's label
before count as poisoned. --keep leaves features [N, D], logits, labels and poisoned of each set in var/bench/training_set,
for comparisons on the same numbers. --sizes runs the first model of the roles on sets of so many images and prints the
peaks. Of classes that were not planted in, the largest statistics are printed, and how many images of other classes a
stamp read off their second side turns: from these the rules in scanning/detectors/training_nulls.py were chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scanning.detectors import training_verdict
from scanning.detectors.activation_clustering import ActivationClustering, clusters
from scanning.detectors.base import Confirmation, ScanContext
from scanning.detectors.cifar10 import fetch_cifar10, read_cifar10
from scanning.detectors.feature_streams import FeatureStream, features_of, pass_of
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import load_model
from scanning.detectors.planting import Recipe, poisoned, poisoned_rows
from scanning.detectors.scan import settle
from scanning.detectors.spectral_signatures import SpectralSignatures, published_scores, spectra
from scanning.detectors.training_images import TrainingImages, open_training_images, save_training_images
from scanning.detectors.training_verdict import Examined, own_p, suspicion, top_row
from tests.bench.peer.meter import auroc, peak_mib
from tests.bench.zoo.recipes import Entry, entries
from tests.bench.zoo.train import DATA, expanded, facts_of

FOLDER = Path("var/bench/training_set")
_BATCH = 256


def write_set(images: LabelledImages, recipe: Recipe, folder: Path) -> Path:
    """The training set of a recipe as a customer would hand it in, with which images are poisoned beside it."""
    pixels, labels = poisoned(images, recipe)
    marked = np.zeros(len(labels), dtype=bool)
    if recipe.attack is not None:
        marked[poisoned_rows(len(labels), recipe).numpy()] = True
    path = folder / "training.npz"
    save_training_images(path, pixels.numpy(), labels.numpy(), compressed=False)
    np.save(folder / "poisoned.npy", marked)
    return path


def plain_pass(module: torch.nn.Module, training: TrainingImages) -> float:
    """CPU seconds in the network alone, over all images, without reading them."""
    spent = 0.0
    with torch.no_grad():
        for part, _, _ in training.parts(_BATCH):
            images, before = torch.from_numpy(part), time.process_time()
            module(images)
            spent += time.process_time() - before
    return spent


def scored(name: str, examined: Examined, stream: FeatureStream, marked: NDArray[np.bool_], target: int) -> Any:
    """Class named and AUROC of one stage."""
    top, own = top_row(examined.rows), stream.labels == target
    scores = suspicion(examined, stream.labels).astype(np.float64)
    return {
        "stage": name,
        "top": None if top is None else top.label,
        "statistics": [row.statistic for row in examined.rows],
        "unplanted": [row.statistic for row in examined.rows if row.label != target],
        "p": own_p(examined.rows),
        "auroc": auroc(scores, marked),
        "auroc_in_class": auroc(scores[own], marked[own]),
    }


def natural_flips(context: ScanContext, stream: FeatureStream, examined: Examined, target: int) -> list[float]:
    """For each class that was not planted in, the share of other images that a stamp read off its second side turns."""
    found: list[Confirmation] = []
    for row in (row for row in examined.rows if row.label != target):
        members = stream.rows_of(row.label)
        side = members[examined.positions[members] > 0.5]
        found.append(training_verdict.confirmed_stamp(context, stream, pass_of(context)[0], row.label, side)[0])
    return [one.rate for one in found]


def child(model: Path, folder: Path, target: int, keep: str) -> None:
    """One model, measured in a process of its own; prints JSON."""
    settle(1)
    resting, before = peak_mib(), time.process_time()
    training = open_training_images(folder / "training.npz")
    opened = time.process_time() - before
    context = ScanContext(model=load_model(model), training=training)
    assert context.model.module is not None, "models of the zoo run"
    forward = plain_pass(context.model.module, training)
    before = time.process_time()
    reports = [ActivationClustering().examine(context), SpectralSignatures().examine(context)]
    both, peak = time.process_time() - before, peak_mib()
    forward = (forward + plain_pass(context.model.module, training)) / 2  # before and after, on a busy machine
    marked, stream = np.load(folder / "poisoned.npy"), features_of(context)
    examined = {"activation_clustering": clusters(stream), "spectral_signatures": spectra(stream)}
    rows = [scored(name, result, stream, marked, target) for name, result in examined.items()]
    for row, report in zip(rows, reports, strict=True):
        row |= {"verdict": report.verdict, "statement": report.statement, "found": report.facts.get("confirmation")}
    own = stream.labels == target
    published = {
        name: [auroc(values, marked), auroc(values[own], marked[own])]
        for name, found in published_scores(stream).items()
        for values in (found.astype(np.float64),)
    }
    answer = {
        "images": len(training),
        "opened_cpu_s": opened,
        "stages_cpu_s": both,
        "forward_cpu_s": forward,
        "resting_mib": resting,
        "peak_mib": peak,
        "stages": rows,
        "published": published,
    }
    answer["natural_flips"] = natural_flips(context, stream, examined["activation_clustering"], target)
    if keep:
        save_features(context, stream, marked, Path(keep))
    print(json.dumps(answer))


def save_features(context: ScanContext, stream: FeatureStream, marked: NDArray[np.bool_], path: Path) -> None:
    """Features, logits, labels and poisoned in the order of the set."""
    features = np.empty((len(stream.labels), stream.dimensions), dtype=np.float32)
    for label in range(stream.classes):
        if len(stream.rows_of(label)):
            features[stream.rows_of(label)] = np.concatenate(list(stream.parts_of(label)))
    logits = pass_of(context)[0].logits(torch.from_numpy(features)).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, features=features, logits=logits, labels=stream.labels, poisoned=marked)


def measured(entry: Entry, images: LabelledImages, *, count: int | None = None, keep: bool = False) -> Any:
    """Run the child on one model and its set, or on a set of another size."""
    recipe = entry.recipe if count is None else replace(entry.recipe, images=count)
    target = -1 if recipe.attack is None else recipe.attack.target
    kept = FOLDER / f"{entry.attack or 'unpoisoned'}-{entry.recipe.digest[:8]}.npz"
    with tempfile.TemporaryDirectory() as folder:
        write_set(images, recipe, Path(folder))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # as the child of a scan has them
        command = [sys.executable, "-m", "tests.bench.training_set", "--child", str(expanded(entry)), folder]
        command += [str(target), str(kept) if keep else ""]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return {"attack": entry.attack, "seed": recipe.seed, "target": target, **json.loads(done.stdout)}


def line(row: Any) -> str:
    """One line of the table for each stage."""
    ratio = row["stages_cpu_s"] / row["forward_cpu_s"]
    cost = f"{row['stages_cpu_s']:.1f} | {ratio:.2f} | {row['opened_cpu_s']:.1f} | {row['peak_mib']:.0f}"
    lines = []
    for stage in row["stages"]:
        largest = sorted((s for s in stage["statistics"] if s is not None), reverse=True)
        found = stage["found"] and f"{stage['found']['flipped']}/{stage['found']['tried']}"
        p = "" if stage["p"] is None else f"{stage['p']:.2g}"
        lines.append(
            f"| {row['attack'] or 'unpoisoned'} {row['seed']} | {stage['stage']} | {share(stage['auroc'])} | "
            f"{share(stage['auroc_in_class'])} | {stage['top']} ({row['target']}) | {largest[0]:.1f}, {largest[1]:.1f} | "
            f"{p} | {found or ''} | {stage['verdict']} | {cost} |"
        )
    return "\n".join(lines)


def share(value: float | None) -> str:
    """Three digits, or nothing."""
    return "" if value is None else f"{value:.3f}"


def main() -> None:
    """Run the bench and print what came out."""
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roles", default="development")
    parser.add_argument("--most", type=int, default=10_000, help="so many models at most")
    parser.add_argument("--sizes", default="")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    wanted = [entry for entry in entries() if entry.role in chosen.roles.split(",") and facts_of(entry) is not None]
    images = read_cifar10(fetch_cifar10(DATA))[0].all("CIFAR-10")
    if chosen.sizes:
        for count in map(int, chosen.sizes.split(",")):
            row = measured(wanted[0], images, count=count)
            print(
                f"{row['images']:,} images: {row['resting_mib']:.0f} MiB at rest, peak {row['peak_mib']:.0f} MiB; ",
                end="",
            )
            print(f"stages {row['stages_cpu_s']:.1f} CPU s, one pass {row['forward_cpu_s']:.1f}", flush=True)
        return
    columns = (
        "model", "stage", "AUROC", "in class", "named (target)", "largest two", "p", "stamp", "verdict", "CPU s",
        "of a pass", "opening", "MiB",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    rows = []
    for entry in wanted[: chosen.most]:
        rows.append(measured(entry, images, keep=chosen.keep))
        print(line(rows[-1]), flush=True)
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(rows, indent=1))
    summary(rows)


def summary(rows: list[Any]) -> None:
    """What classes that were not planted in gave at most, and how many sets without planted images were flagged."""
    natural = [row for row in rows if row["target"] < 0]
    for place in range(2 if rows else 0):
        stages = [row["stages"][place] for row in rows]
        values = sorted((v for stage in stages for v in stage["unplanted"] if v is not None), reverse=True)
        flagged = sum(row["stages"][place]["found"] is not None for row in natural)
        print(f"\n{stages[0]['stage']}: {len(values)} unplanted classes of {len(rows)} models; largest ", end="")
        print(f"{', '.join(f'{v:.1f}' for v in values[:5])}; {flagged} of {len(natural)} unpoisoned models flagged")
    flips = sorted((flip for row in rows for flip in row["natural_flips"]), reverse=True)
    print(f"stamps of unplanted classes turn at most {', '.join(f'{flip:.1%}' for flip in flips[:5])}")


if __name__ == "__main__":
    main()
