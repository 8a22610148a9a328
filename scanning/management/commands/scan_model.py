from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import exit_code_of
from scanning.detectors import registry
from scanning.detectors.report_json import report_to_json
from scanning.management.broken_off import BROKEN_OFF, broken_off
from scanning.services import isolated


class Command(AssayCommand):
    help = "Test a model for a planted backdoor (AML.T0018.000) and say how strong the test was."
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        known = ", ".join(registry.DETECTORS)
        parser.add_argument("path", type=Path, metavar="PATH", help="ONNX, or safetensors of a registered architecture")
        parser.add_argument("--data", type=Path, metavar="FILE.npz|DIR", help="held-out images and labels")
        parser.add_argument(
            "--suspects", type=Path, metavar="FILE.npz|DIR", help="images suspected of carrying a trigger"
        )
        parser.add_argument("--training", type=Path, metavar="FILE.npz|DIR", help="the images that it was trained on")
        parser.add_argument("--base", type=Path, metavar="MODEL", help="the model that it is said to be made from")
        parser.add_argument("--detector", action="append", metavar="D", help=f"run this one only (repeatable): {known}")
        parser.add_argument("--architecture", metavar="A", help="registered architecture, where the file names none")
        parser.add_argument("--bank", type=Path, metavar="FILE", help="reference bank (default: the one that ships)")
        parser.add_argument("--seed", type=int, default=0, help="first of three seeds (default: 0)")

        parser.add_argument("--device", choices=("cpu", "cuda"), help="where stages run (default: SCAN_DEVICE)")

    def answer(self, options: dict[str, Any]) -> Answer:
        path: Path = options["path"]
        inputs = {name: options[name] for name in ("suspects", "training", "base", "bank")}
        for given in (path, options["data"], *inputs.values()):
            if given is not None and not given.exists():
                raise CommandError(f"{given}: no such file or folder.")
        try:
            report = isolated.scan_model(
                path=path,
                inputs={"images": options["data"], **inputs},
                detectors=options["detector"],
                architecture=options["architecture"],
                seed=options["seed"],
                device=options["device"],
                on_progress=self.show_progress,
            )
        except BROKEN_OFF as error:
            return broken_off(path.name, error)
        lines = [f"{path.name}: {report.verdict.value.replace('_', ' ')}", f"SHA-256 {report.model_sha256}"]
        for stage in report.stages:
            lines.append(f"{stage.detector} {stage.detector_version}: {stage.verdict.value.replace('_', ' ')}")
            lines.append(f"  {stage.statement}")
            lines += [f"  limit: {limit}" for limit in stage.limits]
        return Answer(code=exit_code_of(report.verdict), document=report_to_json(report), lines=lines)
