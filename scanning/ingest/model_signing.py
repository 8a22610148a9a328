"""Signatures of models by OpenSSF model-signing (seen: 1.1.1, key-based): a Sigstore bundle with the digest of every file.

The signature is checked with the keys that the importer states. That the files on disk still have these digests is not said
by the document: an observation binds to a model version by digest, or stays unbound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.states import Method, Severity
from scanning.ingest.attestations import (
    BUNDLE,
    LIMITS,
    VERDICTS,
    Attestation,
    SignatureState,
    head_payload,
    read_attestation,
)
from scanning.ingest.base import CERTAIN, LIKELY, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import list_of, object_of, text_of
from scanning.ingest.report_reading import Report, document_bytes, report_drafts
from scanning.ingest.report_scope import report_scope, sha256_of
from scanning.ingest.signing_keys import read_keys

NAME = "model_signing"
PREDICATES = ("https://model_signing/signature/v1.0", "https://model_signing/Digests/v0.1")
RULE = "signature"
_TITLES = {
    SignatureState.RIGHT: "The signature over the model is right",
    SignatureState.WRONG: "The signature over the model is wrong",
    SignatureState.NOT_VERIFIED: "The signature over the model was not verified",
}
_GAP = "A signature says nothing of files that it does not name."


def _resources(found: Attestation) -> Iterator[tuple[str, str, str, str]]:
    """Name, algorithm, digest and place of every signed file."""
    listed = list_of(found.predicate.get("resources"))
    for index, entry in enumerate(listed):
        one = object_of(entry)
        digest = text_of(one.get("digest"))
        yield text_of(one.get("name")), text_of(one.get("algorithm")), digest, f"/predicate/resources/{index}"
    if not listed:
        for subject in found.subjects:
            yield subject.name, "sha256", subject.digest or "", subject.pointer


def _root_differs(found: Attestation) -> bool:
    """Whether the subject's digest is not that over all resources in their order, as model-signing 1.x makes it."""
    resources = list_of(found.predicate.get("resources"))
    digests = [text_of(object_of(entry).get("digest")) for entry in resources]
    if not resources or not found.subjects[0].digest:
        return False
    try:
        root = hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()
    except ValueError:
        return True
    return root != found.subjects[0].digest


def _observations(found: Attestation, context: ParseContext) -> Iterator[Draft]:
    report = Report(producer=NAME, version="", techniques=(), limits=LIMITS, method=Method.TEST)
    state = found.checked.state
    shared: dict[str, Any] = found.facts() | {"serialization": dict(object_of(found.predicate.get("serialization")))}
    resources = list(_resources(found))
    whole = found.subjects[0] if list_of(found.predicate.get("resources")) else None
    if whole is not None:
        resources.insert(0, (whole.name, "sha256", whole.digest or "", whole.pointer))
    for name, algorithm, digest, pointer in resources:
        if not name or not digest:
            yield Reject(
                locator=pointer, reason=f"{context.file_name}, {pointer}: a signed file without name or digest."
            )
            continue
        sha256 = sha256_of(digest) if algorithm in {"sha256", "file-sha256"} else None
        kind = "model_version" if whole is not None and pointer == whole.pointer else "model_file"
        yield report.observation(
            rule=RULE,
            title=_TITLES[state],
            description=f"{name}: {found.checked.reason}",
            asset=AssetRef(kind=kind, name=name, digest=sha256),
            verdict=VERDICTS[state],
            locator=pointer,
            raw={"payload": found.payload_sha256, "pointer": pointer},
            key=(RULE, name, digest),
            severity=Severity.HIGH if state is SignatureState.WRONG else None,
            facts=shared
            | {"algorithm": algorithm, "file_digest": digest, "unknown_fields": ["observed_at", "producer_version"]},
        )


class ModelSigning:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "OpenSSF model signature (Sigstore bundle)"

    def identify(self, head: bytes, file_name: str) -> int:
        """A bundle whose statement is model-signing's; LIKELY where the head ends before it says what it states."""
        if BUNDLE.encode() not in head:
            return NO
        payload = head_payload(head)
        if b"https://model_signing/" in payload:
            return CERTAIN
        return NO if b'"predicateType"' in payload else LIKELY

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for the model and for each signed file. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        found = read_attestation(content, context.file_name, read_keys(context.keys))
        drafts = list(_observations(found, context))
        if _root_differs(found):
            place = found.subjects[0].pointer
            told = "the digest over all files is not that of the files listed"
            drafts.append(Reject(locator=place, reason=f"{context.file_name}, {place}: {told}."))
        scope = report_scope(
            tool=NAME,
            tool_version="",
            assets=(),
            gaps=(_GAP,),
            made_at=None,
            more={"signature": found.checked.state.value},
        )
        return report_drafts(iter(drafts), producer=NAME, file_name=context.file_name, scope=scope)


PARSER = ModelSigning()
