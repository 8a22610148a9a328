"""The public keys by which CloudTrail's digest files are verified: `aws cloudtrail list-public-keys`, one region at a time.

`Value` is a DER RSA public key (PKCS#1) in base64, `Fingerprint` its MD5, as AWS' own examples show. The answer names no
region: a bundle does (docs/formats/completeness.md), else the importer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from compliance.types.canonical import sha256_hex
from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, stated_time
from scanning.ingest.records import Record, RejectedError, moment, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE = "cloudtrail_keys"
KIND = "cloudtrail-public-keys"
BUNDLE = "cloudtrail-keys"
_AGAIN = "fetch it again with `aws cloudtrail list-public-keys --output json`"
_LIST = re.compile(rb'"[pP]ublicKeyList"\s*:\s*\[')
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"cloudtrail-keys"')
_MEMBERS = {"assay_bundle", "taken_at", "regions"}


def _key(entry: Record) -> JSON:
    """One key in normal form. Raises RejectedError."""
    value = entry.get("Value")
    try:
        der = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
        key = load_der_public_key(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise RejectedError("its Value is no public key in DER and base64") from error
    if not isinstance(key, RSAPublicKey):
        raise RejectedError("its Value is no RSA key, and CloudTrail signs with RSA alone")
    # MD5 is what AWS calls the key by; nothing rests on it.
    named, stated = hashlib.md5(der, usedforsecurity=False).hexdigest(), text_of(entry.get("Fingerprint")).lower()
    if stated and stated != named:
        raise RejectedError(f"it is stated under fingerprint {stated[:64]!r} and has {named}")
    return {
        "der": value,
        "sha256": sha256_hex(der),
        "fingerprint": named,
        "valid_from": moment(entry.get("ValidityStartTime"), "ValidityStartTime").isoformat(),
        "valid_to": moment(entry.get("ValidityEndTime"), "ValidityEndTime").isoformat(),
    }


class _Reading:
    """The keys of one file; those that cannot be taken are set apart with their place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rejects: list[Reject] = []

    def section(self, answer: Any, region: str, place: str) -> Section:
        held = object_of(answer)
        member = "PublicKeyList" if "PublicKeyList" in held else "publicKeyList"
        listed = held.get(member)
        if not isinstance(listed, list):
            raise BadInputError(f"{self.name}{place and f', {place},'} holds no list of public keys; {_AGAIN}.")
        keys = list(self._keys(listed, f"{place}/{member}"))
        return Section(kind=KIND, scope=region, content={"keys": keys}, locator=place or "document")

    def _keys(self, listed: list[Any], place: str) -> Iterator[JSON]:
        for index, entry in enumerate(listed):
            try:
                yield _key(object_of(entry))
            except RejectedError as error:
                here = f"{place}/{index}"
                self.rejects.append(Reject(locator=here, reason=f"{self.name}, {here}: {error}."))


def _sections(document: JSON, reading: _Reading) -> Iterator[Section]:
    if document.get("assay_bundle") != BUNDLE:
        yield reading.section(document, "", "")
        return
    unknown = sorted(document.keys() - _MEMBERS)
    regions = document.get("regions")
    if unknown or not isinstance(regions, dict):
        what = f"has a member {unknown[0][:40]!r} that no such bundle has" if unknown else "names no regions"
        raise BadInputError(f"{reading.name} {what}; see docs/formats/completeness.md.")
    for region, answer in regions.items():
        yield reading.section(answer, region, f"/regions/{region}")


class CloudTrailKeys:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS CloudTrail public keys (aws, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the list of keys or the bundle's mark."""
        listed = _LIST.search(head) and b'"assay_bundle"' not in head
        return CERTAIN if listed or _BUNDLE.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each region. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        document = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        if not isinstance(document, dict):
            raise BadInputError(f"{name} is no JSON object; {_AGAIN}.")
        reading = _Reading(name)
        sections = list(_sections(document, reading))
        count = sum(len(one.content["keys"]) for one in sections)
        if not count:
            reason = f" ({reading.rejects[0].reason})" if reading.rejects else ""
            raise BadInputError(f"{name} holds no public key{reason}; {_AGAIN}.")
        drafts: Iterator[Draft] = document_drafts(
            sections, make=CompletenessDraft, platform="aws", taken_at=stated_time(document, name), file_name=name
        )
        scope = {
            "documents": [KIND] * len(sections),
            "scopes": sorted({s.scope for s in sections} - {""}),
            "keys": count,
        }
        return report_drafts((*reading.rejects, *drafts), producer=SOURCE, file_name=name, scope=scope)


PARSER = CloudTrailKeys()
