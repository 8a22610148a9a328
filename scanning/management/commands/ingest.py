from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.models import AISystem
from compliance.services import inventory, leases
from compliance.types.drafts import JSON
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode
from scanning import intake
from scanning.ingest import registry
from scanning.models import Import, ImportReject

_REJECTS_SHOWN = 20


class Command(AssayCommand):
    help = "Import audit logs and scan reports into the record of an AI system, without a worker."

    def arguments(self, parser: ArgumentParser) -> None:
        formats = ", ".join(registry.PARSERS)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files")
        parser.add_argument("--format", default="", help=f"take it as this instead of recognising it: {formats}")
        parser.add_argument("--system", default="", help="name of the AI system; made where there is none")

    def answer(self, options: dict[str, Any]) -> Answer:
        if options["format"]:
            registry.parser_named(options["format"])
        files = _files(options["paths"])
        system = _system(options["system"])
        results = [self._ingest(system, path, options["format"]) for path in files]
        failed = [result for result in results if result["state"] != JobState.SUCCEEDED]
        return Answer(
            code=ExitCode.BAD_INPUT if failed else ExitCode.POSITIVE,
            document={"system": system.name, "documents": results},
            lines=[_line(result) for result in results if result not in failed],
            complaints=[str(result["error"]) for result in failed],
        )

    def _ingest(self, system: AISystem, path: Path, requested_format: str) -> JSON:
        with path.open("rb") as stream:
            document = intake.receive(
                system=system,
                stream=stream,
                filename=path.name,
                requested_format=requested_format,
                actor=None,
                collected_how="manage.py ingest",
                dispatch=False,
            )
        leases.run_here(job=document.job, on_progress=self.show_progress)
        document.refresh_from_db()
        document.evidence.refresh_from_db()
        return _result(document, path)


def _files(paths: list[Path]) -> list[Path]:
    """Every file named, and every file in a folder named, in order. Raises CommandError."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path}: no such file or folder.")
        found = sorted(member for member in path.rglob("*") if member.is_file()) if path.is_dir() else [path]
        if not found:
            raise CommandError(f"{path}: the folder holds no file.")
        files += found
    return files


def _system(name: str) -> AISystem:
    """The system named, made where there is none; or the only one there is. Raises CommandError."""
    if name:
        known = AISystem.objects.filter(name=name).first()
        return known or inventory.define_system(name=name, description="", owner=None, actor=None)
    systems = list(AISystem.objects.all()[:2])
    if len(systems) == 1:
        return systems[0]
    there_is = "several AI systems are" if systems else "no AI system is"
    raise CommandError(f"Name the AI system with --system NAME: {there_is} on record.")


def _result(document: Import, path: Path) -> JSON:
    rejects = ImportReject.objects.filter(document_import=document)[:_REJECTS_SHOWN]
    return {
        "path": str(path),
        "import": str(document.uuid),
        "evidence": str(document.evidence.uuid),
        "sha256": document.evidence.sha256,
        "state": document.job.state,
        "error": document.job.error,
        "format": document.format,
        "read": document.read,
        "relevant": document.relevant,
        "recorded": document.recorded,
        "duplicates": document.duplicates,
        "rejected": document.rejected,
        "rejects": [{"place": reject.locator, "reason": reject.reason} for reject in rejects],
        "rows_root": document.rows_root,
    }


def _line(result: JSON) -> str:
    return (
        f"{result['path']}: {result['format']}, {result['read']} read, {result['recorded']} recorded, "
        f"{result['duplicates']} already known, {result['rejected']} rejected"
    )
