"""The assessment plan: what was to be looked at, by which questions, over which period. OSCAL 1.2 assessment-plan."""

from __future__ import annotations

from compliance.oscal.export_catalog import catalogue_resource
from compliance.oscal.export_parts import (
    SYSTEM,
    assessment_assets,
    component_uuid,
    components,
    document,
    reviewed_controls,
)
from compliance.oscal.export_values import JSON, Frozen, identifier, moment, prop, prose
from compliance.types.freeze import Question

MODEL = "assessment-plan"


def assessment_plan(frozen: Frozen) -> JSON:
    """The plan. Its `import-ssp` names the frozen description of the system, because Assay keeps no security plan."""
    assessment = frozen.doc["assessment"]
    questions = frozen.doc["questions"]
    local: JSON = {"components": components(frozen)}
    if questions:
        local["activities"] = [_activity(frozen, question) for question in questions]
    content = {
        "import-ssp": {
            "href": f"#{identifier('freeze', frozen.sha256)}",
            "remarks": "No system security plan was given; the frozen document describes the system.",
        },
        "local-definitions": local,
        "terms-and-conditions": {"parts": _terms(frozen)},
        "reviewed-controls": reviewed_controls(frozen),
        "assessment-subjects": [subjects(frozen)],
        "assessment-assets": assessment_assets(frozen),
        "tasks": [
            {
                "uuid": identifier("task", assessment["uuid"]),
                "type": "action",
                "title": "Answer the audit questions and show the evidence",
                "timing": {
                    "within-date-range": {
                        "start": moment(assessment["period_start"]),
                        "end": f"{assessment['period_end']}T23:59:59Z",
                    }
                },
                "associated-activities": [_association(frozen, question) for question in questions],
            }
        ]
        if questions
        else [],
    }
    return document(MODEL, frozen, "Assessment plan", content, [catalogue_resource(frozen)])


def subjects(frozen: Frozen) -> JSON:
    """The system and every model version, named one by one."""
    return {
        "type": "component",
        "description": "The AI system and its model versions.",
        "include-subjects": [{"subject-uuid": one["uuid"], "type": "component"} for one in components(frozen)],
    }


def activity_uuid(frozen: Frozen, number: int) -> str:
    """The activity of one question."""
    return identifier("activity", frozen.doc["assessment"]["uuid"], str(number))


def _activity(frozen: Frozen, question: Question) -> JSON:
    return {
        "uuid": activity_uuid(frozen, question["number"]),
        "title": f"Question {question['number']}",
        "description": prose(f"{question['text']}\n\n{question['guidance']}", "The question has no text."),
        "props": [{"name": "method", "value": "INTERVIEW"}, {"name": "method", "value": "EXAMINE"}],
        "related-controls": reviewed_controls(frozen, question["number"]),
    }


def _association(frozen: Frozen, question: Question) -> JSON:
    system = component_uuid(SYSTEM, frozen.doc["assessment"]["system"])
    return {
        "activity-uuid": activity_uuid(frozen, question["number"]),
        "subjects": [
            {"type": "component", "include-subjects": [{"subject-uuid": system, "type": "component"}]},
        ],
    }


def _terms(frozen: Frozen) -> list[JSON]:
    assessment = frozen.doc["assessment"]
    period = f"{assessment['period_start']} to {assessment['period_end']}, both days included."
    parts = (
        ("included-activities", "Scope", prose(assessment["scope"], "The scope is not stated.")),
        ("excluded-activities", "Exclusions", prose(assessment["exclusions"], "No exclusions are stated.")),
        ("period", "Period", period),
    )
    return [
        {
            "uuid": identifier("term", assessment["uuid"], name),
            "name": name,
            "title": title,
            "prose": text,
            "props": [prop("assessment", assessment["uuid"])],
        }
        for name, title, text in parts
    ]
