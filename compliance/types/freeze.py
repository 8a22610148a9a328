"""The freeze document "assay-freeze/2": everything a pack may show, as one JSON object and registers, and nothing else.

Lists that grow with the record lie beside the object as lines, which it names (compliance.types.freeze_lines); documents of the
form "assay-freeze/1" hold them themselves, and read the same once they are opened. Written once by the service that freezes an
assessment, read by packs and exports, never changed. Its identity is the SHA-256 of its canonical JSON
(compliance.types.canonical). Times are UTC with "Z", days are ISO days, digests are SHA-256 in lower-case hexadecimal, people
are shown by name and role. Lists are in the order in which a pack shows them. References between parts go by uuid and must
resolve: `validate_freeze` says where one does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any, Literal, TypedDict, cast

from compliance.types.canonical import NotCanonicalError, canonical_json
from compliance.types.freeze_answers import AnswerAdditions, EvidenceAdditions, QuestionAdditions
from compliance.types.freeze_controls import ControlAdditions, ReferenceAdditions
from compliance.types.freeze_entitlements import Entitlements, entitlements_fault
from compliance.types.freeze_job_log import EXTRACT_ROWS, JobLog
from compliance.types.freeze_lines import LINED, SCHEMA, Lines, LinesError, stored
from compliance.types.freeze_mappings import FreezeAdditions, additions_fault
from compliance.types.freeze_remediation import RemediationAdditions
from compliance.types.freeze_risks import FindingAdditions, RiskAdditions, decisions_fault
from compliance.types.freeze_scans import CoverageRow, DatasetVersion, Figure, FileScan, ModelVersion, Scan
from compliance.types.freeze_suppliers import suppliers_fault
from compliance.types.shape import Day, Named, Sha256, ShapeError, UtcTime, Uuid, check_shape
from compliance.types.states import (
    AnswerState,
    AnswerValue,
    EvidenceState,
    Method,
    RemediationState,
    RetentionClass,
    RiskState,
    Severity,
)
from compliance.types.verdicts import Conclusion


class FreezeError(ValueError):
    """The document is not a valid freeze document; the message names the place."""


class Software(TypedDict):
    name: str
    version: str


class Person(TypedDict):
    """`role` in words, as it is to be printed ("Compliance officer")."""

    name: Named
    role: str


class Subtechnique(TypedDict):
    id: str
    name: str
    summary: str


class Technique(TypedDict):
    """`formerly`: earlier names, oldest first; `content_release`: ATLAS content version, for example "2026.07"."""

    id: str
    name: str
    formerly: list[str]
    summary: str
    content_release: str
    subtechniques: list[Subtechnique]


class Assessment(TypedDict):
    """`period_end` is the last day included; `scope` may hold several paragraphs."""

    uuid: Uuid
    title: str
    system: str
    system_description: str
    period_start: Day
    period_end: Day
    scope: str
    exclusions: str
    people: list[Person]


class CatalogueVersion(TypedDict):
    id: str
    title: str
    version: str
    sha256: Sha256
    licence: str


class ReferenceControl(ReferenceAdditions):
    """`approved_mappings` counts approved pairs only; `draft_mappings` is shown beside it and never counted."""

    id: str
    title: str
    family: str
    objective: str
    questions: list[int]
    approved_mappings: int
    draft_mappings: int


class ImplementedControl(ControlAdditions):
    """`reference`: ids of the reference controls it adopts. `conclusion` None: nothing was concluded."""

    uuid: Uuid
    reference: list[str]
    title: str
    statement: str
    owner: Named
    performer: Named
    frequency: str
    scope: str
    nature: str
    kind: str
    key: bool
    effective_from: Day | None
    version: int
    conclusion: Conclusion | None


class AnswerChange(TypedDict):
    """One step of an answer's history. `value` None: not yet answered at that step."""

    at: UtcTime
    by: Person
    state: AnswerState
    value: AnswerValue | None
    note: str


