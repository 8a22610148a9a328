"""A trail as CloudTrail leaves it: log files, digest files signed with a key of our own, their metadata, the list of keys."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from compliance.types.completeness import CompletenessDraft, PlatformDocument
from scanning.completeness.base import Facts, LogFile
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import parser_named

ACCOUNT, REGION = "111122223333", "eu-central-1"
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = dict[str, Any]


@cache
def signer(name: str = "aws") -> rsa.RSAPrivateKey:
    """A key of this name; the same one whenever it is asked for."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048) if name else signer("aws")


def listed_key(name: str = "aws", **changes: str) -> JSON:
    """A key as `list-public-keys` prints it."""
    der = signer(name).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    entry = {
        "Value": base64.b64encode(der).decode(),
        "Fingerprint": hashlib.md5(der).hexdigest(),
        "ValidityStartTime": "2026-01-01T00:00:00Z",
        "ValidityEndTime": "2027-01-01T00:00:00Z",
    }
    return entry | changes


def fingerprint(name: str = "aws") -> str:
    return str(listed_key(name)["Fingerprint"])


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(slots=True)
class Delivered:
    """One digest file: its bytes, and the signature in its metadata."""

    key: str
    content: bytes
    signature: str

    @property
    def body(self) -> JSON:
        found: JSON = json.loads(self.content)
        return found


@dataclass(slots=True)
class Trail:
    """A trail that grows hour by hour. files: name -> bytes, decompressed."""

    region: str = REGION
    key: str = "aws"
    bucket: str = "acme-cloudtrail"
    backfill: bool = False
    digests: list[Delivered] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def log(self, end: datetime, n: int = 0) -> JSON:
        """Deliver a log file; its entry in a digest."""
        name = f"{ACCOUNT}_CloudTrail_{self.region}_{end:%Y%m%dT%H%M}Z_AbC{n}.json.gz"
        record = {
            "eventVersion": "1.11", "userIdentity": {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"},
            "eventTime": stamp(end - HOUR / 2), "eventSource": "iam.amazonaws.com", "eventName": "ListUsers",
            "awsRegion": self.region, "eventID": f"{end:%Y%m%d%H}-{n}", "recipientAccountId": ACCOUNT,
        }  # fmt: skip
        content = json.dumps({"Records": [record]}).encode()
        self.files[name] = content
        return {
            "s3Bucket": self.bucket,
            "s3Object": f"AWSLogs/{ACCOUNT}/CloudTrail/{self.region}/{end:%Y/%m/%d}/{name}",
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": stamp(end - HOUR / 2),
            "oldestEventTime": stamp(end - HOUR / 2),
        }

    def hour(self, start: datetime, logs: int = 1, *, first: bool = False) -> Delivered:
        """Deliver the digest of an hour, after the one before unless it is the first."""
        end = start + HOUR
        late = "_backfill" if self.backfill else ""
        name = f"{ACCOUNT}_CloudTrail-Digest_{self.region}_org-trail_{REGION}_{end:%Y%m%dT%H%M%SZ}{late}.json.gz"
        before = None if first or not self.digests else self.digests[-1]
        parts = ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
        previous: JSON = dict.fromkeys(parts)
        if before:
            previous = {
                "S3Bucket": self.bucket,
                "S3Object": before.key,
                "HashValue": hashlib.sha256(before.content).hexdigest(),
                "HashAlgorithm": "SHA-256",
                "Signature": before.signature,
            }
        body: JSON = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": stamp(start),
            "digestEndTime": stamp(end),
            "digestS3Bucket": self.bucket,
            "digestS3Object": f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}/{name}",
            "digestPublicKeyFingerprint": fingerprint(self.key),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            **{f"previousDigest{part}": value for part, value in previous.items()},
            "logFiles": [self.log(end, n) for n in range(logs)],
        }
        self.digests.append(signed(body, self.key))
        return self.digests[-1]


def signed(body: JSON, key: str) -> Delivered:
    """A digest as delivered, signed as AWS describes it."""
    content = json.dumps(body, separators=(",", ":")).encode()
    text = "\n".join(
        (
            body["digestEndTime"],
            f"{body['digestS3Bucket']}/{body['digestS3Object']}",
            hashlib.sha256(content).hexdigest(),
            body["previousDigestSignature"] or "null",
        )
    )
    signature = signer(key).sign(text.encode(), PKCS1v15(), SHA256()).hex()
    return Delivered(body["digestS3Object"], content, signature)


def trail(hours: int = 3, **settings: Any) -> Trail:
    """So many hours of a trail, one log file each."""
    made = Trail(**settings)
    for n in range(hours):
        made.hour(START + n * HOUR)
    return made


def metadata(*digests: Delivered) -> bytes:
    found = {d.key: {"signature": d.signature, "signature-algorithm": "SHA256withRSA"} for d in digests}
    return json.dumps(found).encode()


def key_list(*keys: JSON, region: str = REGION) -> bytes:
    regions = {region: {"PublicKeyList": list(keys)}}
    return json.dumps({"assay_bundle": "cloudtrail-keys", "regions": regions}).encode()


def documents(name: str, content: bytes, file_name: str = "f.json") -> list[PlatformDocument]:
    """What a parser reads, as an evaluator takes it."""
    found = parser_named(name).parse(io.BytesIO(content), ParseContext(file_name=file_name))
    return [
        PlatformDocument(
            kind=one.kind,
            platform=one.platform,
            scope=one.scope,
            taken_at=one.taken_at or START,
            content=one.content,
            uuid=one.fingerprint[:8],
            file_name=file_name,
            evidence_sha256=one.raw_sha256,
        )
        for one in found
        if isinstance(one, CompletenessDraft)
    ]


def log_files(files: dict[str, bytes], region: str = REGION) -> tuple[LogFile, ...]:
    return tuple(
        LogFile(
            name=name, sha256=hashlib.sha256(content).hexdigest(), source="cloudtrail",
            accounts=frozenset({ACCOUNT}), regions=frozenset({region}), first=START, last=START + 3 * HOUR,
        )
        for name, content in files.items()
    )  # fmt: skip


def facts(made: Trail, *, keys: bytes | None = None, signatures: bytes | None = None, hours: int = 3) -> Facts:
    """A trail on record, with all that is needed to verify it unless something else is given."""
    found = [one for digest in made.digests for one in documents("cloudtrail_digest", digest.content)]
    if signatures != b"":
        found += documents("cloudtrail_signatures", signatures or metadata(*made.digests))
    if keys != b"":
        found += documents("cloudtrail_keys", keys or key_list(listed_key(made.key), region=made.region))
    return Facts(
        start=START, end=START + hours * HOUR, documents=tuple(found), log_files=log_files(made.files, made.region)
    )


def more(base: Facts, *documents_: PlatformDocument, **changes: Any) -> Facts:
    return replace(base, documents=base.documents + documents_, **changes)
