"""`manage.py verify_pack FILE [--receipt FILE] [--trust CERT] [--trust-time CERT] [--crl FILE] [--json]`.

Separate verdicts on a pack from anywhere.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.isolation import BadInput, IsolationError
from compliance.management.base import Answer, AssayCommand
from compliance.packs.report import seal_words
from compliance.services import packs
from compliance.types.errors import BadInputError
from compliance.types.verdicts import ExitCode

_MARK = {"passed": "ok    ", "failed": "FAILED", "not_checked": "  –   "}


class Command(AssayCommand):
    """Exit 0: genuine; 1: altered or signer not trusted; 2: not a pack; 3: nothing could be decided."""

    help = (
        "Verify an evidence pack: receipt, integrity, changes, signature, signer, time, contents, completeness, ledger."
    )
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        """The file, its receipt, and whom to trust beside this installation's own signer."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--receipt", type=Path, default=None)
        parser.add_argument(
            "--trust", type=Path, action="append", default=[], help="PEM of a root certificate to trust"
        )
        parser.add_argument(
            "--trust-time",
            type=Path,
            action="append",
            default=[],
            help="PEM of a time-stamp authority's root, trusted for time stamps alone",
        )

        parser.add_argument(
            "--crl",
            type=Path,
            action="append",
            default=[],
            help="revocation list (PEM or DER) of the signer's authority",
        )

    def answer(self, options: dict[str, Any]) -> Answer:
        """Verify in an isolated child."""
        for path in (options["file"], options["receipt"], *options["trust"], *options["trust_time"], *options["crl"]):
            if path is not None and not path.is_file():
                raise BadInputError(f"{path}: no such file.")
        try:
            report = packs.verify(
                pack=options["file"],
                receipt=options["receipt"],
                trust=options["trust"],
                trust_time=options["trust_time"],
                crls=options["crl"],
            )
        except BadInput:
            raise
        except IsolationError as error:
            sentence = f"Nothing could be decided: {error}"
            return Answer(code=ExitCode.UNDECIDED, document={"genuine": None, "why": sentence}, lines=[sentence])
        lines = [f"{_MARK[check.state]} {check.name.replace('_', ' '):12} {check.words}" for check in report.checks]
        verdict = "genuine and whole" if report.is_genuine else "NOT to be relied on"
        lines.append(f"{options['file'].name}: {verdict} (SHA-256 {report.sha256})")
        if report.level:
            lines.append(f"Level {report.level}. {seal_words(qualified=bool(report.qualified))}")
        if report.demonstration_signer:
            lines.append("Demonstration signer, trusted by nobody else.")
        return Answer(code=report.exit_code, document=report.as_json(), lines=lines)
