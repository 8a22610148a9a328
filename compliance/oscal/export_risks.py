"""Findings, and the risks that rest on them with what is being done, as OSCAL findings and risks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from compliance.types.freeze_risks import FrozenAcceptance, FrozenClosing, FrozenMove
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


def findings(frozen: Frozen) -> Iterator[JSON]:
    """Every finding, satisfied or not."""
    risks = _risks_by_finding(frozen)
    return (_finding(finding, risks.get(finding["uuid"], [])) for finding in frozen.doc["findings"])


def findings_at_risk(frozen: Frozen) -> Iterator[JSON]:
    """The findings that a risk rests on."""
    risks = _risks_by_finding(frozen)
    return (_finding(one, risks[one["uuid"]]) for one in frozen.doc["findings"] if one["uuid"] in risks)


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
                *_marks(finding),
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


def _marks(finding: Finding) -> list[JSON]:
    """How it stands over reports and how soon it is worked on; nothing for freezes that do not hold it."""
    if "sighting" not in finding:
        return []
    return [
        prop("sighting", finding["sighting"] or "never stood"),
        prop("reappearances", finding["reappearances"]),
        prop("priority", finding["priority"]),
        *([prop("waived-until", finding["waived_until"])] if finding["waived_until"] else []),
    ]


def _of_risks(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[bytes]]:
    """Items or closings by the risks that they name, written down: as objects they would take ten times the memory."""
    by_risk: dict[str, list[bytes]] = {}
    for row in rows:
        written = json.dumps(row).encode()
        for uuid in row["risks"]:
            by_risk.setdefault(uuid, []).append(written)
    return by_risk


def risks(frozen: Frozen) -> Iterator[JSON]:
    """Every risk with the remediation items that treat it."""
    doc = frozen.doc
    items, closings = _of_risks(doc["remediation"]), _of_risks(doc.get("closings", ()))
    observed = {one["uuid"]: [seen["uuid"] for seen in one["observations"]] for one in doc["findings"]}
    for risk in doc["risks"]:
        acts = _Acts(
            items=[json.loads(one) for one in items.get(risk["uuid"], ())],
            closings=[json.loads(one) for one in closings.get(risk["uuid"], ())],
            observed=list(dict.fromkeys(uuid for finding in risk["findings"] for uuid in observed[finding])),
        )
        yield _risk(frozen, risk, acts)


@dataclass(frozen=True, slots=True)
class _Acts:
    """What stands behind a risk. observed: uuids of the observations that it rests on."""

    items: Sequence[RemediationItem]
    closings: Sequence[FrozenClosing]
    observed: Sequence[str]


def _risk(frozen: Frozen, risk: Risk, acts: _Acts) -> JSON:
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
            "mitigating-factors": [
                _compensation(one) for one in risk.get("acceptances", []) if one["state"] == "approved"
            ],
            "deadline": moment(deadline) if deadline else "",
            "remediations": [_remediation(item, risk["uuid"]) for item in acts.items],
            "risk-log": _log(risk, acts.closings),
            "related-observations": [{"observation-uuid": observation_uuid(uuid)} for uuid in acts.observed],
        }
    )


def _compensation(acceptance: FrozenAcceptance) -> JSON:
    """What compensates while the risk is accepted, and until when that is."""
    told = [*acceptance["controls"], acceptance["compensation"]]
    return {
        "uuid": identifier("compensation", acceptance["uuid"]),
        "description": prose("\n".join(filter(None, told)), "What compensates is not stated."),
        "props": [
            prop("accepted-until", acceptance["ends_on"]),
            prop("review-on", acceptance["review_on"]),
            prop("rationale", acceptance["reason"]),
            prop("requested-by", acceptance["requested_by"]),
            prop("approved-by", acceptance["decided_by"]),
        ],
    }


def _log(risk: Risk, closings: Sequence[FrozenClosing]) -> JSON:
    """All that was done to the risk, and the closings that it was decided by."""
    entries = [_entry(move) for move in risk.get("history", [])]
    entries += map(_closing, closings)
    return {"entries": entries} if entries else {}


def _entry(move: FrozenMove) -> JSON:
    return {
        "uuid": identifier("risk-move", move["uuid"]),
        "title": line(move["act"].replace("_", " ")),
        "description": prose(move["words"], "Nothing was said."),
        "start": move["at"],
        "props": [prop("by", move["by"] or "Assay")],
        "status-change": move["after"],
    }


def _closing(closing: FrozenClosing) -> JSON:
    kinds = ", ".join(dict.fromkeys(one["kind"] for one in closing["basis"]))
    return {
        "uuid": identifier("closing", closing["uuid"]),
        "title": line(f"closing {closing['state']}"),
        "description": prose(closing["note"], "Nothing was said."),
        "start": closing["proposed_at"],
        "props": [
            prop("evidence", kinds),
            prop("asked-by", closing["asked_by"] or "Assay"),
            prop("decided-by", closing["decided_by"] or "nobody yet"),
            prop("decided-at", closing["decided_at"] or "not yet"),
        ],
    }


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
    """Who, until when, how far, and at what effort; baseline and slips where the freeze holds them."""
    return [
        *_plan_props(item),
        prop("record", item["uuid"]),
        prop("owner", item["owner"]),
        prop("state", item["state"]),
        prop("due", item["due"] or "not set"),
        prop("effort-planned-person-days", f"{item['effort_planned']:g}"),
        prop("effort-spent-person-days", f"{item['effort_spent']:g}"),
    ]


def _plan_props(item: RemediationItem) -> list[JSON]:
    """Freezes before there were baselines have none of these."""
    baseline, slips = item.get("baseline"), item.get("slips", [])
    props = [prop("original-due", item["original_due"])] if "original_due" in item else []
    if "remaining" in item:
        props.append(prop("effort-remaining-person-days", f"{item['remaining']:g}"))
    if baseline:
        effort = baseline["effort"]
        props += [
            prop("baseline-due", baseline["due"]),
            prop("baseline-effort-person-days", f"{effort['low']:g} / {effort['likely']:g} / {effort['high']:g}"),
            prop("baseline-approved-by", baseline["approved_by"]),
        ]
    return props + [prop("slip", f"{one['days']} days to {one['due']}: {one['reason']}") for one in slips]


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
