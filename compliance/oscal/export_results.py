"""The assessment results: what was looked at and what came of it. OSCAL 1.2 assessment-results."""

from __future__ import annotations

from compliance.oscal.export_catalog import catalogue_resource
from compliance.oscal.export_observations import observations
from compliance.oscal.export_parts import (
    assessment_assets,
    components,
    document,
    evidence_resources,
    reviewed_controls,
)
from compliance.oscal.export_plan import MODEL as PLAN
from compliance.oscal.export_plan import assessment_plan
from compliance.oscal.export_risks import findings, risks
from compliance.oscal.export_values import JSON, Frozen, file_resource, identifier, line, moment, without_empty
from compliance.oscal.streams import streamed
from compliance.types.canonical import canonical_json, sha256_hex

MODEL = "assessment-results"


def assessment_results(frozen: Frozen) -> JSON:
    """One result for the period of the assessment. It imports the plan of the same freeze, known by its digest."""
    assessment = frozen.doc["assessment"]
    result = without_empty(
        {
            "uuid": identifier("result", frozen.sha256),
            "title": line(assessment["title"], "Assessment (not named)"),
            "description": "Answers, observations and findings as they stood when the assessment was frozen.",
            "start": moment(assessment["period_start"]),
            "end": f"{assessment['period_end']}T23:59:59Z",
            "local-definitions": {
                "components": components(frozen),
                "assessment-assets": assessment_assets(frozen),
            },
            "reviewed-controls": reviewed_controls(frozen),
            "observations": streamed(lambda: observations(frozen)),
            "risks": streamed(lambda: risks(frozen)),
            "findings": streamed(lambda: findings(frozen)),
            "remarks": _not_answered(frozen),
        }
    )
    plan = _plan_resource(frozen)
    content = {"import-ap": {"href": f"#{plan['uuid']}"}, "results": [result]}
    return document(
        MODEL,
        frozen,
        "Assessment results",
        content,
        [plan, catalogue_resource(frozen), *evidence_resources(frozen)],
    )


def _not_answered(frozen: Frozen) -> str:
    numbers = [str(question["number"]) for question in frozen.doc["questions"] if not question["answer"]]
    if len(numbers) > 1:
        return f"Not answered: questions {', '.join(numbers[:-1])} and {numbers[-1]}."
    return f"Not answered: question {numbers[0]}." if numbers else ""


def _plan_resource(frozen: Frozen) -> JSON:
    return file_resource(
        uuid=identifier("plan", frozen.sha256),
        title="Assessment plan",
        description="The plan exported from the same frozen document.",
        href=f"{PLAN}.json",
        sha256=sha256_hex(canonical_json(assessment_plan(frozen))),
        media_type="application/oscal+json",
    )
