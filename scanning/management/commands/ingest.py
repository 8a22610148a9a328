from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.models import AISystem, JobEvent
from compliance.services import inventory, leases
from compliance.types.drafts import JSON
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode, FileScanVerdict
from scanning import intake
from scanning.ingest import registry
from scanning.ingest.report_scope import sha256_of
from scanning.models import ColumnMapping, Import, ImportReject
from scanning.services import checks, column_mappings, follow_up, signing_keys
from scanning.services.follow_up import Followed

_REJECTS_SHOWN = 20
_COUNTED = ("read", "relevant", "recorded", "duplicates", "rejected", "redacted")


@dataclass(frozen=True, slots=True)
class _Given:
    """What whoever imports states of all files."""

    requested_format: str
    threshold: float | None
    about: str
    source: str
    mapping: ColumnMapping | None


class Command(AssayCommand):
    help = "Import audit logs and scan reports into the record of an AI system, without a worker."

    def arguments(self, parser: ArgumentParser) -> None:
        formats = ", ".join(registry.PARSERS)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of files")
        parser.add_argument("--format", default="", help=f"take it as this instead of recognising it: {formats}")
        parser.add_argument(
            "--key",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="register this public key or certificate (PEM) first, so that signatures are verified by it",
        )
        parser.add_argument(
            "--threshold",
            type=float,
            metavar="P",
            help="from here on a result that is a single probability (TrojAI) counts as evidence",
        )
        parser.add_argument(
            "--about", default="", metavar="SHA256", help="the file that a report is about which does not name it"
        )
        parser.add_argument(
            "--source", default="", metavar="NAME",
            help="account, trail or other source that the files are of, where they do not say it themselves",
        )  # fmt: skip
        parser.add_argument(
            "--mapping", default="", metavar="NAME", help="read the files as logs by this column mapping"
        )
        parser.add_argument(
            "--keep",
            choices=("file", "matches"),
            default="file",
            help="file: every file as it is (the default); matches: of log files only the records that matter, with the "
            "SHA-256 and the place of each, in one import",
        )
        parser.add_argument(
            "--original-held-at",
            default="",
            metavar="PLACE",
            help="with --keep matches: where your organisation keeps the files",
        )
        parser.add_argument(
            "--without-checks",
            action="store_true",
            help="leave what follows an import (binding, checks, completeness) to `check_events` or a later import",
        )
        parser.add_argument("--system", default="", help="name of the AI system; made where there is none")

    def answer(self, options: dict[str, Any]) -> Answer:
        if options["format"]:
            registry.parser_named(options["format"])
        files, threshold = _files(options["paths"]), _threshold(options["threshold"])
        about = _about(options["about"])
        system = _system(options["system"])
        for key in options["key"]:
            _register(key)
        if options["keep"] == "matches":
            results = [self._ingest_matches(system, options)]
        else:
            mapping = column_mappings.named(options["mapping"]) if options["mapping"] else None
            given = _Given(options["format"], threshold, about, options["source"].strip(), mapping)
            results = [self._ingest(system, path, given) for path in files]
        followed = None
        if not options["without_checks"]:
            published = Import.objects.filter(uuid__in=[one["import"] for one in results], published_at__isnull=False)
            followed = follow_up.run_here(system=system, documents=list(published), on_progress=self.show_progress)
        return _answer(system, results, followed)

    def _ingest(self, system: AISystem, path: Path, given: _Given) -> JSON:
        with path.open("rb") as stream:
            document = intake.receive(
                system=system,
                stream=stream,
                filename=path.name,
                requested_format=given.requested_format,
                threshold=given.threshold,
                about_sha256=given.about,
                mapping=given.mapping,
                actor=None,
                source_system=given.source,
                collected_how="manage.py ingest",
                dispatch=False,
            )
        return self._read(document, path)

    def _ingest_matches(self, system: AISystem, options: dict[str, Any]) -> JSON:
        held_at = options["original_held_at"].strip()
        if not held_at:
            raise CommandError("Say with --original-held-at where your organisation keeps the files.")
        first = options["paths"][0]
        document = intake.receive_matches(
            system=system,
            files=_named_files(options["paths"]),
            filename=f"matches-of-{first.resolve().name}.jsonl.gz",
            original_held_at=held_at,
            requested_format=options["format"],
            actor=None,
            collected_how="manage.py ingest --keep matches",
            dispatch=False,
            on_progress=self.show_progress,
        )
        return self._read(document, first)

    def _read(self, document: Import, path: Path) -> JSON:
        leases.run_here(job=document.job, on_progress=self.show_progress)
        document.refresh_from_db()
        document.evidence.refresh_from_db()
        return _result(document, path)


