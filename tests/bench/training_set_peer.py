"""Assay's tests of a training set beside those of ART 1.20.1, on the same features of the same models.

    .venv/bin/python -m tests.bench.training_set --roles test --keep --json var/bench/training_set.json
    .venv/bin/python -m tests.bench.training_set_peer var/bench/training_set.json [--attacks patch-1%,patch-10%]

The first command leaves features, logits, labels and marks of poisoned images of each model in var/bench/training_set. ART
reads them in an environment of its own (see tests.bench.peer.environment), as shipped (logits) and with its model cut by
hand (penultimate). Of ART's variants the table shows the best of each kind by AUROC, chosen with the marks in hand,
which nobody who uses it could do.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from compliance.types.errors import BadInputError
from tests.bench.peer import environment
from tests.bench.training_set import FOLDER, share
from tests.bench.zoo.recipes import TEST, entries

COLUMNS = (
    "attack", "models", "Assay clustering", "Assay spectral", "class named", "ART as shipped, best", "ART cut by hand, best",
    "ART class named",
)  # fmt: skip


def files_of(row: Any) -> Path:
    """Where the features of one measured model lie."""
    digests = [
        e.recipe.digest
        for e in entries()
        if e.role == TEST and e.recipe.seed == row["seed"] and e.attack == row["attack"]
    ]
    return FOLDER / f"{row['attack']}-{digests[0][:8]}.npz"


def best(tests: dict[str, Any], view: str) -> float | None:
    """The largest AUROC of any of ART's variants on one view; None where all of them ended with an error."""
    values = [
        test["auroc"] for name, test in tests.items() if name.startswith(f"{view}/") and test.get("auroc") is not None
    ]
    return max(values, default=None)


def names_class(tests: dict[str, Any]) -> bool:
    """Whether any variant of ART flags the infected class more than every other, by more than one point."""
    return any(test.get("named") for test in tests.values())


def line(attack: str, rows: list[Any]) -> str:
    """One attack: medians over its models, with the smallest and largest."""
    stages: dict[str, list[float]] = {stage["stage"]: [] for stage in rows[0]["stages"]}
    named = 0
    for row in rows:
        for stage in row["stages"]:
            stages[stage["stage"]].append(stage["auroc"])
        named += all(stage["top"] == row["target"] for stage in row["stages"])
    art = {
        view: [value for row in rows if (value := best(row["art"], view)) is not None]
        for view in ("logits", "penultimate")
    }
    art_named = sum(names_class(row["art"]) for row in rows)
    cells = [attack, str(len(rows)), *(spread(values) for values in stages.values()), f"{named} of {len(rows)}"]
    cells += [spread(art["logits"]), spread(art["penultimate"]), f"{art_named} of {len(rows)}"]
    return f"| {' | '.join(cells)} |"


def spread(values: list[float]) -> str:
    """Median (smallest to largest)."""
    return f"{median(values):.3f} ({share(min(values))} to {share(max(values))})" if values else "error"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--attacks", default="patch-1%,patch-10%")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    try:
        python = environment.ensure()
    except BadInputError as error:
        sys.exit(str(error))
    rows = [row for row in json.loads(chosen.measured.read_bytes()) if row["attack"] in chosen.attacks.split(",")]
    for row in rows:
        row["art"] = environment.measure(python, "art_sets", str(files_of(row).resolve()))["tests"]
        print(f"{row['attack']} {row['seed']}: ART ran {len(row['art'])} variants", flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(rows, indent=1))
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for attack in dict.fromkeys(row["attack"] for row in rows):
        print(line(attack, [row for row in rows if row["attack"] == attack]))


if __name__ == "__main__":
    main()
