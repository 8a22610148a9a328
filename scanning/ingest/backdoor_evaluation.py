"""`backdoor-evaluation/v1`: results of any laboratory, in this project's own form (docs/formats/backdoor_evaluation.md).

One evaluation, a list of them, {"evaluations": [...]}, or one a line. An evaluation is known by the laboratory's organisation
and its own id; of several with one id the one that finished last is taken. A verdict that says no more than its power carries
is taken as it is; one that its own figures contradict is rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.shape import ShapeError
from compliance.types.states import Severity
from compliance.types.verdicts import StageVerdict
from scanning.ingest.backdoor_evaluation_shape import FORMAT, Evaluation, checked, contradiction
from scanning.ingest.base import CERTAIN, LIKELY, NO, Drafts, ParseContext, Parsing
from scanning.ingest.finding_records import FindingScope, read_findings
from scanning.ingest.records import Record, RejectedError, moment, raw_digest
from scanning.ingest.redaction import redact
from scanning.ingest.report_reading import Report

NAME = "backdoor_evaluation"
GAPS = ("An evaluation says nothing of models that it does not name.",)
_TITLES = {
    StageVerdict.EVIDENCE_FOUND: "{method} found evidence of a backdoor",
    StageVerdict.NO_EVIDENCE_AT_POWER: "{method} found no evidence, at the stated power",
    StageVerdict.INCONCLUSIVE: "{method} was inconclusive",
    StageVerdict.NOT_APPLICABLE: "{method} could not be applied",
    StageVerdict.FAILED: "{method} failed",
}


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _power_in_words(evaluation: Evaluation) -> str:
    """The power of every attack with its interval; that none is stated where there is none."""
    parts = [
        f"{one['attack']}: {one['found']} of {one['planted']} found ({_percent(one['lower'])} to {_percent(one['upper'])} "
        f"at {_percent(one['confidence'])} confidence)"
        for one in evaluation["power"]
    ]
    return f"Power: {'; '.join(parts)}." if parts else "Its power is not stated."


def _score_in_words(evaluation: Evaluation) -> str:
    score, threshold = evaluation["score"], evaluation["threshold"]
    if score is None:
        return "No score is stated."
    beyond = f", threshold {threshold['value']:g}" if threshold else ", without a threshold"
    return f"Score {score['value']:g} ({score['semantics']}){beyond}."


def _unknown(evaluation: Evaluation) -> list[str]:
    dataset = evaluation["dataset"]
    stated = {
        "data set": dataset,
        "digest of the data set": dataset and dataset["sha256"],
        "score": evaluation["score"],
        "threshold": evaluation["threshold"],
        "false-positive rate": evaluation["false_positive_rate"],
        "power": evaluation["power"],
        "calibration": evaluation["calibration"],
        "artefacts": evaluation["artefacts"],
    }
    return [name for name, value in stated.items() if not value]


def _facts(evaluation: Evaluation) -> tuple[dict[str, Any], str]:
    """The evaluation without the laboratory's own extensions, secrets taken out; and its statement."""
    kept = {name: value for name, value in evaluation.items() if name not in {"extensions", "limits", "verdict"}}
    shown, removed = redact(kept, "")
    assert isinstance(shown, dict)
    facts: dict[str, Any] = {"evaluation": shown, "unknown_fields": _unknown(evaluation)}
    if removed:
        facts["redacted_fields"] = [path.removeprefix(".") for path in removed]
    return facts, str(shown["statement"])


def _observations(record: Record, locator: str) -> Iterator[ObservationDraft]:
    if record.get("format") != FORMAT:
        raise RejectedError(f"its format is not {FORMAT}")
    raw_sha256 = raw_digest(record)
    try:
        evaluation = checked(record)
    except ShapeError as error:
        raise RejectedError(str(error)) from error
    if problem := contradiction(evaluation):
        raise RejectedError(problem)
    verdict, method = StageVerdict(evaluation["verdict"]), evaluation["method"]
    facts, statement = _facts(evaluation)
    report = Report(
        producer=method["name"],
        version=method["version"],
        techniques=tuple(evaluation["techniques"]),
        limits=tuple(evaluation["limits"]),
    )
    organisation, model = evaluation["operator"]["organisation"], evaluation["model"]
    named = f"{model['name']} {model['version']}".strip()
    yield report.observation(
        rule=f"{method['class']} by {organisation}",
        title=_TITLES[verdict].format(method=method["name"]),
        description=f"{statement} {_score_in_words(evaluation)} {_power_in_words(evaluation)}",
        asset=AssetRef(kind="model_version", name=named, digest=model["sha256"]),
        verdict=verdict,
        locator=locator,
        raw=record,
        raw_sha256=raw_sha256,
        key=(organisation, evaluation["id"]),
        observed_at=_finished(evaluation),
        severity=Severity.HIGH if verdict is StageVerdict.EVIDENCE_FOUND else None,
        native_severity="",
        facts=facts,
        origins={"asset": "/model", "producer": "/method", "observed_at": "/finished_at", "verdict": "/verdict"},
    )


def _finished(evaluation: Evaluation) -> datetime:
    moment(evaluation["started_at"], "started_at")
    return moment(evaluation["finished_at"], "finished_at")


class BackdoorEvaluation:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "Backdoor evaluation (backdoor-evaluation/v1, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By its own name; another version is claimed too, so that it can be said which one is read."""
        if b'"backdoor-evaluation/v1"' in head:
            return CERTAIN
        return LIKELY if b'"backdoor-evaluation/' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each evaluation. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        return read_findings(
            stream,
            context,
            source=NAME,
            kind="evaluation",
            array_keys=("evaluations",),
            first_keys=("format", "id", "operator"),
            scope=FindingScope(gaps=GAPS),
            read_record=_observations,
        )


PARSER = BackdoorEvaluation()
