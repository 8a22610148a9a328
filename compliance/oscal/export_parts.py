"""Parts that several OSCAL models share: metadata, people, files, components, selected controls."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.oscal.export_values import (
    ATLAS,
    JSON,
    NAMESPACE,
    OSCAL_VERSION,
    Frozen,
    control_token,
    file_resource,
    identifier,
    line,
    path_of,
    plain,
    prop,
    prose,
    without_empty,
)
from compliance.types.freeze import EvidenceRecord, Person
from compliance.types.freeze_scans import ModelVersion

SYSTEM = "this-system"
ASSAY = "assay"


def document(model: str, frozen: Frozen, title: str, content: JSON, resources: Iterable[JSON] = ()) -> JSON:
    """A whole OSCAL document; the same freeze gives the same one."""
    whole = {
        "uuid": identifier("document", model, frozen.sha256),
        "metadata": _metadata(frozen, title),
        **content,
        "back-matter": {"resources": [freeze_resource(frozen), *resources]},
    }
    return {model: without_empty(whole)}


def _metadata(frozen: Frozen, title: str) -> JSON:
    doc = frozen.doc
    return {
        "title": line(f"{title}: {doc['assessment']['title']}"),
        "published": doc["frozen_at"],
        "last-modified": doc["frozen_at"],
        "version": f"freeze-{frozen.sha256}",
        "oscal-version": OSCAL_VERSION,
        "props": [
            prop("generated-by", f"{doc['generated_by']['name']} {doc['generated_by']['version']}"),
            prop("demonstration", "yes" if doc["demonstration"] else "no"),
            *technique_props(frozen),
        ],
        "roles": [
            {"id": "organisation", "title": "Organisation whose AI system was assessed"},
            {"id": "frozen-by", "title": "Person who froze the assessment"},
        ],
        "parties": _parties(frozen),
        "responsible-parties": [
            {"role-id": "organisation", "party-uuids": [organisation_uuid(frozen)]},
            {"role-id": "frozen-by", "party-uuids": [party_uuid(doc["frozen_by"])]},
        ],
        "remarks": "Made from the frozen document of the assessment alone. What is not stated was not shown; it is no pass.",
    }


def technique_props(frozen: Frozen) -> list[JSON]:
    """The technique by ATLAS id and name, its earlier names, and the content release they belong to."""
    technique = frozen.doc["technique"]
    formerly = ", ".join(technique["formerly"])
    name = technique["name"] + (f", formerly {formerly}" if formerly else "")
    return [
        prop("atlas-technique", technique["id"]),
        prop("atlas-technique-name", name),
        prop("atlas-release", technique["content_release"]),
    ]


def threat_ids(frozen: Frozen) -> list[JSON]:
    """The technique as OSCAL's threat id, which is an address."""
    return [{"system": ATLAS, "id": f"{ATLAS}/techniques/{frozen.doc['technique']['id']}"}]


def organisation_uuid(frozen: Frozen) -> str:
    """The party that is assessed."""
    return identifier("organisation", frozen.doc["organisation"])


def party_uuid(person: Person) -> str:
    """A person, known in a freeze by name and role."""
    return identifier("person", person["name"], person["role"])


def _people(frozen: Frozen) -> list[Person]:
    doc = frozen.doc
    found = [doc["frozen_by"], *doc["assessment"]["people"]]
    for question in doc["questions"]:
        if answer := question["answer"]:
            found += [answer["author"], *([answer["approver"]] if answer["approver"] else [])]
    return list({party_uuid(person): person for person in found}.values())


def _parties(frozen: Frozen) -> list[JSON]:
    organisation = {
        "uuid": organisation_uuid(frozen),
        "type": "organization",
        "name": plain(frozen.doc["organisation"], "Organisation (not named)"),
    }
    people = [
        {
            "uuid": party_uuid(person),
            "type": "person",
            "name": plain(person["name"], "Person (not named)"),
            "props": [{"name": "job-title", "value": plain(person["role"], "not stated")}],
            "member-of-organizations": [organisation_uuid(frozen)],
        }
        for person in _people(frozen)
    ]
    return [organisation, *people]


# Files --------------------------------------------------------------------------------------------------------------


def freeze_resource(frozen: Frozen) -> JSON:
    """The document that all of this was made from."""
    return file_resource(
        uuid=identifier("freeze", frozen.sha256),
        title="Frozen document of the assessment",
        description="Answers, evidence register, scans, job log and findings as they stood when they were frozen.",
        href="freeze.json",
        sha256=frozen.sha256,
        media_type="application/json",
    )


def evidence_uuid(uuid: str) -> str:
    """The resource of a piece of evidence."""
    return identifier("evidence", uuid)


