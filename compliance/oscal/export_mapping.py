"""The mappings between reference controls and framework requirements. OSCAL 1.2 mapping-collection.

OSCAL maps controls to controls alone: what frameworks list as risks and techniques (ATLAS, ATT&CK, OWASP's lists) is a
threat, and is told as properties of the control beside its maps. Drafts stand apart from approved pairs and say so.
"""

from __future__ import annotations

from compliance.oscal.export_catalog import catalogue_resource
from compliance.oscal.export_parts import catalogue_uuid, document
from compliance.oscal.export_values import (
    ATLAS,
    JSON,
    Frozen,
    control_token,
    identifier,
    line,
    prop,
    prose,
)
from compliance.types.freeze_mappings import MappedFramework, MappedPair, Mappings
from compliance.types.states import MappingState

MODEL = "mapping-collection"
_THREAT_FRAMEWORKS = ("mitre-atlas", "mitre-attack")
_STATUS = {MappingState.APPROVED: "complete", MappingState.DRAFT: "draft"}
_NOTE = {
    MappingState.APPROVED: "Each pair was approved by a named person.",
    MappingState.DRAFT: "Drafts: nobody approved them yet, and they are never counted.",
}


def mapping_collection(frozen: Frozen) -> JSON | None:
    """The collection; None where the freeze holds no mapping between controls. Rejected pairs are left out."""
    held = frozen.doc.get("mappings")
    if held is None:
        return None
    mappings = [
        found
        for framework in held["frameworks"]
        for state in (MappingState.APPROVED, MappingState.DRAFT)
        if (found := _mapping(frozen, held, framework, state))
    ]
    if not mappings:
        return None
    used = {one["target-resource"]["href"][1:] for one in mappings}
    frameworks = [_framework_resource(one) for one in held["frameworks"] if framework_uuid(one["key"]) in used]
    content = {"provenance": _provenance(held), "mappings": mappings}
    return document(MODEL, frozen, "Mappings of reference controls", content, [catalogue_resource(frozen), *frameworks])


def _is_threat(pair: MappedPair) -> bool:
    return pair["kind"] == "risk" or pair["framework"] in _THREAT_FRAMEWORKS


def framework_uuid(key: str) -> str:
    """The resource of a framework."""
    return identifier("framework", key)


def _framework_resource(framework: MappedFramework) -> JSON:
    return {
        "uuid": framework_uuid(framework["key"]),
        "title": line(f"{framework['title']} {framework['edition']}", framework["key"]),
        "description": prose(f"Licence: {framework['licence']}", ""),
        "props": [prop("framework", framework["key"]), prop("edition", framework["edition"])],
        "remarks": "Named by id alone; its text is not part of this document.",
    }


def _provenance(held: Mappings) -> JSON:
    controls = [pair for pair in held["pairs"] if not _is_threat(pair)]
    approved = sum(pair["state"] == MappingState.APPROVED for pair in controls)
    drafts = sum(pair["state"] == MappingState.DRAFT for pair in controls)
    return {
        "method": "human",
        "matching-rationale": "semantic",
        "status": "not-complete" if drafts else "complete",
        "mapping-description": f"{approved} approved pairs and {drafts} drafts. A pair says that evidence for the one is "
        "relevant to the other; it does not say that a requirement is met.",
    }


def _mapping(frozen: Frozen, held: Mappings, framework: MappedFramework, state: MappingState) -> JSON | None:
    pairs = [
        pair
        for pair in held["pairs"]
        if pair["framework"] == framework["key"] and pair["state"] == state and not _is_threat(pair)
    ]
    if not pairs:
        return None
    tokens = _tokens(framework["key"], pairs)
    return {
        "uuid": identifier("mapping", frozen.sha256, framework["key"], state),
        "method": "human",
        "matching-rationale": "semantic",
        "status": _STATUS[state],
        "source-resource": {"type": "catalog", "href": f"#{catalogue_uuid(frozen)}"},
        "target-resource": {"type": "catalog", "href": f"#{framework_uuid(framework['key'])}"},
        "maps": [_map(held, pair, tokens[pair["requirement"]]) for pair in pairs],
        "remarks": _NOTE[state],
    }


def _tokens(framework: str, pairs: list[MappedPair]) -> dict[str, str]:
    """A control id for each requirement; where two would get the same one, the later carries a number."""
    found: dict[str, str] = {}
    for requirement in sorted({pair["requirement"] for pair in pairs}):
        token = wanted = control_token(framework, requirement)
        number = 1
        while token in found.values():
            number += 1
            token = f"{wanted}-{number}"
        found[requirement] = token
    return found


def _map(held: Mappings, pair: MappedPair, token: str) -> JSON:
    return {
        "uuid": identifier("map", pair["uuid"]),
        "relationship": pair["relation"],
        "sources": [
            {
                "type": "control",
                "id-ref": control_token("", pair["control"]),
                **_threats(held, pair["control"]),
            }
        ],
        "targets": [{"type": "control", "id-ref": token, "props": [prop("label", pair["requirement"])]}],
        "props": [
            prop("record", pair["uuid"]),
            prop("state", pair["state"]),
            prop("strength", pair["strength"]),
            prop("id-checked", pair["checked"]),
            prop("decided-by", pair["decided_by"] or "nobody"),
            prop("decided-at", pair["decided_at"] or "not decided"),
        ],
        "remarks": prose(pair["rationale"], "No rationale is stated."),
    }


def _threats(held: Mappings, control: str) -> JSON:
    """What is no control, by id: approved pairs with ATLAS mitigations, ATT&CK techniques and listed risks."""
    found = [
        _threat(pair)
        for pair in held["pairs"]
        if pair["control"] == control and _is_threat(pair) and pair["state"] == MappingState.APPROVED
    ]
    return {"props": found} if found else {}


def _threat(pair: MappedPair) -> JSON:
    if pair["framework"] == "mitre-atlas":
        return prop("atlas-mitigation", pair["requirement"], f"{ATLAS}/mitigations/{pair['requirement']}")
    return prop("threat-id", pair["requirement"], pair["framework"])
