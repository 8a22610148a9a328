"""in-toto statements (v1, v0.1), bare or in a DSSE envelope or Sigstore bundle; of SLSA provenance v1 what the job was.

Provenance is the one format that ties a job to the digests of its data and of the model it made, and is signed. An observation
is made of each subject: what is known of the signature, and what the statement says. What it says is the signer's claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.states import Method, Severity
from scanning.ingest.attestations import (
    BUNDLE,
    LIMITS,
    PAYLOAD_TYPE,
    STATEMENTS,
    VERDICTS,
    Attestation,
    SignatureState,
    digests_of,
    head_payload,
    read_attestation,
)
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.records import list_of, object_of, text_of
from scanning.ingest.redaction import redact
from scanning.ingest.report_reading import Report, document_bytes, report_drafts
from scanning.ingest.report_scope import report_scope
from scanning.ingest.signing_keys import read_keys

NAME = "in_toto"
SLSA = "https://slsa.dev/provenance/v1"
_TITLES = {
    SignatureState.RIGHT: "The signature of the statement is right",
    SignatureState.WRONG: "The signature of the statement is wrong",
    SignatureState.NOT_VERIFIED: "The signature of the statement was not verified",
}
_GAP = "A statement says nothing of what it does not name."


def _inputs(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the job used, each with its digests and place."""
    return [
        {
            "name": text_of(object_of(entry).get("name")),
            "uri": text_of(object_of(entry).get("uri")),
            "digests": digests_of(object_of(entry).get("digest")),
            "origin": f"/predicate/buildDefinition/resolvedDependencies/{index}",
        }
        for index, entry in enumerate(list_of(definition.get("resolvedDependencies")))
    ]


def _provenance(predicate: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What SLSA provenance says of the job, secrets taken out, and which of it is not stated."""
    definition, details = object_of(predicate.get("buildDefinition")), object_of(predicate.get("runDetails"))
    metadata = object_of(details.get("metadata"))
    parameters, removed = redact(
        {"environment": object_of(definition.get("externalParameters"))}, "/predicate/buildDefinition"
    )
    inputs = _inputs(definition)
    facts = {
        "build_type": text_of(definition.get("buildType")),
        "job": text_of(metadata.get("invocationId")),
        "builder": text_of(object_of(details.get("builder")).get("id")),
        "started_at": text_of(metadata.get("startedOn")),
        "finished_at": text_of(metadata.get("finishedOn")),
        "inputs": inputs,
        "parameters": object_of(parameters).get("environment"),
    }
    missing = [name for name in ("job", "builder", "inputs", "finished_at") if not facts[name]]
    missing += ["digest of an input"] if any(not one["digests"] for one in inputs) else []
    return facts | ({"redacted_fields": list(removed)} if removed else {}), missing


def _observations(found: Attestation) -> Iterator[ObservationDraft]:
    report = Report(producer=NAME, version="", techniques=(), limits=LIMITS, method=Method.TEST)
    state = found.checked.state
    said, missing = _provenance(found.predicate) if found.predicate_type == SLSA else ({}, [])
    for subject in found.subjects:
        lacking = [*missing, *([] if subject.digest else ["SHA-256 of the subject"])]
        yield report.observation(
            rule=f"signature {found.predicate_type}".strip(),
            title=_TITLES[state],
            description=f"{subject.name}: {found.checked.reason}",
            asset=AssetRef(kind="model_file", name=subject.name, digest=subject.digest),
            verdict=VERDICTS[state],
            locator=subject.pointer,
            raw={"payload": found.payload_sha256, "pointer": subject.pointer},
            key=(
                found.predicate_type,
                subject.name,
                *(f"{name}:{one}" for name, one in sorted(subject.digests.items())),
            ),
            severity=Severity.HIGH if state is SignatureState.WRONG else None,
            facts=found.facts() | {"digests": dict(subject.digests), **said, "unknown_fields": lacking},
        )


class InToto:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "in-toto attestation, SLSA provenance (DSSE)"

    def identify(self, head: bytes, file_name: str) -> int:
        """A statement, an envelope around one, or a bundle that another signer made."""
        if any(kind.encode() in head for kind in STATEMENTS) and b'"_type"' in head:
            return CERTAIN
        if PAYLOAD_TYPE.encode() not in head and BUNDLE.encode() not in head:
            return NO
        payload = head_payload(head)
        is_bundle = BUNDLE.encode() in head
        return (
            NO if b"https://model_signing/" in payload or (is_bundle and b'"predicateType"' not in payload) else CERTAIN
        )

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each subject. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        found = read_attestation(document_bytes(stream, context), context.file_name, read_keys(context.keys))
        scope = report_scope(
            tool=NAME,
            tool_version="",
            assets=(),
            gaps=(_GAP,),
            made_at=None,
            more={"signature": found.checked.state.value},
        )
        return report_drafts(_observations(found), producer=NAME, file_name=context.file_name, scope=scope)


PARSER = InToto()
