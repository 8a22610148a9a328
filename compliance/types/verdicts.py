"""The one vocabulary of verdicts, their fixed mapping to conclusions, and the exit codes of commands."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class StageVerdict(StrEnum):
    """What one detection stage says about one model version."""

    EVIDENCE_FOUND = "evidence_found"
    NO_EVIDENCE_AT_POWER = "no_evidence_at_power"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    FAILED = "failed"


class FileScanVerdict(StrEnum):
    """What a static scan says about one file. `nothing_scanned` is never a pass."""

    FINDING = "finding"
    NOTHING_FOUND = "nothing_found"
    NOTHING_SCANNED = "nothing_scanned"
    SKIPPED = "skipped"
    FAILED = "failed"


class CoverageState(StrEnum):
    """One cell of the coverage table: a model version against one sub-technique."""

    FINDING = "finding"
    COVERED = "covered"
    NOT_COVERED = "not_covered"
    FAILED = "failed"
    STALE = "stale"


class Conclusion(StrEnum):
    """OSCAL's finding target states. The absence of one is `None`: nothing may be concluded."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"


class ExitCode(IntEnum):
    """Exit codes of every management command."""

    POSITIVE = 0
    NEGATIVE = 1
    BAD_INPUT = 2
    UNDECIDED = 3


CONCLUSION_OF_STAGE: dict[StageVerdict, Conclusion | None] = {
    StageVerdict.EVIDENCE_FOUND: Conclusion.NOT_SATISFIED,
    StageVerdict.NO_EVIDENCE_AT_POWER: Conclusion.SATISFIED,
    StageVerdict.INCONCLUSIVE: None,
    StageVerdict.NOT_APPLICABLE: None,
    StageVerdict.FAILED: None,
}

CONCLUSION_OF_FILE_SCAN: dict[FileScanVerdict, Conclusion | None] = {
    FileScanVerdict.FINDING: Conclusion.NOT_SATISFIED,
    FileScanVerdict.NOTHING_FOUND: Conclusion.SATISFIED,
    FileScanVerdict.NOTHING_SCANNED: None,
    FileScanVerdict.SKIPPED: None,
    FileScanVerdict.FAILED: None,
}

COVERAGE_OF_STAGE: dict[StageVerdict, CoverageState] = {
    StageVerdict.EVIDENCE_FOUND: CoverageState.FINDING,
    StageVerdict.NO_EVIDENCE_AT_POWER: CoverageState.COVERED,
    StageVerdict.INCONCLUSIVE: CoverageState.NOT_COVERED,
    StageVerdict.NOT_APPLICABLE: CoverageState.NOT_COVERED,
    StageVerdict.FAILED: CoverageState.FAILED,
}

COVERAGE_OF_FILE_SCAN: dict[FileScanVerdict, CoverageState] = {
    FileScanVerdict.FINDING: CoverageState.FINDING,
    FileScanVerdict.NOTHING_FOUND: CoverageState.COVERED,
    FileScanVerdict.NOTHING_SCANNED: CoverageState.NOT_COVERED,
    FileScanVerdict.SKIPPED: CoverageState.NOT_COVERED,
    FileScanVerdict.FAILED: CoverageState.FAILED,
}

_WORST_STAGE_FIRST = (
    StageVerdict.EVIDENCE_FOUND,
    StageVerdict.FAILED,
    StageVerdict.INCONCLUSIVE,
    StageVerdict.NO_EVIDENCE_AT_POWER,
    StageVerdict.NOT_APPLICABLE,
)

_WORST_FILE_SCAN_FIRST = (
    FileScanVerdict.FINDING,
    FileScanVerdict.FAILED,
    FileScanVerdict.NOTHING_SCANNED,
    FileScanVerdict.SKIPPED,
    FileScanVerdict.NOTHING_FOUND,
)

_EXIT_OF_STAGE = {
    StageVerdict.EVIDENCE_FOUND: ExitCode.NEGATIVE,
    StageVerdict.NO_EVIDENCE_AT_POWER: ExitCode.POSITIVE,
    StageVerdict.INCONCLUSIVE: ExitCode.UNDECIDED,
    StageVerdict.NOT_APPLICABLE: ExitCode.UNDECIDED,
    StageVerdict.FAILED: ExitCode.UNDECIDED,
}

_EXIT_OF_FILE_SCAN = {
    FileScanVerdict.FINDING: ExitCode.NEGATIVE,
    FileScanVerdict.NOTHING_FOUND: ExitCode.POSITIVE,
    FileScanVerdict.NOTHING_SCANNED: ExitCode.UNDECIDED,
    FileScanVerdict.SKIPPED: ExitCode.UNDECIDED,
    FileScanVerdict.FAILED: ExitCode.UNDECIDED,
}


def worst_stage(verdicts: Iterable[StageVerdict]) -> StageVerdict:
    """The verdict that a run of several stages carries; no stage at all is `not_applicable`."""
    present = set(verdicts)
    return next((v for v in _WORST_STAGE_FIRST if v in present), StageVerdict.NOT_APPLICABLE)


def worst_file_scan(verdicts: Iterable[FileScanVerdict]) -> FileScanVerdict:
    """The verdict that a look at several files carries: what was not looked at is told before what held nothing."""
    return min(verdicts, key=_WORST_FILE_SCAN_FIRST.index)


def exit_code_of(verdict: StageVerdict | FileScanVerdict) -> ExitCode:
    """Exit code of a command whose answer is this verdict."""
    if isinstance(verdict, StageVerdict):
        return _EXIT_OF_STAGE[verdict]
    return _EXIT_OF_FILE_SCAN[verdict]
