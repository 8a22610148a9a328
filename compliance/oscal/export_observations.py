"""What was observed, as OSCAL observations: what producers saw, what people answered, and which tests are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compliance.oscal.export_parts import (
    ASSAY,
    SYSTEM,
    component_uuid,
    evidence_uuid,
    party_uuid,
)
from compliance.oscal.export_values import JSON, Frozen, identifier, line, plain, prop, prose
from compliance.types.freeze import Answer, Finding, ObservationRef, Question
from compliance.types.freeze_scans import CoverageRow
from compliance.types.verdicts import FileScanVerdict, StageVerdict

_DISCOVERIES = {StageVerdict.EVIDENCE_FOUND.value, FileScanVerdict.FINDING.value}


def observation_uuid(uuid: str) -> str:
    """The observation of a record."""
    return identifier("observation", uuid)


def observations(frozen: Frozen) -> Iterator[JSON]:
    """What findings rest on; then the answers; then coverage by model version."""
    yield from _observed(frozen, frozen.doc["findings"])
    for question in frozen.doc["questions"]:
        if answer := question["answer"]:
            yield _answered(frozen, question, answer)
    for row in frozen.doc["coverage"]:
        yield _coverage(frozen, row)


def observations_at_risk(frozen: Frozen) -> Iterator[JSON]:
    """What the findings rest on that a risk rests on."""
    at_risk = {uuid for risk in frozen.doc["risks"] for uuid in risk["findings"]}
    return _observed(frozen, (one for one in frozen.doc["findings"] if one["uuid"] in at_risk))


def _observed(frozen: Frozen, findings: Iterable[Finding]) -> Iterator[JSON]:
    """Each observation once, though several findings may rest on it."""
    seen: set[str] = set()
    for finding in findings:
        for one in finding["observations"]:
            if one["uuid"] not in seen:
                seen.add(one["uuid"])
                yield _observation(frozen, finding, one)


def _observation(frozen: Frozen, finding: Finding, one: ObservationRef) -> JSON:
    producer = component_uuid("tool", one["producer"] or ASSAY)
    found: JSON = {
        "uuid": observation_uuid(one["uuid"]),
        "title": line(one["title"], one["rule"] or "Observation"),
        "description": prose(one["title"], "The observation has no title."),
        "props": [
            prop("record", one["uuid"]),
            prop("rule", one["rule"]),
            prop("verdict", one["verdict"]),
            prop("asset", finding["asset"]),
        ],
        "methods": [one["method"]],
        "types": ["discovery" if one["verdict"] in _DISCOVERIES else "control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": producer}]}],
        "subjects": [_subject(frozen)],
        "collected": one["observed_at"] or finding["opened_at"],
    }
    if one["evidence"]:
        found["relevant-evidence"] = [_evidence(one["evidence"], "The document that the observation was read from.")]
    if not one["observed_at"]:
        found["remarks"] = "The producer states no time; the time shown is that of the first finding drawn from it."
    return found


def _subject(frozen: Frozen) -> JSON:
    return {"subject-uuid": component_uuid(SYSTEM, frozen.doc["assessment"]["system"]), "type": "component"}


def _evidence(uuid: str, description: str) -> JSON:
    return {"href": f"#{evidence_uuid(uuid)}", "description": description}


def _answered(frozen: Frozen, question: Question, answer: Answer) -> JSON:
    """A person's answer. Records that contradict it stand in the remarks."""
    number = str(question["number"])
    uuid = identifier("answer", frozen.doc["assessment"]["uuid"], number)
    approver = answer["approver"]
    approved_by = f"{approver['name']}, {approver['role']}" if approver else "nobody: not independently approved"
    found: JSON = {
        "uuid": uuid,
        "title": line(f"Question {number}: {question['text']}"),
        "description": prose(answer["statement"], "The answer has no statement."),
        "props": [
            prop("question", number),
            prop("answer", answer["value"]),
            prop("state", answer["state"]),
            prop("approved-by", approved_by),
            *([prop("not-independently-approved", alone)] if (alone := answer.get("not_independent", "")) else []),
            *(prop("claim", f"{claim['label']}: {claim['value']}") for claim in answer["claims"]),
        ],
        "methods": ["INTERVIEW"],
        "types": ["control-objective"],
        "origins": [{"actors": [{"type": "party", "actor-uuid": party_uuid(answer["author"])}]}],
        "subjects": [_subject(frozen)],
        "collected": answer["submitted_at"] or frozen.doc["frozen_at"],
    }
    if answer["evidence"]:
        found["relevant-evidence"] = [_evidence(one, "Attached to the answer.") for one in answer["evidence"]]
    told = [answer["reason"], *(f"The records contradict it: {text}" for text in question["contradictions"])]
    if justification := answer.get("justification", ""):
        told.append(f"Approved all the same, because: {justification}")
    if remarks := "\n\n".join(text for text in told if text):
        found["remarks"] = prose(remarks, "")
    return found


def _coverage(frozen: Frozen, row: CoverageRow) -> JSON:
    """One model version against every sub-technique; a cell that was never tested is said to be so."""
    lines = [
        f"- {cell['technique']}: {cell['state']}" + (f" ({cell['basis']}, {cell['at']})" if cell["basis"] else "")
        for cell in row["cells"]
    ]
    told = "\n".join(lines) or "No sub-technique is listed."
    return {
        "uuid": identifier("coverage", frozen.doc["assessment"]["uuid"], row["model"]),
        "title": "Tests of a model version, by sub-technique",
        "description": prose(f"What was not covered was not tested, and says nothing of the model.\n\n{told}", ""),
        "props": [prop(f"coverage-{cell['technique']}", plain(cell["state"])) for cell in row["cells"]],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "origins": [{"actors": [{"type": "tool", "actor-uuid": component_uuid("tool", ASSAY)}]}],
        "subjects": [{"subject-uuid": component_uuid("model", row["model"]), "type": "component"}],
        "collected": frozen.doc["frozen_at"],
    }
