"""The reference controls as an OSCAL catalogue, so that the control ids of the other documents lead somewhere."""

from __future__ import annotations

from compliance.oscal.export_parts import catalogue_uuid, document
from compliance.oscal.export_values import (
    JSON,
    Frozen,
    control_token,
    file_resource,
    line,
    objective_id,
    prop,
    prose,
)
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import ReferenceControl

MODEL = "catalog"


def catalog(frozen: Frozen) -> JSON:
    """Families as groups, each control with its objective."""
    families: dict[str, list[ReferenceControl]] = {}
    for control in frozen.doc["reference_controls"]:
        families.setdefault(control["family"], []).append(control)
    groups = [
        {
            "id": f"family-{number}",
            "title": line(family, "Without family"),
            "controls": [_control(control) for control in controls],
        }
        for number, (family, controls) in enumerate(families.items(), start=1)
    ]
    return document(MODEL, frozen, "Reference controls", {"groups": groups})


def _control(control: ReferenceControl) -> JSON:
    return {
        "id": control_token("", control["id"]),
        "title": line(control["title"], control["id"]),
        "props": [
            {"name": "label", "value": control["id"]},
            prop("questions", ", ".join(map(str, control["questions"]))),
            prop("approved-mappings", control["approved_mappings"]),
            prop("draft-mappings", control["draft_mappings"], "Drafts are never counted."),
        ],
        "parts": [
            {
                "id": objective_id(control["id"]),
                "name": "assessment-objective",
                "prose": prose(control["objective"], "The objective is not stated."),
            }
        ],
    }


def catalogue_resource(frozen: Frozen) -> JSON:
    """The exported catalogue as a file of another document's back matter."""
    return file_resource(
        uuid=catalogue_uuid(frozen),
        title="Reference controls as an OSCAL catalogue",
        description="The catalogue that control ids of this document belong to, made from the same frozen document.",
        href="catalog.json",
        sha256=sha256_hex(canonical_json(catalog(frozen))),
        media_type="application/oscal+json",
        props=[
            prop("catalogue", f"{entry['title']} {entry['version']}", f"SHA-256 {entry['sha256']}")
            for entry in frozen.doc["catalogues"]
        ],
    )
