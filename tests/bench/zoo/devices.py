"""Holds the scans of test models on two devices against each other: verdicts, and how far p-values and scores lie apart.

    .venv/bin/python -m tests.bench.zoo.devices [--other cuda|plain|pretended] [--models 8]

`cuda` is the GPU of this machine. `plain` is the CPU without oneDNN: other kernels, another order of summation; it tells how
much of a difference arithmetic alone makes. `pretended` walks every path of `cuda` with the processor's arithmetic: see
tests/scanning/detectors/pretended_gpu.py.

A search goes on from the last bit of its first steps, so scores move by more than rounding, and p-values, which are ranks,
with them. Exit code 1: all stages together flag a model on one device and not on the other, or evidence is found on one
where the other concludes that there is none.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from compliance.types.drafts import ScanReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.calibration import RULE
from scanning.detectors.registry import COMBINATION, COMPARING
from scanning.detectors.scan import Request, scan_model
from tests.bench.zoo.judge import HELD_OUT, fetch_held_out
from tests.bench.zoo.recipes import TEST, Entry, entries
from tests.bench.zoo.train import expanded, facts_of
from tests.scanning.detectors.pretended_gpu import pretended_gpu

_OPPOSITES = {StageVerdict.EVIDENCE_FOUND.value, StageVerdict.NO_EVIDENCE_AT_POWER.value}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one scan said: the verdict, and of each stage its p-value and score."""

    verdict: str
    p_values: dict[str, float | None]
    scores: dict[str, float | None]
    seconds: float


def scanned(entry: Entry, way: str) -> Scanned:
    """One model, scanned on `cpu`, on `cuda`, `plain` or `pretended`."""
    started = time.perf_counter()
    device = "cuda" if way in ("cuda", "pretended") else "cpu"
    with (
        torch.backends.mkldnn.flags(enabled=way != "plain"),
        pretended_gpu() if way == "pretended" else nullcontext(),
    ):
        report = scan_model(Request(model=expanded(entry), images=HELD_OUT, detectors=COMPARING, device=device))
    return Scanned(
        report.verdict.value, _facts(report, "p_value"), _facts(report, "score"), time.perf_counter() - started
    )


def _facts(report: ScanReport, name: str) -> dict[str, float | None]:
    found = {}
    for stage in report.stages:
        calibration, statistic = (stage.facts.get(part) or {} for part in ("calibration", "statistic"))
        found[stage.detector] = calibration.get(name, statistic.get(name))
    return found


def apart(one: Scanned, other: Scanned) -> dict[str, float]:
    """Relative difference of the score of each stage that gave one on both."""
    both = {stage: (score, other.scores.get(stage)) for stage, score in one.scores.items() if stage != COMBINATION}
    return {
        stage: abs(a - b) / max(abs(a), abs(b), 1e-12)
        for stage, (a, b) in both.items()
        if a is not None and b is not None
    }


def moved(one: Scanned, other: Scanned, stages: Iterable[str]) -> float:
    """Largest difference of the p-value of any of the stages."""
    both = [(one.p_values.get(stage), other.p_values.get(stage)) for stage in stages]
    return max((abs(a - b) for a, b in both if a is not None and b is not None), default=0.0)


def contradict(one: Scanned, other: Scanned) -> bool:
    """Whether a flag of all stages together, or a conclusion, is another."""
    flags = {p is not None and p <= RULE.alpha for p in (one.p_values[COMBINATION], other.p_values[COMBINATION])}
    return len(flags) > 1 or {one.verdict, other.verdict} == _OPPOSITES


def chosen(models: int) -> Sequence[Entry]:
    """Half of them unpoisoned, the others of as many attacks as there are."""
    known = [entry for entry in entries() if entry.role == TEST and facts_of(entry) is not None]
    clean = [entry for entry in known if not entry.attack][: models // 2]
    by_attack = {entry.attack: entry for entry in known if entry.attack}
    infected = [*by_attack.values(), *(entry for entry in known if entry.attack and entry not in by_attack.values())]
    return [*clean, *infected[: models - len(clean)]]


def main(other: str, models: int) -> int:
    """One line a model, then the largest differences."""
    fetch_held_out()
    largest: dict[str, float] = {}
    pairs: list[tuple[Scanned, Scanned]] = []
    for entry in chosen(models):
        first, second = scanned(entry, "cpu"), scanned(entry, other)
        differences = apart(first, second)
        largest = {stage: max(largest.get(stage, 0.0), value) for stage, value in differences.items()}
        pairs.append((first, second))
        print(
            f"{entry.attack or 'none':14} cpu {first.verdict:22} {first.p_values[COMBINATION]!s:8} {first.seconds:5.1f} s   "
            f"{other} {second.verdict:22} {second.p_values[COMBINATION]!s:8} {second.seconds:5.1f} s",
            flush=True,
        )
    print("largest relative difference of scores: " + ", ".join(f"{s} {d:.2e}" for s, d in sorted(largest.items())))
    for words, stages in (("joint p-value", (COMBINATION,)), ("p-value of a stage", tuple(COMPARING))):
        by = [moved(*pair, stages) for pair in pairs]
        print(f"{words}: moved in {sum(p > 0 for p in by)} of {len(by)} models, at most by {max(by):.3f}")
    wrong = sum(contradict(*pair) for pair in pairs)
    print(
        f"equal verdicts: {sum(one.verdict == two.verdict for one, two in pairs)} of {len(pairs)}; contradictions: {wrong}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--other", choices=("cuda", "plain", "pretended"), default="cuda")
    parser.add_argument("--models", type=int, default=8)
    given = parser.parse_args()
    sys.exit(main(given.other, given.models))
