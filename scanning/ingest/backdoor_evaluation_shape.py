"""The form `backdoor-evaluation/v1`, strictly: what a laboratory sends in on one method and one model.

`docs/formats/backdoor-evaluation-v1.schema.json` says the same as JSON Schema, and a test holds the two together.
`contradiction` adds what no schema can say: figures that do not fit each other, and verdicts that the figures do not carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict, cast

from compliance.types.shape import Sha256, ShapeError, UtcTime, check_shape
from compliance.types.verdicts import StageVerdict

FORMAT = "backdoor-evaluation/v1"
_TECHNIQUE = re.compile(r"AML\.T\d{4}(?:\.\d{3})?")
# Where each of these may be empty; every other text must say something.
_MAY_BE_EMPTY = frozenset(
    {"operator.person", "operator.contact", "model.version", "dataset.version", "method.reference"}
)


class Operator(TypedDict):
    """Who made the evaluation. Organisation always; a person and how to reach them where they agree to be named."""

    organisation: str
    person: str
    contact: str


class Model(TypedDict):
    """What was evaluated: the digest says it, the name is for people."""

    name: str
    version: str
    sha256: Sha256


Method = TypedDict(
    "Method",
    {
        "name": str,
        "version": str,
        "class": Literal[
            "weight_analysis",
            "activation_analysis",
            "trigger_inversion",
            "input_filtering",
            "behavioural",
            "data_inspection",
            "other",
        ],
        "reference": str,
        "parameters": dict[str, Any],
    },
)


class Dataset(TypedDict):
    """The data that the method used."""

    name: str
    version: str
    sha256: Sha256 | None
    size: int | None


class Score(TypedDict):
    """What the method measured. semantics: what the number is, in words."""

    value: float
    semantics: str
    suspicious_when: Literal["higher", "lower"]


class Threshold(TypedDict):
    """From where on a score is called suspicious. chosen: how it was chosen, in words."""

    value: float
    chosen: str


class FalsePositiveRate(TypedDict):
    """How often a model without a backdoor is called suspicious at the threshold, among so many negatives."""

    value: float
    lower: float
    upper: float
    confidence: float
    negatives: int


class Power(TypedDict):
    """How often a planted backdoor of one kind was found at the threshold, with the interval of the rate."""

    attack: str
    planted: int
    found: int
    lower: float
    upper: float
    confidence: float


class Calibration(TypedDict):
    """What the score was set against."""

    description: str
    references: int
    same_architecture: bool


class Artefact(TypedDict):
    """A file that goes with the evaluation."""

    name: str
    sha256: Sha256


class _Optional(TypedDict, total=False):
    """What may be absent. extensions: whatever else the laboratory wants to keep with it; not read."""

    extensions: dict[str, Any]


class Evaluation(_Optional):
    """One method on one model."""

    format: Literal["backdoor-evaluation/v1"]
    id: str
    operator: Operator
    model: Model
    method: Method
    techniques: list[str]
    dataset: Dataset | None
    score: Score | None
    threshold: Threshold | None
    false_positive_rate: FalsePositiveRate | None
    power: list[Power]
    calibration: Calibration | None
    verdict: StageVerdict
    statement: str
    limits: list[str]
    started_at: UtcTime
    finished_at: UtcTime
    artefacts: list[Artefact]


def checked(record: Mapping[str, Any]) -> Evaluation:
    """The record as an evaluation. Raises ShapeError, which names the place, for whatever the schema refuses."""
    check_shape(record, Evaluation)
    evaluation = cast(Evaluation, record)
    for place, text in _texts(evaluation, ""):
        if not text.strip() and place not in _MAY_BE_EMPTY:
            raise ShapeError(f"{place}: expected text that says something")
    for place, value, least, most in _numbers(evaluation):
        if value < least or (most is not None and value > most):
            raise ShapeError(f"{place}: {value} lies outside {least} to {'…' if most is None else most}")
    for name in ("techniques", "limits"):
        if not record[name]:
            raise ShapeError(f"{name}: expected at least one entry")
    for index, technique in enumerate(evaluation["techniques"]):
        if not _TECHNIQUE.fullmatch(technique):
            raise ShapeError(f"techniques[{index}]: expected an id of MITRE ATLAS such as AML.T0018.000")
    _check_carried(evaluation)
    return evaluation


def _check_carried(evaluation: Evaluation) -> None:
    """A verdict needs what it rests on. Raises ShapeError."""
    needed: dict[StageVerdict, tuple[str, ...]] = {
        StageVerdict.EVIDENCE_FOUND: ("score",),
        StageVerdict.NO_EVIDENCE_AT_POWER: ("score", "threshold", "false_positive_rate", "calibration", "power"),
    }
    verdict = StageVerdict(evaluation["verdict"])
    lacking = [name for name in needed.get(verdict, ()) if not evaluation[name]]  # type: ignore[literal-required]
    if lacking:
        raise ShapeError(f"verdict: {verdict.value} needs {', '.join(lacking)}")


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Every text of the form with its place; parameters and extensions are the laboratory's own."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name not in {"parameters", "extensions"}:
                yield from _texts(member, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, f"{place}[{index}]")
    elif isinstance(value, str):
        yield place, value


def _numbers(evaluation: Evaluation) -> Iterator[tuple[str, float, float, float | None]]:
    """Every bounded number: place, value, least, most."""
    rates: list[tuple[str, Mapping[str, Any], tuple[str, ...]]] = []
    if evaluation["false_positive_rate"]:
        rate = evaluation["false_positive_rate"]
        rates.append(("false_positive_rate", rate, ("value", "lower", "upper", "confidence")))
        yield "false_positive_rate.negatives", rate["negatives"], 1, None
    for index, power in enumerate(evaluation["power"]):
        rates.append((f"power[{index}]", power, ("lower", "upper", "confidence")))
        yield f"power[{index}].planted", power["planted"], 1, None
        yield f"power[{index}].found", power["found"], 0, None
    for place, held, names in rates:
        for name in names:
            yield f"{place}.{name}", held[name], 0, 1
    if evaluation["calibration"]:
        yield "calibration.references", evaluation["calibration"]["references"], 0, None
    if evaluation["dataset"] and evaluation["dataset"]["size"] is not None:
        yield "dataset.size", evaluation["dataset"]["size"], 0, None


def contradiction(evaluation: Evaluation) -> str:
    """Why the figures of a well-formed evaluation do not fit each other, "" where they do."""
    if datetime.fromisoformat(evaluation["finished_at"]) < datetime.fromisoformat(evaluation["started_at"]):
        return "it finished before it started"
    rate = evaluation["false_positive_rate"]
    if rate and not rate["lower"] <= rate["value"] <= rate["upper"]:
        return "false_positive_rate lies outside its own interval"
    for index, power in enumerate(evaluation["power"]):
        if power["found"] > power["planted"]:
            return f"power[{index}] found more than were planted"
        if not power["lower"] <= power["found"] / power["planted"] <= power["upper"]:
            return f"power[{index}] lies outside its own interval"
    return _unsupported(evaluation)


def _unsupported(evaluation: Evaluation) -> str:
    """Why the verdict does not follow from score, threshold and power."""
    verdict, score, threshold = evaluation["verdict"], evaluation["score"], evaluation["threshold"]
    if score and threshold:
        ahead = score["value"] - threshold["value"]
        is_beyond = ahead >= 0 if score["suspicious_when"] == "higher" else ahead <= 0
        if verdict == StageVerdict.NO_EVIDENCE_AT_POWER and is_beyond:
            return "it says that there is no evidence, and its score reaches the threshold"
        if verdict == StageVerdict.EVIDENCE_FOUND and not is_beyond:
            return "it says that there is evidence, and its score does not reach the threshold"
    rate = evaluation["false_positive_rate"]
    if verdict != StageVerdict.NO_EVIDENCE_AT_POWER or rate is None:
        return ""
    if all(power["lower"] <= rate["value"] for power in evaluation["power"]):
        return (
            "it says that there is no evidence, and finds no planted backdoor more often than it raises a false alarm"
        )
    return ""
