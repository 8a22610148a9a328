"""Files of a Hugging Face repository with the verdicts of the Hub's scanners: answers of the tree and paths-info API with
`expand=true` (`/api/models/REPO/tree/REVISION?expand=true`).

Each scanner says its own of each file, with the version it had when the file was uploaded; `unscanned` and `queued` are common
and are no pass. The listing names no repository, so a file is its SHA-256 where it is kept by LFS or Xet, else its path and the
git id of its content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, sha256_of

PRODUCER = "huggingface_files"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "The Hub's scanners look for malicious code and known malware in files; none of them tests weights or prompt templates.",
    "A verdict keeps the version of the scanner at the time of upload, and states no time.",
    "The listing names no repository.",
)
_UNKNOWN = ["observed_at", "repository"]
_SCANNERS = ("jFrogScan", "protectAiScan", "avScan", "pickleImportScan", "virusTotalScan")
_LABELS = {
    "jFrogScan": "JFrog",
    "protectAiScan": "Protect AI",
    "avScan": "The virus scanner",
    "pickleImportScan": "The scan of pickle imports",
    "virusTotalScan": "VirusTotal",
    "status": "The Hub as a whole",
}
# Words of the Hub's API; any other word is a failure to understand, not a pass.
_VERDICTS: dict[str, tuple[FileScanVerdict, Severity | None]] = {
    "safe": (FileScanVerdict.NOTHING_FOUND, None),
    "caution": (FileScanVerdict.FINDING, Severity.LOW),
    "suspicious": (FileScanVerdict.FINDING, Severity.MEDIUM),
    "unsafe": (FileScanVerdict.FINDING, Severity.CRITICAL),
    "unscanned": (FileScanVerdict.NOTHING_SCANNED, None),
    "queued": (FileScanVerdict.NOTHING_SCANNED, None),
    "error": (FileScanVerdict.FAILED, None),
}


class HuggingFaceFiles:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "Hugging Face file security status (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the member that only this API gives."""
        return CERTAIN if b'"securityFileStatus"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each file and scanner. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        again = "fetch it again from the Hub's API with `expand=true`"
        listing = decoded(document_text(document_bytes(stream, context), name), name, again=again)
        entries = listing if isinstance(listing, list) else [listing]
        if not any("securityFileStatus" in object_of(entry) for entry in entries):
            raise BadInputError(f"{name} is JSON but no listing of files with `securityFileStatus`; {again}.")
        scope = _scope(entries)
        drafts = _each(entries, name)
        summary = yield from report_drafts(drafts, producer=PRODUCER, file_name=name, scope=scope)
        return summary


def _each(entries: list[Any], name: str) -> Iterator[Draft]:
    for index, value in enumerate(entries):
        entry = object_of(value)
        if entry.get("type") == "directory":
            continue
        if not text_of(entry.get("path")):
            yield Reject(locator=f"/{index}", reason=f"{name}, /{index}: it names no path.")
            continue
        yield from _of_file(entry, f"/{index}")


def _asset(entry: Record) -> AssetRef:
    path, lfs = text_of(entry.get("path")), object_of(entry.get("lfs"))
    digest = sha256_of(lfs.get("oid")) or sha256_of(lfs.get("sha256"))
    git = text_of(entry.get("oid"))
    return AssetRef(kind="model_file", name=path if digest or not git else f"{path} (git {git})", digest=digest)


def _of_file(entry: Record, pointer: str) -> Iterator[Draft]:
    """The verdict of each scanner; of a listing without any, the status of the file as a whole."""
    status = object_of(entry.get("securityFileStatus"))
    pointer = f"{pointer}/securityFileStatus"
    asset = _asset(entry)
    named = [name for name in status if isinstance(status[name], dict)]
    for scanner in sorted(named, key=lambda name: _SCANNERS.index(name) if name in _SCANNERS else len(_SCANNERS)):
        yield _draft(scanner, status[scanner], asset, f"{pointer}/{scanner}", status)
    if not named:
        yield _draft("status", {"status": text_of(status.get("status")) or "unscanned"}, asset, pointer, status)


def _word(scan: Record) -> str:
    """The scanner's verdict in the Hub's words; older answers tell it by their findings."""
    if word := text_of(scan.get("status")):
        return word
    if isinstance(scan.get("virusFound"), bool):
        return "unsafe" if scan["virusFound"] else "safe"
    if isinstance(scan.get("pickleImports"), list):
        safeties = {text_of(object_of(one).get("safety")) for one in scan["pickleImports"]}
        return "unsafe" if "dangerous" in safeties else "suspicious" if safeties - {"innocuous"} else "safe"
    return ""


def _draft(scanner: str, scan: Record, asset: AssetRef, pointer: str, status: Record) -> Draft:
    word = _word(scan)
    verdict, severity = _VERDICTS.get(word, (FileScanVerdict.FAILED, None))
    label, said = _LABELS.get(scanner, scanner), f"says “{word}”" if word else "gives no verdict"
    message = text_of(scan.get("message")) or ", ".join(map(text_of, list_of(scan.get("virusNames"))))
    imports = [
        {name: text_of(object_of(one).get(name)) for name in ("module", "name", "safety")}
        for one in list_of(scan.get("pickleImports"))
    ]
    return Report(
        producer=PRODUCER, version=text_of(scan.get("version")), techniques=SPEAKS_TO, limits=LIMITS
    ).observation(
        rule=scanner,
        title=f"{label} {said}",
        description=f"{label} {said} of {asset.name}{f': {message}' if message else ''}.",
        asset=asset,
        verdict=verdict,
        severity=severity,
        native_severity=word,
        locator=pointer,
        raw=scan,
        facts={
            "status_of_the_file": text_of(status.get("status")),
            "imports": [one for one in imports if one["safety"] != "innocuous"],
            "report": text_of(scan.get("reportLink")),
            "unknown_fields": _UNKNOWN if scan.get("version") else [*_UNKNOWN, "producer_version"],
        },
    )


def _scope(entries: list[Any]) -> dict[str, Any]:
    files = [entry for entry in map(object_of, entries) if entry.get("type") != "directory" and entry.get("path")]
    return report_scope(
        tool=PRODUCER,
        tool_version="",
        assets=map(_asset, files),
        gaps=(),
        made_at=None,
        more={"speaks_to": list(SPEAKS_TO)},
    )


PARSER = HuggingFaceFiles()
