"""CycloneDX bills of materials with models (ML-BOM), JSON, 1.5 to 1.7: model cards, data sets, base models, digests.

Read here and not by the CycloneDX library, which drops model cards. Components of other types are counted. A signature in
the document (JSON Signature Format) is noted and not verified.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.drafts import Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, LIKELY, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.inventory_reading import DATASET, GAP, MODEL, Stated, examined, observation_of
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, utc

NAME = "cyclonedx"
VERSIONS = ("1.5", "1.6", "1.7")
_MODEL, _DATA = "machine-learning-model", "data"
_XML = b"http://cyclonedx.org/schema/bom/"
_AGAIN = "write the bill of materials again"


def _walk(components: object, pointer: str) -> Iterator[tuple[Record, str]]:
    """Every component with its place, those within others too."""
    waiting = deque([(components, pointer)])
    while waiting:
        held, place = waiting.popleft()
        for index, component in enumerate(list_of(held)):
            if isinstance(component, dict):
                yield component, f"{place}/{index}"
                waiting.append((component.get("components"), f"{place}/{index}/components"))


def _digests(component: Record) -> dict[str, str]:
    found = {}
    for entry in list_of(component.get("hashes")):
        one = object_of(entry)
        if text_of(one.get("alg")) and text_of(one.get("content")):
            found[text_of(one.get("alg"))[:40]] = text_of(one.get("content"))
    return found


def _reference(component: Record) -> dict[str, Any]:
    """A component as another one names it."""
    return {
        "name": text_of(component.get("name")),
        "version": text_of(component.get("version")),
        "digests": _digests(component),
    }


class _Bill:
    """One document on its way to observations."""

    def __init__(self, document: Record) -> None:
        self.document = document
        top = object_of(object_of(document.get("metadata")).get("component"))
        self.components = [
            *([(top, "/metadata/component")] if top else []),
            *_walk(document.get("components"), "/components"),
        ]
        self.by_ref = {text_of(one.get("bom-ref")): one for one, _ in self.components if text_of(one.get("bom-ref"))}
        self.time = text_of(object_of(document.get("metadata")).get("timestamp"))

    def datasets(self, card: Record, pointer: str) -> list[dict[str, Any]]:
        """Data sets of a model card: references resolved within the document, or described in place."""
        found = []
        for index, entry in enumerate(list_of(object_of(card.get("modelParameters")).get("datasets"))):
            one = object_of(entry)
            ref = text_of(one.get("ref"))
            named = self.by_ref.get(ref, one)
            found.append(
                {
                    "ref": ref,
                    "name": text_of(named.get("name")),
                    "version": text_of(named.get("version")),
                    "digests": _digests(named),
                    "resolved": not ref or ref in self.by_ref,
                    "origin": f"{pointer}/modelCard/modelParameters/datasets/{index}",
                }
            )
        return found

    def model(self, component: Record, pointer: str) -> Stated:
        card = object_of(component.get("modelCard"))
        parameters = object_of(card.get("modelParameters"))
        considerations = object_of(card.get("considerations"))
        ancestors = [
            _reference(object_of(one)) for one in list_of(object_of(component.get("pedigree")).get("ancestors"))
        ]
        datasets = self.datasets(card, pointer)
        facts = {
            "publisher": text_of(component.get("publisher")),
            "purl": text_of(component.get("purl")),
            "approach": text_of(object_of(parameters.get("approach")).get("type")),
            "task": text_of(parameters.get("task")),
            "architecture_family": text_of(parameters.get("architectureFamily")),
            "architecture": text_of(parameters.get("modelArchitecture")),
            "datasets": datasets,
            "ancestors": ancestors,
            "metrics": list_of(object_of(card.get("quantitativeAnalysis")).get("performanceMetrics")),
            "limitations": list_of(considerations.get("technicalLimitations")),
            "use_cases": list_of(considerations.get("useCases")),
        }
        wanted = {
            "model card": card,
            "data sets": datasets,
            "digest of a data set": datasets and all(one["digests"] for one in datasets),
            "base model": ancestors,
            "digest of the base model": ancestors and all(one["digests"] for one in ancestors),
        }
        return self._stated(MODEL, component, pointer, facts, wanted)

    def dataset(self, component: Record, pointer: str) -> Stated:
        described = [object_of(one) for one in list_of(component.get("data"))]
        facts: dict[str, list[Any]] = {
            "contents": [text_of(object_of(one.get("contents")).get("url")) for one in described],
            "classification": [text_of(one.get("classification")) for one in described],
            "sensitive_data": [text for one in described for text in map(text_of, list_of(one.get("sensitiveData")))],
            "governance": [one.get("governance") for one in described if one.get("governance")],
        }
        return self._stated(
            DATASET, component, pointer, facts, {"contents": [text for text in facts["contents"] if text]}
        )

    def _stated(
        self, kind: str, component: Record, pointer: str, facts: Mapping[str, Any], wanted: Mapping[str, object]
    ) -> Stated:
        name, version = text_of(component.get("name")), text_of(component.get("version"))
        ref = text_of(component.get("purl")) or f"{text_of(component.get('group'))}/{name}@{version}"
        serial = {
            "bom_ref": text_of(component.get("bom-ref")),
            "spec_version": text_of(self.document.get("specVersion")),
            "serial_number": text_of(self.document.get("serialNumber")),
            "bom_version": text_of(self.document.get("version")),
            "is_signed": "signature" in self.document and "a signature is there, and was not verified",
        }
        return Stated(
            kind=kind,
            identity=ref,
            name=name,
            version=version,
            digests=_digests(component),
            pointer=pointer,
            raw=component,
            facts=serial | dict(facts),
            wanted=wanted,
            origins={"digest": f"{pointer}/hashes"} if component.get("hashes") else {},
        )

    def entries(self) -> Iterator[Stated]:
        for component, pointer in self.components:
            kind = text_of(component.get("type"))
            if kind == _MODEL:
                yield self.model(component, pointer)
            elif kind == _DATA:
                yield self.dataset(component, pointer)

    def drafts(self, report: Report, file_name: str) -> Iterator[Draft]:
        made_at = utc(self.time)
        for entry in self.entries():
            if entry.name:
                yield observation_of(entry, report=report, observed_at=made_at)
            else:
                yield Reject(locator=entry.pointer, reason=f"{file_name}, {entry.pointer}: a component without a name.")


def _load(content: bytes, name: str) -> _Bill:
    if _XML in content[:4096] and content.lstrip()[:1] == b"<":
        raise BadInputError(f"{name} is CycloneDX in XML, which is not read; write it as JSON.")
    document = decoded(document_text(content, name), name, again=_AGAIN)
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise BadInputError(f"{name} is JSON but no CycloneDX document: its bomFormat is not CycloneDX.")
    if document.get("specVersion") not in VERSIONS:
        stated = text_of(document.get("specVersion"))[:20] or "no version"
        raise BadInputError(f"{name} is CycloneDX {stated}; read are {', '.join(VERSIONS)}, which know model cards.")
    bill = _Bill(document)
    if not any(True for _ in bill.entries()):
        raise BadInputError(f"{name} names no model and no data set among its {len(bill.components)} components.")
    return bill


class CycloneDx:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "CycloneDX ML-BOM (JSON, 1.5 to 1.7)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By its own name in the document; the XML form is claimed too, so that it can be said how to write it."""
        if b'"bomFormat"' in head and b'"CycloneDX"' in head:
            return CERTAIN
        return LIKELY if _XML in head and head.lstrip()[:1] == b"<" else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each model and data set. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        bill = _load(document_bytes(stream, context), context.file_name)
        spec = text_of(bill.document.get("specVersion"))
        scope = report_scope(
            tool=NAME,
            tool_version=spec,
            assets=(),
            gaps=(GAP,),
            made_at=bill.time,
            more={"components": len(bill.components)},
        )
        drafts = bill.drafts(examined(NAME, spec), context.file_name)
        return report_drafts(drafts, producer=NAME, file_name=context.file_name, scope=scope)


PARSER = CycloneDx()
