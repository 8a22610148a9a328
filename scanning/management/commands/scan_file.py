from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import exit_code_of
from scanning.filescan.report_json import to_json
from scanning.management.broken_off import BROKEN_OFF, broken_off
from scanning.services import isolated


class Command(AssayCommand):
    help = "Look into a model file without loading it: code it would run, external data, damaged structure."
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the model file")

    def answer(self, options: dict[str, Any]) -> Answer:
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"{path}: no such file.")
        try:
            report = isolated.scan_file(path=path, name=path.name, on_progress=self.show_progress)
        except BROKEN_OFF as error:
            return broken_off(path.name, error)
        lines = [f"{path.name}: {report.verdict.value.replace('_', ' ')} ({report.format}, {report.size} bytes)"]
        lines.append(f"SHA-256 {report.sha256}")
        lines += [
            f"{issue.severity.value}: {issue.title}{f' at {issue.location}' if issue.location else ''}\n"
            f"  {issue.description}"
            for issue in report.issues
        ]
        lines += [f"not scanned: {place}: {reason}" for place, reason in report.not_scanned]
        lines += [f"limit: {limit}" for limit in report.limits]
        return Answer(code=exit_code_of(report.verdict), document=to_json(report), lines=lines)
