"""Findings, and the risks that rest on them with what is being done, as OSCAL findings and risks."""

from __future__ import annotations

from compliance.oscal.export_observations import observation_uuid
from compliance.oscal.export_parts import threat_ids
from compliance.oscal.export_values import (
    JSON,
    Frozen,
    identifier,
    line,
    moment,
    objective_id,
    prop,
    prose,
    without_empty,
)
from compliance.types.freeze import Finding, Milestone, RemediationItem, Risk
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion

_REASON = {Conclusion.SATISFIED.value: "pass", Conclusion.NOT_SATISFIED.value: "fail"}
_ENDED = {RemediationState.DONE.value, RemediationState.CLOSED.value}


def finding_uuid(uuid: str) -> str:
    """The finding of a record."""
    return identifier("finding", uuid)


def risk_uuid(uuid: str) -> str:
    """The risk of a record."""
    return identifier("risk", uuid)


def findings(frozen: Frozen) -> list[JSON]:
    """Every finding, satisfied or not."""
    risks = _risks_by_finding(frozen)
    return [_finding(finding, risks.get(finding["uuid"], [])) for finding in frozen.doc["findings"]]


def findings_at_risk(frozen: Frozen) -> list[JSON]:
    """The findings that a risk rests on."""
    risks = _risks_by_finding(frozen)
    return [_finding(one, risks[one["uuid"]]) for one in frozen.doc["findings"] if one["uuid"] in risks]


def _risks_by_finding(frozen: Frozen) -> dict[str, list[str]]:
    risks: dict[str, list[str]] = {}
    for risk in frozen.doc["risks"]:
        for uuid in risk["findings"]:
            risks.setdefault(uuid, []).append(risk["uuid"])
    return risks


def _finding(finding: Finding, risks: list[str]) -> JSON:
    told = [
        f"{name}: {finding[key]}"  # type: ignore[literal-required]  # the four parts of a finding
        for name, key in (
            ("Condition", "condition"),
            ("Criteria", "criteria"),
            ("Cause", "cause"),
            ("Effect", "effect"),
        )
        if finding[key]  # type: ignore[literal-required]
    ]
    state = finding["state"]
    return without_empty(
        {
            "uuid": finding_uuid(finding["uuid"]),
            "title": line(finding["title"], "Finding (not named)"),
            "description": prose("\n\n".join(told), "The finding is not described."),
            "props": [
                prop("record", finding["uuid"]),
                prop("asset", finding["asset"]),
                prop("severity", finding["severity"] or "none: the objective is satisfied"),
                prop("opened-at", finding["opened_at"]),
            ],
            "target": {
                "type": "objective-id",
                "target-id": objective_id(finding["target"]),
                "status": {"state": state, "reason": _REASON[state]},
            },
            "related-observations": [
                {"observation-uuid": observation_uuid(one["uuid"])} for one in finding["observations"]
            ],
            "related-risks": [{"risk-uuid": risk_uuid(uuid)} for uuid in risks],
        }
    )


def risks(frozen: Frozen) -> list[JSON]:
    """Every risk with the remediation items that treat it."""
    items: dict[str, list[RemediationItem]] = {}
    for item in frozen.doc["remediation"]:
        for uuid in item["risks"]:
            items.setdefault(uuid, []).append(item)
    seen = {finding["uuid"]: finding for finding in frozen.doc["findings"]}
    return [
        _risk(frozen, risk, items.get(risk["uuid"], []), [seen[uuid] for uuid in risk["findings"]])
        for risk in frozen.doc["risks"]
    ]


def _risk(frozen: Frozen, risk: Risk, items: list[RemediationItem], rests_on: list[Finding]) -> JSON:
    observed = dict.fromkeys(one["uuid"] for finding in rests_on for one in finding["observations"])
    deadline = risk["deadline"]
    return without_empty(
        {
            "uuid": risk_uuid(risk["uuid"]),
            "title": line(risk["title"], "Risk (not named)"),
            "description": prose(risk["title"], "The risk is not described."),
            "statement": prose(risk["statement"], "The risk has no statement."),
            "props": [prop("record", risk["uuid"])],
            "status": risk["state"],
            "threat-ids": threat_ids(frozen),
            "deadline": moment(deadline) if deadline else "",
            "remediations": [_remediation(item, risk["uuid"]) for item in items],
            "related-observations": [{"observation-uuid": observation_uuid(uuid)} for uuid in observed],
        }
    )


def _remediation(item: RemediationItem, risk: str) -> JSON:
    """One item as the response to one risk; an item that treats two risks is told under both."""
    return without_empty(
        {
            "uuid": identifier("response", item["uuid"], risk),
            "lifecycle": "completed" if item["state"] in _ENDED else "planned",
            "title": line(item["title"], "Remediation (not named)"),
            "description": prose(item["description"], "The remediation is not described."),
            "props": item_props(item),
            "tasks": [_milestone(step, item, risk, number) for number, step in enumerate(item["milestones"])],
        }
    )


def item_props(item: RemediationItem) -> list[JSON]:
    """Who, until when, how far, and at what effort."""
    return [
        prop("record", item["uuid"]),
        prop("owner", item["owner"]),
        prop("state", item["state"]),
        prop("due", item["due"] or "not set"),
        prop("effort-planned-person-days", f"{item['effort_planned']:g}"),
        prop("effort-spent-person-days", f"{item['effort_spent']:g}"),
    ]


def _milestone(step: Milestone, item: RemediationItem, risk: str, number: int) -> JSON:
    due, done = step["due"], step["done_at"]
    return without_empty(
        {
            "uuid": identifier("milestone", item["uuid"], risk, str(number)),
            "type": "milestone",
            "title": line(step["title"], "Milestone (not named)"),
            "props": [prop("done-at", done or "not done")],
            "timing": {"on-date": {"date": moment(due)}} if due else {},
        }
    )
