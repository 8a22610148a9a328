"""ATLAS format 5: lists of objects in `matrices`, links inside the objects."""

from __future__ import annotations

from compliance.oscal.atlas_reading import checked_id, once, plain_summary, resolved, with_tactics_of_parents
from compliance.oscal.yaml_documents import Place
from compliance.types.atlas import AtlasCaseStudy, AtlasContent, AtlasMitigation, AtlasTechnique


def content(top: Place, *, form: str, sha256: str) -> AtlasContent:
    """The release; in this format version of the content and of the file are one."""
    matrices = top.children("matrices")
    listed = {
        key: [place for matrix in matrices for place in matrix.children(key, ())]
        for key in ("tactics", "techniques", "mitigations")
    }
    studies = top.children("case-studies", ())
    for places in (*listed.values(), studies):
        once((place, place.text("id")) for place in places)
    tactics = {checked_id(p, "id", p.text("id"), "tactic"): p.text("name") for p in listed["tactics"]}
    names = {checked_id(p, "id", p.text("id"), "technique") for p in listed["techniques"]}
    mitigated = _mitigated(listed["mitigations"], names)
    techniques = {
        place.text("id"): _technique(place, tactics, names, mitigated.get(place.text("id"), ()))
        for place in listed["techniques"]
    }
    return AtlasContent(
        version=top.text("version"),
        format=form,
        sha256=sha256,
        tactics=dict(sorted(tactics.items())),
        techniques=with_tactics_of_parents(techniques),
        mitigations=tuple(_mitigation(place) for place in listed["mitigations"]),
        case_studies=tuple(_study(place, names) for place in studies),
    )


def _technique(place: Place, tactics: dict[str, str], names: set[str], mitigations: tuple[str, ...]) -> AtlasTechnique:
    parent = place.text("subtechnique-of", "")
    if parent:
        resolved(place, "subtechnique-of", parent, names)
    return AtlasTechnique(
        id=place.text("id"),
        name=place.text("name"),
        parent=parent,
        tactics=tuple(resolved(place, "tactics", one, tactics) for one in place.texts("tactics", ())),
        mitigations=mitigations,
        maturity=place.text("maturity", ""),
        summary=plain_summary(place.text("description", "")),
        identity="",
    )


def _mitigated(mitigations: list[Place], names: set[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for place in mitigations:
        mitigation = checked_id(place, "id", place.text("id"), "mitigation")
        for link in place.children("techniques", ()):
            technique = resolved(link, "id", link.text("id"), names)
            found[technique] = (*found.get(technique, ()), mitigation)
    return found


def _mitigation(place: Place) -> AtlasMitigation:
    return AtlasMitigation(
        id=place.text("id"),
        name=place.text("name"),
        summary=plain_summary(place.text("description", "")),
        identity="",
    )


def _study(place: Place, names: set[str]) -> AtlasCaseStudy:
    steps = [resolved(step, "technique", step.text("technique"), names) for step in place.children("procedure", ())]
    return AtlasCaseStudy(
        id=checked_id(place, "id", place.text("id"), "case study"),
        name=place.text("name"),
        kind=place.text("case-study-type", ""),
        date=place.text("incident-date", ""),
        techniques=tuple(sorted(set(steps))),
    )
