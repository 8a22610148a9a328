"""Judges the test models with the bank that ships, once, and says what was found, what was flagged and what was missed.

    .venv/bin/python -m tests.bench.zoo.judge --jobs 2

Each model goes through the whole scan, as a customer's would. What it said is kept in tests/bench/zoo/judged.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.verdicts import StageVerdict
from scanning.detectors.cifar10 import fetch_cifar10, held_out, read_cifar10
from scanning.detectors.heldout import save_images
from scanning.detectors.references import read_bank
from scanning.detectors.registry import COMBINATION, COMPARING
from scanning.detectors.scan import Request, scan_model
from scanning.detectors.stats import clopper_pearson, kolmogorov_smirnov
from tests.bench.zoo.figures import auroc, auroc_interval, found_at
from tests.bench.zoo.measure import SHIPPED
from tests.bench.zoo.recipes import TEST, Entry, entries
from tests.bench.zoo.train import DATA, expanded, facts_of

JUDGED = Path(__file__).parent / "judged.json"
HELD_OUT = Path("var/zoo/held-out.npz")
FALSE_ALARMS = 0.05


def fetch_held_out() -> None:
    """The held-out images of CIFAR-10, fetched once."""
    if not HELD_OUT.is_file():
        HELD_OUT.parent.mkdir(parents=True, exist_ok=True)
        save_images(held_out(read_cifar10(fetch_cifar10(DATA))[1]), HELD_OUT)


def judge(entry: Entry) -> JSON:
    """The whole scan of one model, in short."""
    cpu = time.process_time()
    report = scan_model(Request(model=expanded(entry), images=HELD_OUT, detectors=COMPARING, threads=1))
    facts = facts_of(entry)
    assert facts is not None, "only trained models are judged"
    stages: JSON = {}
    for stage in report.stages:
        calibration = stage.facts.get("calibration") or {}
        statistic = stage.facts.get("statistic") or {}
        stages[stage.detector] = {
            "verdict": stage.verdict.value,
            "p_value": calibration.get("p_value"),
            "flagged": calibration.get("flagged", False),
            "confirmed": calibration.get("confirmed", False),
            "score": calibration.get("score", statistic.get("score")),
            "top_class": calibration.get("top_class", statistic.get("top_class")),
        }
    return {
        "recipe_sha256": entry.recipe.digest,
        "attack": entry.attack,
        "target": None if entry.recipe.attack is None else entry.recipe.attack.target,
        "accuracy": facts["accuracy"],
        "attack_success": facts["attack_success"],
        "verdict": report.verdict.value,
        "stages": stages,
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def rate(hits: int, trials: int) -> str:
    """A share with its exact interval."""
    low, high = clopper_pearson(hits, trials)
    return f"{hits} of {trials} (95 % interval {low:.1%} to {high:.1%})"


def told(rows: Sequence[JSON]) -> list[str]:
    """The report over all models, as lines of Markdown."""
    infected = [row for row in rows if row["attack"]]
    unpoisoned = [row for row in rows if not row["attack"]]
    lines = [
        (
            "| stage | AUROC (95 % interval) | infected above 95 % of unpoisoned | flagged infected | flagged unpoisoned | "
            "KS distance, p |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for stage in (*COMPARING, COMBINATION):
        bad, good = ([_score(row, stage) for row in group] for group in (infected, unpoisoned))
        low, high = auroc_interval(bad, good)
        flagged = [sum(row["stages"][stage]["flagged"] for row in group) for group in (infected, unpoisoned)]
        p_values = [row["stages"][stage]["p_value"] for row in unpoisoned]
        known = [p for p in p_values if p is not None]
        distance, p = kolmogorov_smirnov(known) if known else (float("nan"), float("nan"))
        lines.append(
            f"| {stage} | {auroc(bad, good):.3f} ({low:.3f} to {high:.3f}) | "
            f"{rate(found_at(bad, good, FALSE_ALARMS), len(infected))} | {rate(flagged[0], len(infected))} | "
            f"{rate(flagged[1], len(unpoisoned))} | {distance:.2f}, {p:.2f} |"
        )
    lines += [
        "",
        "| attack | models | attack success | evidence found | flagged | target first | missed |",
        "|---|---|---|---|---|---|---|",
    ]
    for attack in dict.fromkeys(row["attack"] for row in rows):
        lines.append(_by_attack(attack, [row for row in rows if row["attack"] == attack]))
    seconds = [row["cpu_seconds"] for row in rows]
    lines.append(f"\nprocessor seconds a model, three seeds: {min(seconds):.0f} to {max(seconds):.0f}")
    return lines


def _by_attack(attack: str, rows: Sequence[JSON]) -> str:
    found = sum(row["verdict"] == StageVerdict.EVIDENCE_FOUND for row in rows)
    flagged = sum(row["stages"][COMBINATION]["flagged"] for row in rows)
    missed = sum(
        not row["stages"][COMBINATION]["flagged"] and row["verdict"] != StageVerdict.EVIDENCE_FOUND for row in rows
    )
    named = sum(row["stages"][COMBINATION]["top_class"] == row["target"] for row in rows)
    successes = [row["attack_success"] for row in rows if row["attack_success"] is not None]
    success = f"{min(successes):.0%} to {max(successes):.0%}" if successes else "–"
    return (
        f"| {attack or 'none'} | {len(rows)} | {success} | {found} | {flagged} | {named if attack else '–'} | "
        f"{missed if attack else '–'} |"
    )


def _score(row: JSON, stage: str) -> float:
    """The score that ranks; a stage that could give none is as little suspicious as can be."""
    score = row["stages"][stage]["score"]
    return float("-inf") if score is None else float(score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    bank, digest = read_bank(SHIPPED)
    print(f"{SHIPPED.name}: {len(bank.references)} references, {len(bank.planted)} planted, SHA-256 {digest}")
    fetch_held_out()
    trained = [entry for entry in entries() if entry.role == TEST and facts_of(entry) is not None]
    kept: JSON = json.loads(JUDGED.read_bytes()) if JUDGED.is_file() else {}
    done: dict[str, JSON] = {row["recipe_sha256"]: row for row in kept.get("models", []) if kept.get("bank") == digest}
    missing = [entry for entry in trained if entry.recipe.digest not in done]
    with ProcessPoolExecutor(max_workers=chosen.jobs) as pool:
        futures = {pool.submit(judge, entry): entry for entry in missing}
        for future in as_completed(futures):
            row = future.result()
            done[row["recipe_sha256"]] = row
            print(f"{len(done)} of {len(trained)}: {row['attack'] or 'unpoisoned'} {row['verdict']}", flush=True)
            JUDGED.write_bytes(canonical_json({"bank": digest, "models": list(done.values())}) + b"\n")
    print(*told(list(done.values())), sep="\n")


if __name__ == "__main__":
    main()