def evidence_resources(frozen: Frozen) -> list[JSON]:
    """The evidence register as files of the back matter."""
    return [_evidence_resource(entry) for entry in frozen.doc["evidence"]]


def _evidence_resource(entry: EvidenceRecord) -> JSON:
    period = f"{entry['period_start'] or 'open'} to {entry['period_end'] or 'open'}"
    state = entry["state"] + (f": {entry['state_reason']}" if entry["state_reason"] else "")
    return file_resource(
        uuid=evidence_uuid(entry["uuid"]),
        title=line(entry["title"], entry["filename"]),
        description=prose(f"{entry['source']}. {entry['collected_how']}", "How it was collected is not stated."),
        href=path_of("evidence", entry["sha256"], entry["filename"] or "file"),
        sha256=entry["sha256"],
        media_type=plain(entry["media_type"], "application/octet-stream"),
        props=[
            prop("record", entry["uuid"]),
            prop("collected-by", entry["collected_by"]),
            prop("collected-at", entry["collected_at"]),
            prop("effective-period", period),
            prop("state", state),
        ],
        remarks="The bytes were purged by an approved act; the digest stays." if entry["purged_at"] else "",
    )


def catalogue_uuid(frozen: Frozen) -> str:
    """The resource of the exported catalogue of reference controls."""
    return identifier("catalogue", frozen.sha256)


# Components ---------------------------------------------------------------------------------------------------------


def component_uuid(kind: str, name: str) -> str:
    """A component: the system, Assay, a model version, a producer of observations."""
    return identifier("component", kind, name)


def components(frozen: Frozen) -> list[JSON]:
    """The AI system and its model versions."""
    assessment = frozen.doc["assessment"]
    system = {
        "uuid": component_uuid(SYSTEM, assessment["system"]),
        "type": SYSTEM,
        "title": line(assessment["system"], "AI system (not named)"),
        "description": prose(assessment["system_description"], "The AI system is not described."),
        "status": {"state": "operational"},
    }
    return [system, *(_model_component(model) for model in frozen.doc["models"])]


def _model_component(model: ModelVersion) -> JSON:
    return {
        "uuid": component_uuid("model", model["uuid"]),
        "type": "software",
        "title": line(f"{model['name']} {model['version']}", "Model version (not named)"),
        "description": f"A model version of origin “{model['origin']}”.",
        "props": [
            prop("record", model["uuid"]),
            prop("sha256", model["sha256"]),
            prop("format", model["format"]),
            prop("origin", model["origin"]),
            prop("supplier", model["supplier"]),
        ],
        "status": {"state": "other", "remarks": "Whether the version is in use is not part of the frozen document."},
    }


def producers(frozen: Frozen) -> list[str]:
    """What made observations beside Assay, each once, in order."""
    return sorted({o["producer"] for finding in frozen.doc["findings"] for o in finding["observations"]} - {""})


def assessment_assets(frozen: Frozen) -> JSON:
    """Assay and the tools whose reports it read."""
    made_by = frozen.doc["generated_by"]
    tools = [
        {
            "uuid": component_uuid("tool", name),
            "type": "software",
            "title": line(name),
            "description": "A tool or source that made observations.",
            "status": {"state": "operational"},
        }
        for name in producers(frozen)
    ]
    assay = {
        "uuid": component_uuid("tool", ASSAY),
        "type": "software",
        "title": line(f"{made_by['name']} {made_by['version']}"),
        "description": "Keeps the record, computes figures and contradictions, and froze the assessment.",
        "status": {"state": "operational"},
    }
    every = [assay, *tools]
    return {
        "components": every,
        "assessment-platforms": [
            {
                "uuid": identifier("platform", frozen.doc["assessment"]["uuid"]),
                "title": line(f"{made_by['name']} {made_by['version']}"),
                "uses-components": [{"component-uuid": one["uuid"]} for one in every],
            }
        ],
    }


# Controls -----------------------------------------------------------------------------------------------------------


def reviewed_controls(frozen: Frozen, question: int | None = None) -> JSON:
    """The reference controls of the freeze, or those that one question rests on."""
    listed = [
        {"control-id": control_token("", control["id"])}
        for control in frozen.doc["reference_controls"]
        if question is None or question in control["questions"]
    ]
    selection: JSON = {"include-controls": listed} if listed else {"include-all": {}}
    description = (
        "Reference controls of the catalogue in force. They are objectives; the organisation's own controls adopt them."
    )
    return {"control-selections": [{"description": description, **selection}]}


def namespaced(kind: str) -> str:
    """An identifier in Assay's namespace, for fields that ask for a URI."""
    return f"{NAMESPACE}:{kind}"
