"""How often the demonstration's backdoor is found, and how often its twin is flagged, over fresh seeds.

    python -m tests.bench.detection --seeds 10 [--threads 2] [--folder var/bench] [--first-seed 100]

Every seed trains a backdoored model and a twin on the same images and judges both against one bank of references.
Prints a table, the rates with exact 95 % intervals, times and the peak memory; the bank is cached in the folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from compliance.types.drafts import Progress
from compliance.types.verdicts import StageVerdict
from scanning.detectors.classifier import as_classifier
from scanning.detectors.demo import DemoSettings, build_bank
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.inversion_rule import Measured, decide
from scanning.detectors.mnist import fetch_mnist, read_mnist, split_mnist
from scanning.detectors.neural_cleanse import peak_memory
from scanning.detectors.planting import Trained, train
from scanning.detectors.references import ReferenceBank, read_bank
from scanning.detectors.scan import settle
from scanning.detectors.side_by_side import side_by_side
from scanning.detectors.stats import clopper_pearson


@dataclass(frozen=True)
class Row:
    """One model: what it was, what was measured, and what it cost in wall and CPU seconds of its thread."""

    seed: int
    planted: bool
    trained: Trained
    measured: Measured
    verdict: StageVerdict
    train_cpu: float
    search_cpu: float


def one(seed: int, *, planted: bool, images: tuple[LabelledImages, LabelledImages], bank: ReferenceBank) -> Row:
    """Train and search one model."""
    settings = DemoSettings()
    started = time.thread_time()
    patch = settings.patch if planted else None
    trained = train(*images, patch=patch, seed=seed, settings=settings.training)
    between = time.thread_time()
    classifier = as_classifier(trained.module, torch.from_numpy(images[1].images))
    measured, _ = settings.detector.measure(classifier, images[1], None, seed=seed)
    measured = replace(measured, references=bank.smallest, power=bank.power)
    verdict = decide(measured, settings.detector.thresholds).verdict
    return Row(seed, planted, trained, measured, verdict, between - started, time.thread_time() - between)


def line(row: Row) -> str:
    """One line of the table."""
    norms = sorted(row.measured.norms)
    attack = "" if row.trained.attack_success is None else f"{row.trained.attack_success:.3f}"
    return (
        f"| {row.seed} | {'backdoored' if row.planted else 'twin'} | {row.trained.accuracy:.3f} | {attack} | "
        f"{row.measured.top} | {norms[0]:.1f} | {norms[1]:.1f} | {row.measured.flipped / row.measured.tried:.3f} | "
        f"{row.verdict.value} | {row.train_cpu:.1f} | {row.search_cpu:.1f} |"
    )


def rate(rows: list[Row], words: str) -> str:
    """How many rows are flagged, with the exact interval."""
    hits = sum(row.verdict is StageVerdict.EVIDENCE_FOUND for row in rows)
    lower, upper = clopper_pearson(hits, len(rows))
    return f"{words}: {hits} of {len(rows)} (95 % interval {lower:.1%} to {upper:.1%})"


def main() -> None:
    """Run the bench and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    chosen = parser.parse_args()
    settle(chosen.threads)
    started, cpu = time.perf_counter(), time.process_time()
    images = split_mnist(read_mnist(fetch_mnist(Path("var/data"))))
    bank_facts = build_bank(
        chosen.folder, *images, settings=DemoSettings(), threads=chosen.threads, on_progress=say("references")
    )
    bank, _ = read_bank(Path(bank_facts["path"]))
    bank_seconds, bank_cpu = time.perf_counter() - started, time.process_time() - cpu

    def job(seed: int, planted: bool) -> Callable[[], Row]:
        return lambda: one(seed, planted=planted, images=images, bank=bank)

    jobs = [job(chosen.first_seed + k, planted) for k in range(chosen.seeds) for planted in (True, False)]
    rows = side_by_side(jobs, threads=chosen.threads, stage="models", on_progress=say("models"))
    print("| seed | model | accuracy | attack | class | norm | next | flips | verdict | train CPU s | search CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    print(*map(line, rows), sep="\n")
    print(rate([row for row in rows if row.planted], "\nbackdoored models found"))
    right = sum(row.measured.top == DemoSettings().patch.target for row in rows if row.planted)
    print(f"planted class ranked first: {right} of {chosen.seeds}")
    print(rate([row for row in rows if not row.planted], "twins flagged"))
    print(
        f"references: smallest norms {', '.join(f'{norm:.1f}' for norm in sorted(bank.smallest))}; power {bank_facts['power']}"
    )
    total, used = time.perf_counter() - started, time.process_time() - cpu
    print(f"bank: {bank_seconds:.0f} s wall, {bank_cpu:.0f} s CPU{' (cached)' if bank_facts['cached'] else ''}")
    print(f"all: {total:.0f} s wall, {used:.0f} s CPU, {chosen.threads} threads, peak {peak_memory() / 2**20:.0f} MiB")


def say(what: str) -> Callable[[Progress], None]:
    """Progress as plain lines."""
    return lambda progress: print(f"{what}: {progress.done} of {progress.total}", flush=True)


if __name__ == "__main__":
    main()
