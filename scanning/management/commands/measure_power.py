from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import ExitCode
from scanning.detectors.combination import power_of
from scanning.detectors.references import read_bank
from scanning.services import reference_banks

STANDARD = ("patch-1%", "patch-10%", "blended-10%")


class Command(AssayCommand):
    help = "Plant known backdoors in models trained as a bank's references were, and measure how often scans find them."
    seals = False
    after_stop = "What is done is kept; the same command goes on from there."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="of a bank made by build_bank")
        parser.add_argument(
            "--attack",
            action="append",
            metavar="KIND-RATE%",
            help=f"repeatable (default: {', '.join(STANDARD)})".replace("%", "%%"),
        )
        parser.add_argument("--planted", type=int, default=20, metavar="N", help="models for each attack (default: 20)")

    def answer(self, options: dict[str, Any]) -> Answer:
        plan = reference_banks.plan_of(options["folder"])
        known = dict.fromkeys([*plan["attacks"], *(options["attack"] or STANDARD)])
        plan = {**plan, "attacks": list(known), "planted": options["planted"]}
        made = reference_banks.build(folder=options["folder"], plan=plan, on_progress=self.show_progress)
        bank, _ = read_bank(Path(made["path"]))
        power = power_of(bank)
        lines = [f"{made['path']}", f"SHA-256 {made['sha256']}", "Found by all comparing stages together:"]
        lines += [f"  {row.words()}" for row in power]
        return Answer(code=ExitCode.POSITIVE, document={**made, "power": [row.to_json() for row in power]}, lines=lines)
