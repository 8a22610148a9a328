"""The metadata of CloudTrail's digest files in S3, where their signatures stand: object key -> metadata.

Values are the metadata alone, or what `aws s3api head-object` prints (`Metadata`). A digest file without its signature cannot
be verified: the signature is no part of its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts
from scanning.ingest.records import Record, escaped, object_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE = "cloudtrail_signatures"
KIND = "cloudtrail-signatures"
_AGAIN = "write it as docs/formats/completeness.md has it"
_KEY = re.compile(rb'"[^"]*_CloudTrail-Digest_[^"]*\.json\.gz"\s*:\s*\{')
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_PREFIX = "x-amz-meta-"


def _metadata(value: Record) -> dict[str, str]:
    """The metadata of an object, its names in lower case and without S3's prefix."""
    held = object_of(value.get("Metadata")) or value
    found = {name.lower().removeprefix(_PREFIX): text for name, text in held.items() if isinstance(text, str)}
    return {name: found.get(name, "") for name in ("signature", "signature-algorithm")}


class _Reading:
    """The entries of one file; those that cannot be taken are set apart with their place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rejects: list[Reject] = []

    def signatures(self, document: JSON) -> Iterator[tuple[str, JSON]]:
        for key, value in document.items():
            found = _metadata(object_of(value))
            if _HEX.fullmatch(found["signature"]) and found["signature-algorithm"]:
                yield key, {"signature": found["signature"], "algorithm": found["signature-algorithm"]}
                continue
            place = f"/{escaped(key)}"[:300]
            reason = f"{self.name}, {place}: the metadata holds no signature in hexadecimal with its algorithm."
            self.rejects.append(Reject(locator=place, reason=reason))


class CloudTrailSignatures:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Signatures of CloudTrail digest files (S3 metadata, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when object keys of digest files are names of members, with a signature."""
        return CERTAIN if _KEY.search(head) and b"signature" in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One document with every signature. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        document = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        if not isinstance(document, dict):
            raise BadInputError(f"{name} is no JSON object of object keys and their metadata; {_AGAIN}.")
        reading = _Reading(name)
        found = dict(reading.signatures(document))
        if not found:
            raise BadInputError(f"{name} holds no signature of a digest file; {_AGAIN}.")
        section = Section(kind=KIND, scope="", content={"signatures": found}, locator="document")
        drafts = document_drafts([section], make=CompletenessDraft, platform="aws", taken_at=None, file_name=name)
        scope = {"documents": [KIND], "scopes": [], "signatures": len(found)}
        return report_drafts((*reading.rejects, *drafts), producer=SOURCE, file_name=name, scope=scope)


PARSER = CloudTrailSignatures()
