"""The plan of action and milestones: what is being done about the risks. OSCAL 1.2 plan-of-action-and-milestones."""

from __future__ import annotations

from compliance.oscal.export_catalog import catalogue_resource
from compliance.oscal.export_observations import observations_at_risk
from compliance.oscal.export_parts import assessment_assets, components, document, evidence_resources
from compliance.oscal.export_risks import finding_uuid, findings_at_risk, item_props, risk_uuid, risks
from compliance.oscal.export_values import JSON, Frozen, identifier, line, plain, prose, without_empty
from compliance.types.freeze import RemediationItem

MODEL = "plan-of-action-and-milestones"


def plan_of_action(frozen: Frozen) -> JSON | None:
    """The plan; None where the freeze holds no remediation item, for OSCAL has no empty plan."""
    items = frozen.doc["remediation"]
    if not items:
        return None
    content = {
        "system-id": {"id": plain(frozen.doc["assessment"]["system"], "not named")},
        "local-definitions": {
            "components": components(frozen),
            "assessment-assets": assessment_assets(frozen),
        },
        "observations": observations_at_risk(frozen),
        "risks": risks(frozen),
        "findings": findings_at_risk(frozen),
        "poam-items": [_item(frozen, item) for item in items],
    }
    resources = [catalogue_resource(frozen), *evidence_resources(frozen)]
    return document(MODEL, frozen, "Plan of action and milestones", content, resources)


def _item(frozen: Frozen, item: RemediationItem) -> JSON:
    treated = set(item["risks"])
    caused = dict.fromkeys(uuid for risk in frozen.doc["risks"] if risk["uuid"] in treated for uuid in risk["findings"])
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