def _answer(system: AISystem, results: list[JSON], followed: Followed | None) -> Answer:
    """Whether the documents were taken; what the checks found in them is reported, and decides nothing here."""
    failed = [result for result in results if result["state"] != JobState.SUCCEEDED]
    counted = {name: sum(result[name] for result in results) for name in _COUNTED}
    errors = followed.errors if followed else ()
    return Answer(
        code=ExitCode.BAD_INPUT if failed else ExitCode.UNDECIDED if errors else ExitCode.POSITIVE,
        document={
            "system": system.name,
            "documents": results,
            "totals": counted | {"refused": len(failed)},
            "checks": checks.as_json(followed.run) if followed and followed.run else None,
            "completeness": followed.completeness.result if followed and followed.completeness else None,
        },
        lines=[*(_line(result) for result in results if result not in failed), *_followed_lines(followed)],
        complaints=[*(str(result["error"]) for result in failed), *errors],
    )


def _followed_lines(followed: Followed | None) -> list[str]:
    """What followed, in short; `check_events` tells all of it."""
    lines = []
    if followed and followed.run:
        found = [one for one in followed.run.results if one["verdict"] == FileScanVerdict.FINDING]
        told = ", ".join(f"{one['rule']} ({one['exceptions']})" for one in found)
        lines.append(
            f"checks: {len(followed.run.results)} run, {len(found)} with exceptions{': ' if told else ''}{told}"
        )
    if followed and followed.completeness and followed.completeness.result:
        result = followed.completeness.result
        lines.append("completeness: " + ("as before" if "unchanged" in result else f"integrity {result['integrity']}"))
    return lines


def _named_files(paths: list[Path]) -> list[tuple[Path, str]]:
    """As `_files`, each with its place below the folder that was named. Raises CommandError."""
    return [
        (file, str(file.relative_to(path)) if path.is_dir() else file.name) for path in paths for file in _files([path])
    ]


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


def _about(value: str) -> str:
    """The digest as given, in lower case. Raises CommandError for what is none."""
    digest = sha256_of(value)
    if value and digest is None:
        raise CommandError("--about is the SHA-256 of a file: give 64 hexadecimal digits.")
    return digest or ""


def _threshold(value: float | None) -> float | None:
    """The threshold as given. Raises CommandError for what is no probability."""
    if value is not None and not 0 <= value <= 1:
        raise CommandError("--threshold is a probability: give a number from 0 to 1.")
    return value


def _register(path: Path) -> None:
    """Register the key in a file under the file's name. Raises CommandError, RefusedError."""
    if not path.is_file():
        raise CommandError(f"{path}: no such file.")
    signing_keys.register(content=path.read_bytes(), name=path.name, note="manage.py ingest --key", actor=None)


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
        "redacted": JobEvent.objects.filter(source_uuid=document.uuid).exclude(redacted_fields=[]).count(),
        "kept": "matches" if document.evidence.original_held_at else "file",
        "original_held_at": document.evidence.original_held_at,
        "rejects": [{"place": reject.locator, "reason": reject.reason} for reject in rejects],
        "rows_root": document.rows_root,
    }


def _line(result: JSON) -> str:
    return (
        f"{result['path']}: {result['format']}, {result['read']} read, {result['recorded']} recorded, "
        f"{result['duplicates']} already known, {result['rejected']} rejected, {result['redacted']} with secrets taken out"
    )
