"""Which model files are looked into, and the one way in: `scan_path`. A table: listing formats imports none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from compliance.types.drafts import FileScanReport, Progress
from compliance.types.errors import BadInputError
from scanning.filescan.base import NO, Budget, FileFormat, Findings, ScanError, ScanLimits, Target, TooMuchError
from scanning.filescan.hashing import ReadsInto, sha256_of

SCANNER = "assay-filescan"
SCANNER_VERSION = "2"
UNKNOWN = "unknown"
_MANY = 20
_BEYOND = "A static file scan cannot speak to poisoned weights (AML.T0018.000); it does not run the model."

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class FormatEntry:
    """A row of the table. `target`: module and attribute of the format."""

    name: str
    label: str
    target: str

    def load(self) -> FileFormat:
        """Import the format."""
        module, _, attribute = self.target.partition(":")
        return cast(FileFormat, getattr(import_module(f"scanning.filescan.{module}"), attribute))


FORMATS: dict[str, FormatEntry] = {
    entry.name: entry
    for entry in (
        FormatEntry("torch-zip", "PyTorch (.pt, .pth, .bin)", "torch_zip:FORMAT"),
        FormatEntry("torchscript-text", "TorchScript program text", "torch_script:FORMAT"),
        FormatEntry("pickle", "Python pickle, legacy PyTorch", "pickle_opcodes:FORMAT"),
        FormatEntry("safetensors", "safetensors", "safetensors_file:FORMAT"),
        FormatEntry("onnx", "ONNX", "onnx_graph:FORMAT"),
        FormatEntry("keras-zip", "Keras (.keras)", "keras_files:ZIP"),
        FormatEntry("keras-config", "Keras configuration", "keras_files:CONFIG"),
        FormatEntry("keras-hdf5", "Keras (.h5)", "keras_files:HDF5"),
        FormatEntry("keras-metadata", "Keras layers of a SavedModel", "keras_files:METADATA"),
        FormatEntry("saved-model", "TensorFlow SavedModel, frozen graph (.pb)", "saved_model:FORMAT"),
        FormatEntry("numpy-array", "NumPy array (.npy)", "numpy_files:ARRAY"),
        FormatEntry("numpy-archive", "NumPy archive (.npz)", "numpy_files:ARCHIVE"),
        FormatEntry("chat-template", "Chat template, tokenizer configuration", "prompt_template:FORMAT"),
        FormatEntry("skops", "skops (.skops)", "skops_files:ZIP"),
        FormatEntry("skops-schema", "skops schema", "skops_files:SCHEMA"),
        FormatEntry("tokenizer", "Tokenizer, model configuration (.json)", "prompt_template:TOKENIZER"),
        FormatEntry("gguf", "GGUF", "gguf_file:FORMAT"),
        FormatEntry("zip", "ZIP archive", "zip_archive:FORMAT"),
        FormatEntry("tar", "TAR archive", "tar_archive:FORMAT"),
        FormatEntry("compressed", "One compressed file (gzip, zlib, bzip2, xz, LZMA, LZ4)", "compressed:FORMAT"),
        FormatEntry("unread", "Known by name and not read (7z, RAR, Zstandard …)", "unread_files:FORMAT"),
    )
}


def labels() -> dict[str, str]:
    """Name -> label of every format that is looked into."""
    return {name: entry.label for name, entry in FORMATS.items()}


def identify(target: Target) -> str:
    """Name of the format by content, or `unknown`."""
    scores = {name: entry.load().identify(target) for name, entry in FORMATS.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > NO else UNKNOWN


def _scan(target: Target) -> tuple[Findings, str]:
    name = identify(target)
    if name == UNKNOWN:
        reason = "it is of no kind that is looked into" if target.size else "it is empty"
        return Findings(unsupported=[(target.location, reason)]), name
    try:
        findings = FORMATS[name].load().scan(target)
    except ScanError as error:
        findings = Findings(failed=[(target.location, str(error))])
    except TooMuchError as error:
        findings = Findings(skipped=[(target.location, str(error))])
    except (MemoryError, RecursionError):
        findings = Findings(skipped=[(target.location, "it takes more memory or nests deeper than a scan may")])
    return findings, name


def _scan_member(target: Target) -> Findings:
    findings, _ = _scan(target)
    return findings


def _digest(stream: ReadsInto, size: int, on_progress: OnProgress) -> str:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        on_progress(Progress(stage="hashing", done=done, total=size))

    return sha256_of(stream, advance)[1]


def _unwatched(_: Progress) -> None:
    """The callback of a caller who does not watch."""


def scan_path(
    path: Path, *, name: str = "", limits: ScanLimits | None = None, on_progress: OnProgress = _unwatched
) -> FileScanReport:
    """Look into one file without running any of it.

    name: what people call the file, where the path is a storage key. Raises BadInputError where there is no such file;
    a file that is damaged or of an unknown kind is a verdict, not an error.
    """
    shown = name or path.name
    bounds = limits or ScanLimits()
    if path.is_dir():
        raise BadInputError(f"{shown} is a folder; give the files in it one by one, or an archive of it.")
    if not path.is_file():
        raise BadInputError(f"{shown} does not exist or is no regular file; check the path.")
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            sha256 = _digest(stream, size, on_progress)
            on_progress(Progress(stage="reading", done=0, total=None))
            budget = Budget(members=bounds.max_members, unpacked=bounds.max_unpacked)
            target = Target(
                name=shown,
                location="",
                size=size,
                stream=stream,
                limits=bounds,
                budget=budget,
                depth=0,
                scan_member=_scan_member,
            )
            findings, format_name = _scan(target)
    except PermissionError as error:
        raise BadInputError(f"{shown} may not be read by this program; grant it the right to.") from error
    return _report(findings, shown, size, sha256, format_name)


def _gathered(entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Members left alone for the same reason as one line, where there are many: a model has a thousand storages."""
    by_reason: dict[str, list[str]] = {}
    for place, reason in entries:
        by_reason.setdefault(reason, []).append(place)
    lines = []
    for reason, places in by_reason.items():
        if len(places) > _MANY:
            lines.append((f"{places[0]} and {len(places) - 1} more", reason))
        else:
            lines += [(place, reason) for place in places]
    return lines


def _report(findings: Findings, name: str, size: int, sha256: str, format_name: str) -> FileScanReport:
    groups = (findings.failed, findings.skipped, findings.unsupported, findings.ignored)
    not_scanned = [entry for group in groups for entry in _gathered(group)]
    if not (not_scanned or findings.scanned or findings.issues):
        not_scanned = [("", "there is nothing in it to look into")]
    facts = {
        **findings.facts,
        "counts": {
            "scanned": len(findings.scanned),
            "failed": len(findings.failed),
            "skipped": len(findings.skipped),
            "unsupported": len(findings.unsupported),
            "nothing_to_scan": len(findings.ignored),
        },
    }
    return FileScanReport(
        scanner=SCANNER,
        scanner_version=SCANNER_VERSION,
        path=name,
        size=size,
        sha256=sha256,
        format=format_name,
        verdict=findings.verdict(),
        issues=tuple(findings.issues),
        scanned=tuple(place or name for place in findings.scanned),
        not_scanned=tuple((place or name, reason) for place, reason in not_scanned),
        speaks_to=tuple(sorted(findings.speaks_to)) if findings.scanned or findings.issues else (),
        limits=(*findings.limits, _BEYOND),
        facts=facts,
    )
