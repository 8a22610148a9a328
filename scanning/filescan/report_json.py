"""File scan reports as JSON, and back. The shape is that of `FileScanReport`, field by field."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from compliance.types.drafts import JSON, FileIssue, FileScanReport
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict


def to_json(report: FileScanReport) -> JSON:
    """The report as JSON: tuples become lists, enumerations their values."""
    found = asdict(report)
    found["verdict"] = report.verdict.value
    found["issues"] = [
        {**asdict(issue), "severity": issue.severity.value, "atlas_techniques": list(issue.atlas_techniques)}
        for issue in report.issues
    ]
    for name in ("scanned", "speaks_to", "limits"):
        found[name] = list(found[name])
    found["not_scanned"] = [list(pair) for pair in report.not_scanned]
    return found


def _issue(found: Any) -> FileIssue:
    return FileIssue(
        **{
            **found,
            "severity": Severity(found["severity"]),
            "atlas_techniques": tuple(found["atlas_techniques"]),
        }
    )


def from_json(found: JSON) -> FileScanReport:
    """The report that a JSON object is. Raises BadInputError where it is none."""
    try:
        if set(found) != {entry.name for entry in fields(FileScanReport)}:
            raise ValueError("its fields are others")
        return FileScanReport(
            **{
                **found,
                "verdict": FileScanVerdict(found["verdict"]),
                "issues": tuple(map(_issue, found["issues"])),
                "scanned": tuple(found["scanned"]),
                "not_scanned": tuple((place, reason) for place, reason in found["not_scanned"]),
                "speaks_to": tuple(found["speaks_to"]),
                "limits": tuple(found["limits"]),
            }
        )
    except (TypeError, KeyError, ValueError) as error:
        raise BadInputError(f"This is no file scan report: {error}.") from error
