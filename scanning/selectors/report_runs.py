"""Scopes of imported reports as pages show them: what each run of a tool looked at, and why it closes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.types.drafts import JSON

MOST_FILES = 20
_OF_RUN = ("tool", "tool_version", "assets", "rules", "gaps", "complete", "not_before", "runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRun:
    """One run of a tool. files: names of at most MOST_FILES of those looked at, of total; gaps: why a finding that the run
    does not list is not closed by it, in sentences; none where it is."""

    tool: str
    files: tuple[str, ...]
    total: int
    gaps: tuple[str, ...]


def _of(scope: JSON) -> list[JSON]:
    several = scope.get("runs")
    found = several if isinstance(several, list) else [scope]
    return [run for run in found if isinstance(run, dict) and isinstance(run.get("gaps"), list) and "assets" in run]


def report_runs(scope: JSON) -> tuple[ReportRun, ...]:
    """The runs of a report; none of a document that states no scope of runs, such as a log."""
    return tuple(
        ReportRun(
            tool=f"{run['tool']} {run['tool_version']}".strip(),
            files=tuple(asset["name"] for asset in run["assets"][:MOST_FILES]),
            total=len(run["assets"]),
            gaps=tuple(map(str, run["gaps"])),
        )
        for run in _of(scope)
    )


def beside_runs(scope: JSON) -> JSON:
    """What a document covers in its own words, without what `report_runs` shows."""
    if not _of(scope):
        gaps = scope.get("gaps")
        return {**scope, "gaps": " ".join(map(str, gaps))} if isinstance(gaps, list) else scope
    return {name: value for name, value in scope.items() if name not in _OF_RUN}
