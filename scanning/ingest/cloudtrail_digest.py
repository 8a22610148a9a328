"""AWS CloudTrail digest files: which log files an hour of a trail left, by their digests, and which digest came before.

Field names and the form of the file's path: AWS CloudTrail's description of its digest files. The bytes are hashed as they
were delivered, decompressed, and never written anew; the signature is no part of the file (see cloudtrail_signatures).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.canonical import sha256_hex
from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts
from scanning.ingest.records import RejectedError, moment, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE = "cloudtrail_digest"
KIND = "cloudtrail-digest"
_AGAIN = "fetch it from its bucket again, byte for byte"
_OBJECT = re.compile(
    r"(?:.*/)?(\d{12})_CloudTrail-Digest_([a-z0-9-]+)_(.+)_([a-z]+(?:-[a-z]+)+-\d)_(\d{8}T\d{6}Z)(_backfill)?\.json\.gz"
)
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_PREVIOUS = ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")


def _wrong(name: str, what: str) -> BadInputError:
    return BadInputError(f"{name} is no digest file that can be taken: {what}; {_AGAIN}.")


def _stated(body: JSON, member: str, name: str) -> str:
    value = text_of(body.get(member))
    if not value:
        raise _wrong(name, f"{member} is missing")
    return value


def _time(value: Any, member: str, name: str) -> str:
    try:
        return moment(value, member).isoformat()
    except RejectedError as error:
        raise _wrong(name, str(error)) from error


def _log_files(body: JSON, name: str) -> Iterator[JSON]:
    listed = body.get("logFiles")
    if not isinstance(listed, list):
        raise _wrong(name, "logFiles is no list")
    for place, one in enumerate(listed):
        entry = object_of(one)
        found = {
            member: text_of(entry.get(member)) for member in ("s3Bucket", "s3Object", "hashValue", "hashAlgorithm")
        }
        if not all(found.values()):
            raise _wrong(name, f"logFiles/{place} lacks its place, its hash or the hash's algorithm")
        yield found | {"hashValue": found["hashValue"].lower()}


def _previous(body: JSON, name: str) -> JSON | None:
    """What it says of the one before; None for the first of a chain. Its five members come together or not at all."""
    stated = {part: body.get(f"previousDigest{part}") for part in _PREVIOUS}
    if all(value is None for value in stated.values()):
        return None
    found = {part: value if isinstance(value, str) else "" for part, value in stated.items()}
    if not all(found.values()) or not _HEX.fullmatch(found["Signature"]):
        raise _wrong(name, "it names its predecessor in part")
    return {
        "bucket": found["S3Bucket"],
        "object": found["S3Object"],
        "hash": found["HashValue"].lower(),
        "hash_algorithm": found["HashAlgorithm"],
        # As it is written: these characters are signed.
        "signature": found["Signature"],
    }


def _section(body: JSON, digest: str, name: str) -> Section:
    path = _stated(body, "digestS3Object", name)
    parts = _OBJECT.fullmatch(path)
    account = _stated(body, "awsAccountId", name)
    if parts is None or parts[1] != account:
        raise _wrong(name, f"its path {path[:80]!r} is none of account {account[:20]}")
    content: JSON = {
        "sha256": digest,
        "account": account,
        "region": parts[2],
        "trail": parts[3],
        "home_region": parts[4],
        "backfill": bool(parts[6]),
        "bucket": _stated(body, "digestS3Bucket", name),
        "object": path,
        "start": _time(body.get("digestStartTime"), "digestStartTime", name),
        "end": _time(body.get("digestEndTime"), "digestEndTime", name),
        # As it is written: these characters are signed.
        "end_as_signed": _stated(body, "digestEndTime", name),
        "fingerprint": _stated(body, "digestPublicKeyFingerprint", name).lower(),
        "signature_algorithm": _stated(body, "digestSignatureAlgorithm", name),
        "previous": _previous(body, name),
        "log_files": list(_log_files(body, name)),
    }
    if content["start"] >= content["end"]:
        raise _wrong(name, "it ends before it starts")
    return Section(kind=KIND, scope=f"{account}/{parts[2]}", content=content, locator="document")


class CloudTrailDigest:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS CloudTrail digest file (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the members that only a digest has."""
        named = b'"digestS3Object"' in head and b'"digestPublicKeyFingerprint"' in head
        return CERTAIN if head.lstrip().startswith(b"{") and named else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One document. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        content = document_bytes(stream, context)
        body = decoded(document_text(content, name), name, again=_AGAIN)
        if not isinstance(body, dict):
            raise _wrong(name, "it is no JSON object")
        section = _section(body, sha256_hex(content), name)
        taken_at = datetime.fromisoformat(section.content["end"])
        drafts = document_drafts([section], make=CompletenessDraft, platform="aws", taken_at=taken_at, file_name=name)
        scope = {"documents": [KIND], "scopes": [section.scope], "log_files": len(section.content["log_files"])}
        return report_drafts(drafts, producer=SOURCE, file_name=name, scope=scope)


PARSER = CloudTrailDigest()