class Answer(AnswerAdditions):
    """The current answer. `evidence` and `findings` are uuids of the registers below."""

    state: AnswerState
    value: AnswerValue
    statement: str
    reason: str
    claims: list[Figure]
    author: Person
    submitted_at: UtcTime | None
    approver: Person | None
    approved_at: UtcTime | None
    evidence: list[Uuid]
    findings: list[Uuid]


class Question(QuestionAdditions):
    """`contradictions`: what the records say against the answer, in words. `answer` None: not answered."""

    number: int
    text: str
    guidance: str
    answer: Answer | None
    contradictions: list[str]
    history: list[AnswerChange]


class LedgerPlace(TypedDict):
    """`position` None: recorded, not yet sealed into a block."""

    event: Sha256
    position: int | None
    block: int | None


class EvidenceRecord(EvidenceAdditions):
    """One file. `state_reason` says why rejected; `purged_at`: the bytes are gone by an approved act, the hash stays."""

    uuid: Uuid
    title: str
    filename: str
    sha256: Sha256
    size: int
    media_type: str
    source: str
    collected_how: str
    collected_by: Named
    collected_at: UtcTime
    period_start: Day | None
    period_end: Day | None
    state: EvidenceState
    state_reason: str
    retention: RetentionClass
    legal_hold: bool
    purged_at: UtcTime | None
    ledger: LedgerPlace | None


class ObservationRef(TypedDict):
    uuid: Uuid
    producer: str
    rule: str
    title: str
    method: Method
    verdict: str
    observed_at: UtcTime | None
    evidence: Uuid | None


class Finding(FindingAdditions):
    uuid: Uuid
    title: str
    asset: str
    target: str
    state: Conclusion
    severity: Severity | None
    opened_at: UtcTime
    condition: str
    criteria: str
    cause: str
    effect: str
    observations: list[ObservationRef]


class Risk(RiskAdditions):
    uuid: Uuid
    title: str
    statement: str
    state: RiskState
    deadline: Day | None
    findings: list[Uuid]


class Milestone(TypedDict):
    title: str
    due: Day | None
    done_at: UtcTime | None


class RemediationItem(RemediationAdditions):
    """Effort in person-days."""

    uuid: Uuid
    title: str
    description: str
    owner: Named
    state: RemediationState
    due: Day | None
    effort_planned: float
    effort_spent: float
    risks: list[Uuid]
    milestones: list[Milestone]


class LedgerHead(TypedDict):
    """The newest sealed block at freezing. `block` None: nothing was sealed yet; `unsealed`: events after it."""

    block: int | None
    block_hash: Sha256 | None
    merkle_root: Sha256 | None
    events: int
    unsealed: int
    sealed_at: UtcTime | None


class Freeze(FreezeAdditions):
    """The whole document."""

    schema: Literal["assay-freeze/1", "assay-freeze/2"]
    generated_by: Software
    frozen_at: UtcTime
    frozen_by: Person
    organisation: str
    demonstration: bool
    assessment: Assessment
    technique: Technique
    catalogues: list[CatalogueVersion]
    reference_controls: list[ReferenceControl]
    implemented_controls: list[ImplementedControl]
    questions: list[Question]
    evidence: list[EvidenceRecord]
    models: list[ModelVersion]
    datasets: list[DatasetVersion]
    coverage: list[CoverageRow]
    scans: Collection[Scan]
    file_scans: Collection[FileScan]
    job_log: JobLog
    entitlements: Entitlements
    findings: Collection[Finding]
    risks: Collection[Risk]
    remediation: Collection[RemediationItem]
    ledger: LedgerHead


def _unique(kind: str, records: Iterable[Mapping[str, Any]]) -> set[str]:
    seen: set[str] = set()
    for record in records:
        if record["uuid"] in seen:
            raise FreezeError(f"{kind}: the uuid {record['uuid']} is there twice")
        seen.add(record["uuid"])
    return seen


def _resolve(place: str, wanted: Iterable[str | None], known: set[str], register: str) -> None:
    for uuid in wanted:
        if uuid is not None and uuid not in known:
            raise FreezeError(f"{place}: {uuid} is not in the {register}")


