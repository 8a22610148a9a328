"""ATLAS format 6: maps of objects by id, and every link in `relationships`, two nested maps that hold lists.

Minor versions may add keys and kinds of links; those that are not known here are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.oscal.atlas_reading import checked_id, plain_summary, resolved, with_tactics_of_parents
from compliance.oscal.yaml_documents import Place
from compliance.types.atlas import AtlasCaseStudy, AtlasContent, AtlasMitigation, AtlasTechnique

_ENDS = {
    "achieves": ("technique", "tactic"),
    "specializes": ("technique", "technique"),
    "mitigates": ("mitigation", "technique"),
    "employs": ("case study", "technique"),
}
_SECTIONS = {"tactic": "tactics", "technique": "techniques", "mitigation": "mitigations", "case study": "case-studies"}


@dataclass(frozen=True, slots=True)
class _Links:
    """By type of link: source -> targets."""

    targets: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {kind: {} for kind in _ENDS})

    def of(self, kind: str, source: str) -> tuple[str, ...]:
        return tuple(self.targets[kind].get(source, ()))

    def sources(self, kind: str, target: str) -> tuple[str, ...]:
        return tuple(source for source, targets in self.targets[kind].items() if target in targets)


def content(top: Place, *, form: str, sha256: str) -> AtlasContent:
    """The release."""
    objects = {kind: _objects(top, kind) for kind in _SECTIONS}
    links = _links(top, objects)
    return AtlasContent(
        version=top.child("collection").text("version"),
        format=form,
        sha256=sha256,
        tactics={key: objects["tactic"][key].text("name") for key in sorted(objects["tactic"])},
        techniques=with_tactics_of_parents(
            {key: _technique(key, place, links) for key, place in objects["technique"].items()}
        ),
        mitigations=tuple(
            AtlasMitigation(
                id=key,
                name=place.text("name"),
                summary=plain_summary(place.text("description", "")),
                identity=place.text("uuid", ""),
            )
            for key, place in objects["mitigation"].items()
        ),
        case_studies=tuple(_study(key, place, links) for key, place in objects["case study"].items()),
    )


def _objects(top: Place, kind: str) -> dict[str, Place]:
    section = _SECTIONS[kind]
    if section not in top.names():
        if kind in {"tactic", "technique"}:
            raise top.error(section, "is missing; take the file as MITRE publishes it")
        return {}
    places = top.child(section)
    return {checked_id(places, key, key, kind): places.child(key) for key in places.names()}


def _links(top: Place, objects: dict[str, dict[str, Place]]) -> _Links:
    links = _Links()
    groups = top.child("relationships")
    for group in groups.names():
        by_source = groups.child(group)
        for source in by_source.names():
            for place in by_source.children(source):
                _link(place, links, objects)
    return links


def _link(place: Place, links: _Links, objects: dict[str, dict[str, Place]]) -> None:
    kind = place.text("relationship-type")
    if kind not in _ENDS:
        return
    source_kind, target_kind = _ENDS[kind]
    source = resolved(place, "source", place.text("source"), objects[source_kind])
    target = resolved(place, "target", place.text("target"), objects[target_kind])
    links.targets[kind].setdefault(source, []).append(target)


def _technique(key: str, place: Place, links: _Links) -> AtlasTechnique:
    parents = links.of("specializes", key)
    return AtlasTechnique(
        id=key,
        name=place.text("name"),
        parent=parents[0] if parents else "",
        tactics=links.of("achieves", key),
        mitigations=links.sources("mitigates", key),
        maturity=place.text("maturity", ""),
        summary=plain_summary(place.text("description", "")),
        identity=place.text("uuid", ""),
    )


def _study(key: str, place: Place, links: _Links) -> AtlasCaseStudy:
    return AtlasCaseStudy(
        id=key,
        name=place.text("name"),
        kind=place.text("case-study-type", ""),
        date=place.text("incident-date", ""),
        techniques=tuple(sorted(set(links.of("employs", key)))),
    )
