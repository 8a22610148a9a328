from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import ExitCode
from scanning.detectors.references import FEWEST
from scanning.services import reference_banks

_POWER_NEXT = "Power is not measured yet, so no scan can end in a negative: run `manage.py measure_power` next."
_POWER_NEVER = (
    "No scan beside these references can end in a negative: power is measured by planting backdoors in models trained as "
    "the references were, and these were handed in. Build a bank with --training for that."
)


class Command(AssayCommand):
    help = "Build a reference bank: known models of one family, each measured as a scan measures. May be stopped and goes on."
    seals = False
    after_stop = "What is done is kept; the same command goes on from there."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="where models and bank.json are kept")
        parser.add_argument("--name", required=True, help="name of the family, for people")
        parser.add_argument("--architecture", required=True, metavar="A", help="registered architecture")
        parser.add_argument("--images", type=Path, required=True, metavar="FILE.npz", help="held-out images and labels")
        parser.add_argument("--training", type=Path, metavar="FILE.npz", help="images to train the references on")
        parser.add_argument(
            "--model", type=Path, action="append", default=[], help="a known unpoisoned model (repeatable)"
        )
        parser.add_argument("--references", type=int, default=39, metavar="N", help="models to train (default: 39)")
        parser.add_argument("--subset", type=int, metavar="N", help="images drawn for each model (default: all)")
        parser.add_argument("--epochs", type=int, default=7, help="of training (default: 7)")
        parser.add_argument("--batch", type=int, default=64, help="images a step (default: 64)")
        parser.add_argument("--learning-rate", type=float, default=2e-3, help="default: 0.002")
        parser.add_argument("--one-cycle", action="store_true", help="SGD with the one-cycle schedule instead of Adam")
        parser.add_argument("--weight-decay", type=float, default=0.0, help="with --one-cycle (default: 0)")
        parser.add_argument("--seed", type=int, default=1000, help="of the first model (default: 1000)")

    def answer(self, options: dict[str, Any]) -> Answer:
        count = options["references"] if options["training"] else len(options["model"])
        if count < FEWEST:
            raise CommandError(
                f"A bank of {count} models ranks nothing: give at least {FEWEST}, and better 39 or more."
            )
        for given in (options["images"], options["training"], *options["model"]):
            if given is not None and not given.exists():
                raise CommandError(f"{given}: no such file.")
        plan = {
            "name": options["name"],
            "architecture": options["architecture"],
            "images": str(options["images"].resolve()),
            "training": str(options["training"].resolve()) if options["training"] else None,
            "models": [str(path.resolve()) for path in options["model"]],
            "references": options["references"],
            "attacks": [],
            "subset": options["subset"],
            "settings": {
                "epochs": options["epochs"],
                "batch": options["batch"],
                "learning_rate": options["learning_rate"],
                "one_cycle": options["one_cycle"],
                "weight_decay": options["weight_decay"],
            },
            "seed": options["seed"],
        }
        made = reference_banks.build(folder=options["folder"], plan=plan, on_progress=self.show_progress)
        smallest = 1 / (made["references"] + 1)
        lines = [
            f"{made['path']}",
            f"SHA-256 {made['sha256']}",
            f"{made['references']} references: the smallest p-value they can show is {smallest:.3f}",
            _POWER_NEXT if options["training"] else _POWER_NEVER,
        ]
        return Answer(code=ExitCode.POSITIVE, document=made, lines=lines)
