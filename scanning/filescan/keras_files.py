"""Keras models: .keras (ZIP with config.json) and .h5 (HDF5). Lambda layers carry Python bytecode that loading unmarshals."""

from __future__ import annotations

import json
import re

from compliance.types.drafts import FileIssue
from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target
from scanning.filescan.keras_rules import config_issues, foreign_issue, is_own, lambda_issue, texts_in

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
_CLASS = re.compile(rb'"class_name"\s*:\s*"([^"]{1,200})"')
_REGISTERED = re.compile(rb'"registered_name"\s*:\s*"([^"]{1,200})"')
_OVERLAP, _CHUNK = 512, 4 << 20
_MOST_DECODED = 1 << 30
_LIMITS = (
    "A Keras file is judged by the layers, losses and metrics its configuration names; code of one's own is named, not read.",
    "Whether the weights were tampered with is not looked at here.",
)
_LIMITS_H5 = ("In HDF5 the configuration is found by its text; one that is compressed or split is not seen.",)


class KerasConfig:
    """config.json of a .keras archive."""

    name = "keras-config"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head.lstrip()
        return LIKELY if head.startswith(b"{") and b'"class_name"' in head and b'"config"' in head else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        try:
            config = json.loads(target.read_all(target.limits.max_text).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ScanError(f"the configuration is no JSON: {error}") from error
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        findings.issues = config_issues(config, target.location)
        return findings


def _leave(name: str) -> str:
    if name.endswith(".h5"):
        return "weights; the configuration is beside them"
    return "the archive's own description" if name == "metadata.json" else nothing_hides(name)


class KerasZip:
    """A .keras archive."""

    name = "keras-zip"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        names = target.zip_names
        return CERTAIN if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat. The weights' own HDF5 file has no configuration, and need not have one."""
        return scan_zip(target, _leave)


class KerasHdf5:
    """A model in HDF5. The configuration is an attribute that is stored as plain text."""

    name = "keras-hdf5"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if target.head.startswith(_HDF5_MAGIC) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat. A file without a configuration is not scanned: it may be weights only."""
        return _scan_texts(target, [*_LIMITS, *_LIMITS_H5])


class KerasMetadata:
    """keras_metadata.pb, which stands beside a SavedModel: protobuf with a JSON text for each layer."""

    name = "keras-metadata"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        named = target.name.rsplit("/", 1)[-1].lower() == "keras_metadata.pb"
        return CERTAIN if named and b'"class_name"' in target.head else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        return _scan_texts(target, list(_LIMITS))


def _scan_texts(target: Target, limits: list[str]) -> Findings:
    """Configurations that stand as text within other bytes, decoded where they are whole and searched by words where not."""
    classes: set[str] = set()
    issues: dict[tuple[str, str], FileIssue] = {}
    target.stream.seek(0)
    tail, base = b"", 0
    while chunk := target.stream.read(_CHUNK):
        window = tail + chunk
        classes |= {found.group(1).decode("ascii", "replace") for found in _CLASS.finditer(window)}
        places = [base + found.start() for found in _LAMBDA.finditer(window)]
        found_here = [lambda_issue(target.location, f"The class named at byte {at}") for at in places]
        names = {found.group(1).decode("utf-8", "replace") for found in _REGISTERED.finditer(window)}
        foreign = sorted(name for name in names if not is_own(name))
        found_here += [foreign_issue(target.location, name, "registered_name") for name in foreign]
        for issue in found_here:
            issues.setdefault((issue.rule, issue.title if issue.rule != "keras.lambda" else issue.description), issue)
        tail = window[-_OVERLAP:]
        base += len(window) - len(tail)
    findings = Findings(limits=limits, facts={"classes": sorted(classes)[:500]})
    if not classes:
        reason = "no model configuration was found in it: weights only, or stored otherwise"
        findings.unsupported.append((target.location, reason))
        return findings
    findings.scanned.append(target.location)
    findings.speaks_to.add(EMBEDDED_MALWARE)
    for issue in _decoded_issues(target):
        if issue.rule != "keras.lambda":
            issues.setdefault((issue.rule, issue.title), issue)
    findings.issues = list(issues.values())[:200]
    return findings


def _decoded_issues(target: Target) -> list[FileIssue]:
    """Rules for whole texts; a file beyond the limit was searched by words alone."""
    if target.size > _MOST_DECODED:
        return []
    target.stream.seek(0)
    return [issue for _, value in texts_in(target.stream.read()) for issue in config_issues(value, target.location)]


CONFIG = KerasConfig()
ZIP = KerasZip()
HDF5 = KerasHdf5()
METADATA = KerasMetadata()