def _checked(
    register: str, rows: Iterable[Any], named: Callable[[Any], Iterable[str | None]], known: set[str], where: str
) -> set[str]:
    """The uuids of a register whose rows name records of another, in one pass: those of large records lie in files."""

    def each() -> Iterator[Mapping[str, Any]]:
        for row in rows:
            _resolve(register, named(row), known, where)
            yield row

    return _unique(register, each())


def _check_references(doc: Freeze) -> None:
    evidence = _unique("evidence", cast("list[Mapping[str, Any]]", doc["evidence"]))
    models = _unique("models", cast("list[Mapping[str, Any]]", doc["models"]))
    findings = _checked(
        "findings",
        doc["findings"],
        lambda row: (one["evidence"] for one in row["observations"]),
        evidence,
        "evidence register",
    )
    risks = _checked("risks", doc["risks"], itemgetter("findings"), findings, "findings")
    items = _checked("remediation", doc["remediation"], itemgetter("risks"), risks, "risks")
    for name in ("scans", "file_scans"):
        _checked(name, doc[name], lambda row: (row["model"],), models, "models")
    for question in doc["questions"]:
        if answer := question["answer"]:
            place = f"questions, number {question['number']}"
            _resolve(place, answer["evidence"], evidence, "evidence register")
            _resolve(place, answer["findings"], findings, "findings")
    _resolve("models", (model["parent"] for model in doc["models"]), models, "models")
    _resolve("coverage", (row["model"] for row in doc["coverage"]), models, "models")
    _resolve("job_log.sources", (s["evidence"] for s in doc["job_log"]["sources"]), evidence, "evidence register")
    fault = decisions_fault(cast("dict[str, Any]", doc), risks=risks, findings=findings, items=items)
    fault = fault or additions_fault(doc, {one["id"] for one in doc["reference_controls"]}, items)
    if "suppliers" in doc:
        fault = fault or suppliers_fault(doc["suppliers"], models=models, evidence=evidence)
    if fault:
        raise FreezeError(fault)


def _check_form(doc: Freeze) -> None:
    """Lists that grow are registers from the second form on, and only there."""
    for name in LINED:
        if name in doc and isinstance(doc[name], Lines) != (doc["schema"] == SCHEMA):  # type: ignore[literal-required]
            raise FreezeError(f"{name}: a document of the form {doc['schema']} keeps this list otherwise")


def _check_sense(doc: Freeze) -> None:
    if doc["assessment"]["period_start"] > doc["assessment"]["period_end"]:
        raise FreezeError("assessment: the period ends before it starts")
    expected = [sub["id"] for sub in doc["technique"]["subtechniques"]]
    for row in doc["coverage"]:
        if [cell["technique"] for cell in row["cells"]] != expected:
            raise FreezeError(f"coverage of model {row['model']}: one cell per sub-technique is needed, in order")
    untold = {model["uuid"] for model in doc["models"]} - {row["model"] for row in doc["coverage"]}
    if untold:
        raise FreezeError(f"coverage: model {min(untold)} has no row; what was never tested is shown too")
    log = doc["job_log"]
    if len(log["extract"]) > EXTRACT_ROWS:
        raise FreezeError(f"job_log.extract: {len(log['extract'])} rows, at most {EXTRACT_ROWS} are taken")
    if len(log["extract"]) < log["recorded"] and log["register"] is None:
        raise FreezeError("job_log: the extract is not the whole log, so the full register has to be attached")
    if log["register"] and log["register"]["rows"] != log["recorded"]:
        raise FreezeError("job_log.register: its row count differs from the number of recorded events")
    if fault := entitlements_fault(doc["entitlements"]):
        raise FreezeError(fault)


def validate_freeze(doc: object) -> None:
    """Raise FreezeError, with one sentence naming the place, unless `doc` (parsed JSON, opened) is a valid freeze document."""
    try:
        check_shape(doc, Freeze)
        checked = cast(Freeze, doc)
        canonical_json(stored(checked))
        _check_form(checked)
        _check_references(checked)
    except (ShapeError, NotCanonicalError, LinesError) as error:
        raise FreezeError(str(error)) from error
    _check_sense(checked)
