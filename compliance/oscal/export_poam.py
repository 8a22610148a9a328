"""The plan of action and milestones: what is being done about the risks. OSCAL 1.2 plan-of-action-and-milestones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compliance.oscal.export_catalog import catalogue_resource
from compliance.oscal.export_observations import observations_at_risk
from compliance.oscal.export_parts import assessment_assets, components, document, evidence_resources
from compliance.oscal.export_risks import finding_uuid, findings_at_risk, item_props, risk_uuid, risks
from compliance.oscal.export_values import JSON, Frozen, identifier, line, plain, prose, without_empty
from compliance.oscal.streams import streamed
from compliance.types.freeze import RemediationItem

MODEL = "plan-of-action-and-milestones"


def plan_of_action(frozen: Frozen) -> JSON | None:
    """The plan; None where the freeze holds no remediation item, for OSCAL has no empty plan."""
    if not frozen.doc["remediation"]:
        return None
    content = {
        "system-id": {"id": plain(frozen.doc["assessment"]["system"], "not named")},
        "local-definitions": {
            "components": components(frozen),
            "assessment-assets": assessment_assets(frozen),
        },
        "observations": streamed(lambda: observations_at_risk(frozen)),
        "risks": streamed(lambda: risks(frozen)),
        "findings": streamed(lambda: findings_at_risk(frozen)),
        "poam-items": streamed(lambda: _items(frozen)),
    }
    resources = [catalogue_resource(frozen), *evidence_resources(frozen)]
    return document(MODEL, frozen, "Plan of action and milestones", content, resources)


def _items(frozen: Frozen) -> Iterator[JSON]:
    rest_on = {risk["uuid"]: (place, risk["findings"]) for place, risk in enumerate(frozen.doc["risks"])}
    for item in frozen.doc["remediation"]:
        treated = sorted(rest_on[uuid] for uuid in set(item["risks"]))
        yield _item(item, dict.fromkeys(uuid for _place, findings in treated for uuid in findings))


def _item(item: RemediationItem, caused: Iterable[str]) -> JSON:
    """caused: uuids of the findings that its risks rest on."""
    return without_empty(
        {
            "uuid": identifier("poam-item", item["uuid"]),
            "title": line(item["title"], "Remediation (not named)"),
            "description": prose(item["description"], "The remediation is not described."),
            "props": item_props(item),
            "related-findings": [{"finding-uuid": finding_uuid(uuid)} for uuid in caused],
            "related-risks": [{"risk-uuid": risk_uuid(uuid)} for uuid in item["risks"]],
        }
    )
