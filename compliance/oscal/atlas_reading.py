"""What both ATLAS formats share: ids of the right form, each once, links that resolve, descriptions as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from compliance.oscal.yaml_documents import Place
from compliance.types.atlas import AtlasTechnique

_FORMS = {
    "tactic": re.compile(r"AML\.TA\d{4}"),
    "technique": re.compile(r"AML\.T\d{4}(\.\d{3})?"),
    "mitigation": re.compile(r"AML\.M\d{4}"),
    "case study": re.compile(r"AML\.CS\d{4}"),
}
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_REFERENCE = re.compile(r"\[\[[^\[\]]*\]\](\([^()\s]*\))?")
_TAG = re.compile(r"<[^<>]*>")
LONGEST_SUMMARY = 4_000


def checked_id(place: Place, key: str, identifier: str, kind: str) -> str:
    """The id, or BadInputError where it is none of that kind."""
    if not _FORMS[kind].fullmatch(identifier):
        raise place.error(key, f"is “{identifier}”, which is no id of a {kind}; take the file as MITRE publishes it")
    return identifier


def once(places: Iterable[tuple[Place, str]]) -> None:
    """Raise BadInputError at the second place that gives an id; each place comes with its id."""
    seen: set[str] = set()
    for place, identifier in places:
        if identifier in seen:
            raise place.error("id", "is given twice; keep one")
        seen.add(identifier)


def resolved(place: Place, key: str, identifier: str, known: Iterable[str]) -> str:
    """The id, or BadInputError where the file holds no such object."""
    if identifier not in known:
        raise place.error(key, f"names {identifier}, which the file does not hold; take the file as MITRE publishes it")
    return identifier


def plain_summary(markdown: str) -> str:
    """A description without links, references and tags; at most LONGEST_SUMMARY characters."""
    text = _TAG.sub("", _LINK.sub(r"\1", _REFERENCE.sub("", markdown)))
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(part for part in paragraphs if part)[:LONGEST_SUMMARY]


def with_tactics_of_parents(techniques: dict[str, AtlasTechnique]) -> tuple[AtlasTechnique, ...]:
    """By id; a sub-technique without tactics gets those of its parent."""
    found = []
    for key in sorted(techniques):
        one = techniques[key]
        parent = techniques.get(one.parent)
        tactics = one.tactics or (parent.tactics if parent else ())
        found.append(
            AtlasTechnique(
                id=one.id,
                name=one.name,
                parent=one.parent,
                tactics=tuple(sorted(tactics)),
                mitigations=tuple(sorted(set(one.mitigations))),
                maturity=one.maturity,
                summary=one.summary,
                identity=one.identity,
            )
        )
    return tuple(found)
