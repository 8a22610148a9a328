"""`manage.py export_oscal ASSESSMENT --model M --out FILE [--json]`: exit 0 written, 2 bad input, 3 nothing of that model."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.management.subjects import find_assessment
from compliance.oscal.export import Model
from compliance.services.oscal_exports import NothingToExportError, oscal_of
from compliance.types.drafts import JSON
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Write a frozen assessment as OSCAL."""

    help = "Write a frozen assessment as an OSCAL 1.2 document; the same freeze gives the same bytes."
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Which assessment, which model, and where to."""
        parser.add_argument("assessment", help="uuid or whole title of the frozen assessment")
        parser.add_argument("--model", required=True, choices=[model.value for model in Model], help="OSCAL model")
        parser.add_argument("--out", required=True, type=Path, help="where to write the JSON document")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Export, write, say the digest."""
        assessment = find_assessment(options["assessment"])
        model, out = Model(options["model"]), options["out"].resolve()
        told: JSON = {"assessment": str(assessment.uuid), "model": model.value}
        try:
            content = oscal_of(assessment=assessment, model=model)
        except NothingToExportError as error:
            reason = str(error)
            return Answer(code=ExitCode.UNDECIDED, document={**told, "file": None, "reason": reason}, lines=[reason])
        hashed = hashlib.sha256()
        with out.open("wb") as file:
            for piece in content:
                hashed.update(piece)
                file.write(piece)
            size = file.tell()
        digest = hashed.hexdigest()
        document = {**told, "file": str(out), "sha256": digest, "size": size}
        lines = [f"{model.value} of “{assessment.title}”: {out} ({size} bytes)", f"SHA-256 {digest}"]
        return Answer(code=ExitCode.POSITIVE, document=document, lines=lines)
