"""SPDX 3 documents with the AI profile (JSON-LD, read as plain JSON by the compact names of SPDX's own context).

`ai_AIPackage` and `dataset_DatasetPackage` are read, with the relationships `trainedOn`, `testedOn` and `descendantOf` between
them. Elements of other types are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.drafts import Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.inventory_reading import DATASET, GAP, MODEL, Stated, examined, observation_of
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, utc

NAME = "spdx_ai"
_MODEL, _DATASET, _RELATIONSHIP, _CREATION = "ai_AIPackage", "dataset_DatasetPackage", "Relationship", "CreationInfo"
_AGAIN = "write the document again"
_TEXTS = {
    "training": "ai_informationAboutTraining",
    "application": "ai_informationAboutApplication",
    "limitation": "ai_limitation",
    "autonomy": "ai_autonomyType",
    "risk_assessment": "ai_safetyRiskAssessment",
    "sensitive_information": "ai_useSensitivePersonalInformation",
    "supplier": "suppliedBy",
    "download_location": "software_downloadLocation",
}
_LISTS = {
    "type_of_model": "ai_typeOfModel",
    "domain": "ai_domain",
    "preprocessing": "ai_modelDataPreprocessing",
    "explainability": "ai_modelExplainability",
    "standards": "ai_standardCompliance",
}
_PAIRS = {
    "hyperparameters": "ai_hyperparameter",
    "metrics": "ai_metric",
    "decision_thresholds": "ai_metricDecisionThreshold",
}


def _pairs(entries: object) -> dict[str, str]:
    """SPDX dictionary entries as an object."""
    found = {}
    for entry in list_of(entries):
        key = text_of(object_of(entry).get("key"))
        if key:
            found[key[:200]] = text_of(object_of(entry).get("value"))
    return found


def _digests(element: Record) -> dict[str, str]:
    return {
        text_of(object_of(one).get("algorithm"))[:40]: text_of(object_of(one).get("hashValue"))
        for one in list_of(element.get("verifiedUsing"))
        if text_of(object_of(one).get("algorithm")) and text_of(object_of(one).get("hashValue"))
    }


def _identity(element: Record) -> str:
    return text_of(element.get("spdxId")) or text_of(element.get("@id"))


class _Graph:
    """The elements of one document."""

    def __init__(self, document: Record) -> None:
        listed = document.get("@graph")
        entries = list_of(listed) if listed is not None else [document]
        self.prefix = "/@graph/" if listed is not None else "/"
        self.elements = [(object_of(one), f"{self.prefix}{index}") for index, one in enumerate(entries)]
        self.by_id = {_identity(one): one for one, _ in self.elements if _identity(one)}
        self.creations = {text_of(one.get("@id")): one for one, _ in self.of_type(_CREATION)}
        self.relations: dict[tuple[str, str], list[tuple[Record, str]]] = {}
        for entry, place in self.of_type(_RELATIONSHIP):
            ends = text_of(entry.get("from")), text_of(entry.get("relationshipType"))
            self.relations.setdefault(ends, []).append((entry, place))

    def of_type(self, kind: str) -> Iterator[tuple[Record, str]]:
        return ((one, place) for one, place in self.elements if kind in (one.get("type"), one.get("@type")))

    def related(self, identity: str, relation: str) -> list[dict[str, Any]]:
        """What an element is related to, with the place of the relationship."""
        found = []
        for entry, place in self.relations.get((identity, relation), ()):
            for target in list_of(entry.get("to")) or [entry.get("to")]:
                named = self.by_id.get(text_of(target), {})
                found.append(
                    {
                        "ref": text_of(target),
                        "name": text_of(named.get("name")),
                        "version": text_of(named.get("software_packageVersion")),
                        "digests": _digests(named),
                        "origin": place,
                    }
                )
        return found

    def created(self, element: Record) -> Record:
        """The creation information of an element, given in place or by its id."""
        stated = element.get("creationInfo")
        return stated if isinstance(stated, dict) else self.creations.get(text_of(stated), {})

    def model(self, element: Record, pointer: str) -> Stated:
        identity = _identity(element)
        datasets, ancestors = self.related(identity, "trainedOn"), self.related(identity, "descendantOf")
        facts: dict[str, Any] = {name: text_of(element.get(key)) for name, key in _TEXTS.items()}
        facts |= {name: list_of(element.get(key)) for name, key in _LISTS.items()}
        facts |= {name: _pairs(element.get(key)) for name, key in _PAIRS.items()}
        facts |= {"datasets": datasets, "ancestors": ancestors, "tested_on": self.related(identity, "testedOn")}
        wanted = {
            "data sets": datasets,
            "digest of a data set": datasets and all(one["digests"] for one in datasets),
            "base model": ancestors,
            "digest of the base model": ancestors and all(one["digests"] for one in ancestors),
        }
        return self._stated(MODEL, element, pointer, facts, wanted)

    def dataset(self, element: Record, pointer: str) -> Stated:
        facts = {
            "types": list_of(element.get("dataset_datasetType")),
            "collection": text_of(element.get("dataset_dataCollectionProcess")),
            "intended_use": text_of(element.get("dataset_intendedUse")),
            "known_bias": list_of(element.get("dataset_knownBias")),
        }
        return self._stated(DATASET, element, pointer, facts, {})

    def _stated(
        self, kind: str, element: Record, pointer: str, facts: Mapping[str, Any], wanted: Mapping[str, object]
    ) -> Stated:
        created = self.created(element)
        shared = {
            "spdx_id": _identity(element),
            "spec_version": text_of(created.get("specVersion")),
            "created_by": [text_of(one) for one in list_of(created.get("createdBy"))],
        }
        name = text_of(element.get("name"))
        return Stated(
            kind=kind,
            identity=_identity(element) or name,
            name=name,
            version=text_of(element.get("software_packageVersion")),
            digests=_digests(element),
            pointer=pointer,
            raw=element,
            facts=shared | dict(facts),
            wanted=wanted,
            origins={"digest": f"{pointer}/verifiedUsing"} if element.get("verifiedUsing") else {},
        )

    def entries(self) -> Iterator[Stated]:
        yield from (self.model(one, place) for one, place in self.of_type(_MODEL))
        yield from (self.dataset(one, place) for one, place in self.of_type(_DATASET))

    def drafts(self, report: Report, file_name: str) -> Iterator[Draft]:
        for entry in self.entries():
            created = text_of(self.created(entry.raw).get("created"))
            if entry.name:
                yield observation_of(entry, report=report, observed_at=utc(created))
            else:
                yield Reject(locator=entry.pointer, reason=f"{file_name}, {entry.pointer}: an element without a name.")


def _load(content: bytes, name: str) -> _Graph:
    document = decoded(document_text(content, name), name, again=_AGAIN)
    if not isinstance(document, dict) or "@context" not in document:
        raise BadInputError(f"{name} is JSON but no SPDX 3 document: it has no @context.")
    graph = _Graph(document)
    if not any(True for _ in graph.entries()):
        raise BadInputError(f"{name} names no ai_AIPackage and no dataset_DatasetPackage; there is nothing to import.")
    return graph


class SpdxAi:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "SPDX 3 AI profile (JSON-LD)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By the context of SPDX 3 or, where that comes late, by the names of its AI classes."""
        return CERTAIN if b'"@context"' in head and (b"spdx.org/rdf/3" in head or b'"ai_AIPackage"' in head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each model and data set. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        graph = _load(document_bytes(stream, context), context.file_name)
        created = next(iter(graph.creations.values()), {})
        spec = text_of(created.get("specVersion"))
        scope = report_scope(
            tool=NAME,
            tool_version=spec,
            assets=(),
            gaps=(GAP,),
            made_at=text_of(created.get("created")),
            more={"elements": len(graph.elements)},
        )
        drafts = graph.drafts(examined(NAME, spec), context.file_name)
        return report_drafts(drafts, producer=NAME, file_name=context.file_name, scope=scope)


PARSER = SpdxAi()
