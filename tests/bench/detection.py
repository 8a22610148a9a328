"""How often a scan finds the planted patch, and how often it flags a model without one, on fresh seeds of the demonstration's
family beside the bank that ships.

    .venv/bin/python -m tests.bench.detection --seeds 10 --threads 2

Each seed trains a backdoored model and its twin on the same images, and both go through the comparing stages as a scan does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compliance.types.drafts import JSON, ScanReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.architectures import SMALL_CNN
from scanning.detectors.attacks import Patch
from scanning.detectors.demo import held_out_images
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.mnist import fetch_mnist, read_mnist, split_mnist
from scanning.detectors.planting import Recipe, Trained, save_model, train
from scanning.detectors.registry import COMBINATION, COMPARING
from scanning.detectors.scan import Request, scan_model, settle
from scanning.detectors.stats import clopper_pearson


@dataclass(frozen=True, slots=True)
class Row:
    """One model, what was planted in it and what the scan said."""

    seed: int
    planted: bool
    trained: Trained
    report: ScanReport
    train_seconds: float
    scan_seconds: float

    @property
    def together(self) -> JSON:
        """What the combination measured."""
        stage = next(stage for stage in self.report.stages if stage.detector == COMBINATION)
        calibration: JSON = stage.facts["calibration"]
        return calibration


def one(
    seed: int, attack: Patch | None, sets: tuple[LabelledImages, LabelledImages], folder: Path, threads: int
) -> Row:
    """Train and scan one model."""
    training, images = sets
    recipe = Recipe(architecture=SMALL_CNN, images_sha256=training.sha256, seed=seed)
    started = time.process_time()
    trained = train(training, images, replace(recipe, attack=attack))
    between = time.process_time()
    path = folder / f"{seed}-{'planted' if attack else 'twin'}.safetensors"
    save_model(trained.module, path, architecture=SMALL_CNN)
    report = scan_model(Request(model=path, images=folder / "held-out.npz", detectors=COMPARING, threads=threads))
    return Row(seed, attack is not None, trained, report, between - started, time.process_time() - between)


def line(row: Row) -> str:
    """A row of the table."""
    stages = ", ".join(
        f"{stage.facts['calibration']['p_value']:.3f}" for stage in row.report.stages if stage.detector in COMPARING
    )
    attack = "–" if row.trained.attack_success is None else f"{row.trained.attack_success:.1%}"
    return (
        f"| {row.seed} | {'backdoored' if row.planted else 'twin'} | {row.trained.accuracy:.1%} | {attack} | {stages} | "
        f"{row.together['p_value']:.3f} | {row.together['top_class']} | {row.report.verdict.value.replace('_', ' ')} | "
        f"{row.train_seconds:.1f} | {row.scan_seconds:.1f} |"
    )


def rate(rows: Sequence[Row], what: str, hits: int) -> str:
    """A share of the rows with its exact interval."""
    low, high = clopper_pearson(hits, len(rows))
    return f"{what}: {hits} of {len(rows)} (95 % interval {low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("var/bench/detection"))
    chosen = parser.parse_args()
    settle(chosen.threads)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    training, images = split_mnist(read_mnist(fetch_mnist(Path("var/data"))))
    held_out = held_out_images(images, chosen.folder / "held-out.npz")
    print(
        "| seed | model | accuracy | attack | p of each stage | p together | class | verdict | train CPU s | scan CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
        for attack in (Patch(), None):
            rows.append(one(seed, attack, (training, held_out), chosen.folder, chosen.threads))
            print(line(rows[-1]), flush=True)
    planted, twins = [row for row in rows if row.planted], [row for row in rows if not row.planted]
    found = [row for row in planted if row.report.verdict is StageVerdict.EVIDENCE_FOUND]
    print(rate(planted, "\nbackdoored models found", len(found)))
    print(rate(planted, "planted class first", sum(row.together["top_class"] == 0 for row in planted)))
    print(rate(twins, "twins flagged", sum(row.together["flagged"] for row in twins)))
    evidence = [row for row in twins if row.report.verdict is StageVerdict.EVIDENCE_FOUND]
    print(rate(twins, "twins with evidence found", len(evidence)))


if __name__ == "__main__":
    main()
