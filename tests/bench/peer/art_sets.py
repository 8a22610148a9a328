"""ART 1.20.1's tests of training sets, run in its own environment on the same features, or on the images themselves.

    var/bench/peer-venv/torch/bin/python -m tests.bench.peer.art_sets SET.npz [--weights MODEL.safetensors]

SET.npz holds labels [N], poisoned [N] and either {features [N, D], logits [N, K]} or images [N, C, H, W] (bytes, or
floats in 0..1; then --weights names a ResNet-8). With features ART is given a model that hands its input on, so that it
sees exactly the numbers that Assay saw; with images it runs the network itself, which is what peak memory and seconds
must be read from. Each test runs twice: "logits" is ART as shipped (it takes the last layer, and has no parameter for
another), "penultimate" has the model cut by hand so that its output is the features.

One JSON object goes to standard output. Every test runs in a process of its own, so that no peak contains another's.
Flags are those of `detect_poison`. Activation clustering gives no score, so its AUROC is that of the flags; for spectral
signatures the score is ART's own `spectral_signature_scores` per class, computed outside the measured time.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tests.bench.peer.meter import Clock, judge, peak_mib
from tests.bench.peer.resnet8 import load, read_images

VIEWS = ("logits", "penultimate")
RULES = ("smaller", "distance", "silhouette-scores", "relative-size")
FORWARD = "forward"
_BATCH = 128  # ART's own


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What ART is given: x [N, ...] float32, labels [N], poisoned [N]; `model` maps x to logits or to features."""

    x: NDArray[np.float32]
    labels: NDArray[np.int64]
    poisoned: NDArray[np.bool_]
    model: nn.Module
    classes: int


def read_set(file: Path, weights: Path | None, view: str) -> TrainingSet:
    """The set as ART sees it in this view."""
    with np.load(file) as archive:
        labels, poisoned = archive["labels"].astype(np.int64), archive["poisoned"].astype(bool)
        classes = int(labels.max()) + 1
        if weights is None:
            x = archive["logits" if view == "logits" else "features"].astype(np.float32)
            return TrainingSet(x, labels, poisoned, nn.Sequential(nn.Identity()), classes)
        model = load(weights)
        if view == "penultimate":
            model.fc = nn.Identity()
        return TrainingSet(read_images(archive), labels, poisoned, model, classes)


def art_classifier(given: TrainingSet) -> Any:
    """The set's model as ART's own classifier object."""
    pytorch = importlib.import_module("art.estimators.classification").PyTorchClassifier
    return pytorch(
        model=given.model,
        loss=nn.CrossEntropyLoss(),
        input_shape=given.x.shape[1:],
        nb_classes=given.classes,
        device_type="cpu",
    )


def spectral_scores(defence: Any, classifier: Any, given: TrainingSet) -> NDArray[np.float64]:
    """ART's scores [N], class by class, as `detect_poison` computes them before it keeps the flagged ones only."""
    last = len(classifier.layer_names) - 1
    values = classifier.get_activations(given.x, layer=last, batch_size=_BATCH).reshape(len(given.x), -1)
    scores = np.zeros(len(values), dtype=np.float64)
    for label in range(given.classes):
        rows = given.labels == label
        if rows.any():
            scores[rows] = defence.spectral_signature_scores(values[rows])[:, 0]
    return scores


def run_forward(given: TrainingSet) -> dict[str, Any]:
    """One forward pass over the same images in the same batches: the yardstick for the seconds of the tests."""
    clock = Clock.start()
    with torch.inference_mode():
        for start in range(0, len(given.x), _BATCH):
            given.model(torch.from_numpy(given.x[start : start + _BATCH]))
    return {"cpu_s": clock.cpu, "wall_s": clock.wall, "peak_mib": peak_mib()}


def run_one(given: TrainingSet, test: str) -> dict[str, Any]:
    """One test of ART: its quality, seconds and peak memory, or the error it ends with."""
    poison = importlib.import_module("art.defences.detector.poison")
    classifier = art_classifier(given)
    spectral = test.startswith("spectral-")
    if spectral:
        share = float(test.removeprefix("spectral-"))
        defence = poison.SpectralSignatureDefense(classifier, given.x, given.labels, expected_pp_poison=share)
        options: dict[str, Any] = {}
    else:
        defence = poison.ActivationDefence(classifier, given.x, given.labels)
        options = {
            "nb_clusters": 2,
            "nb_dims": 10,
            "reduce": "PCA",
            "cluster_analysis": test.removeprefix("clustering-"),
        }
    before, clock = peak_mib(), Clock.start()
    error, kept = None, None
    try:
        _, kept = defence.detect_poison(**options)
    except (ValueError, TypeError, IndexError, RuntimeError) as problem:  # whatever ART ends with is a result
        error = f"{type(problem).__name__}: {problem}"
    cost = {"cpu_s": clock.cpu, "wall_s": clock.wall, "peak_mib": peak_mib(), "mib_before": before}
    if kept is None:
        return cost | {"error": error}
    flags = np.asarray(kept) == 0
    scores = spectral_scores(defence, classifier, given) if spectral else flags.astype(np.float64)
    return (
        cost
        | judge(flags, scores, given.labels, given.poisoned)
        | {"auroc_from": "scores" if spectral else "flags", "error": None}
    )


def tests_of(shares: list[float], *, images: bool) -> list[tuple[str, str]]:
    """Every (view, test) to run."""
    tests = [f"clustering-{rule}" for rule in RULES] + [f"spectral-{share:g}" for share in shares]
    return [(view, test) for view in VIEWS for test in tests] + ([("logits", FORWARD)] if images else [])


def run_all(chosen: argparse.Namespace) -> dict[str, Any]:
    """All tests, one process each."""
    results: dict[str, Any] = {}
    for view, test in tests_of(chosen.shares, images=chosen.weights is not None):
        command = [sys.executable, "-m", "tests.bench.peer.art_sets", *sys.argv[1:], "--view", view, "--test", test]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = ran.stdout.strip().splitlines()
        said = ran.stderr.strip().splitlines()
        failure = f"ended with code {ran.returncode}: {said[-1] if said else 'no message'}"
        results[f"{view}/{test}"] = json.loads(lines[-1]) if lines and not ran.returncode else {"error": failure}
    return results


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.01, 0.1], help="assumed poison rates, as ART asks"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--view", choices=VIEWS)
    parser.add_argument("--test")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.test is None:
        versions = {
            name: importlib.metadata.version(name) for name in ("adversarial-robustness-toolbox", "numpy", "torch")
        }
        path = "images" if chosen.weights else "features"
        print(json.dumps({"versions": versions, "path": path, "threads": chosen.threads, "tests": run_all(chosen)}))
        return
    np.random.seed(chosen.seed)  # ART draws its k-means from NumPy's global generator
    given = read_set(chosen.file, chosen.weights, chosen.view)
    print(json.dumps(run_forward(given) if chosen.test == FORWARD else run_one(given, chosen.test)))


if __name__ == "__main__":
    main()
