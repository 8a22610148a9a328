"""One digest file after the other: its signature, its predecessor, and the log files that it lists.

By AWS' description of digest files the signature is RSA (PKCS #1 v1.5) with SHA-256 over the end time, bucket and path, the
digest of the file's bytes, and the signature of the digest file before ("null" for the first), joined by line feeds.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from compliance.types.completeness import PlatformDocument
from compliance.types.drafts import JSON
from scanning.completeness.base import LogFile

SIGNED_WITH, HASHED_WITH = "SHA256withRSA", "SHA-256"


class Problem(StrEnum):
    """What is wrong with a digest file, or missing for its verification. The value is the end of "a digest file …"."""

    NO_SIGNATURE = "has no signature on record"
    NO_KEY = "names a key that is not on record"
    KEY_OF_OTHER_REGION = "names a key that was fetched from another region"
    KEY_NOT_VALID = "was signed when its key was not valid"
    UNKNOWN_ALGORITHM = "was signed or hashed in a way that is not known here"
    SIGNATURE_WRONG = "does not fit its signature"
    PREVIOUS_HASH_WRONG = "says another digest of the file before it"
    PREVIOUS_SIGNATURE_WRONG = "says another signature of the file before it"
    OVERLAPS = "speaks of a time that the file before it speaks of"
    TWO_FILES = "is there twice, with different content"
    LOG_ALTERED = "lists a log file whose content on record is another"
    LOG_ABSENT = "lists log files that are not on record"


BROKEN = frozenset(
    {
        Problem.SIGNATURE_WRONG, Problem.PREVIOUS_HASH_WRONG, Problem.PREVIOUS_SIGNATURE_WRONG, Problem.OVERLAPS,
        Problem.TWO_FILES, Problem.LOG_ALTERED,
    }
)  # fmt: skip
UNVERIFIED = frozenset(
    {
        Problem.NO_SIGNATURE, Problem.NO_KEY, Problem.KEY_OF_OTHER_REGION, Problem.KEY_NOT_VALID,
        Problem.UNKNOWN_ALGORITHM,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key as a list of keys gives it. region: that the list is of, "" where nobody said."""

    der: str
    sha256: str
    fingerprint: str
    region: str
    valid_from: datetime
    valid_to: datetime
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest file, as scanning.ingest.cloudtrail_digest reads it."""

    content: JSON
    start: datetime
    end: datetime

    @property
    def chain(self) -> tuple[str, str, str, str, bool]:
        """Account, region, trail and its home region, and whether it is a chain of late deliveries."""
        held = self.content
        return held["account"], held["region"], held["trail"], held["home_region"], held["backfill"]

    @property
    def file(self) -> str:
        """Name of the file, whatever bucket or folder it lies in now."""
        return file_of(self.content["object"])


@dataclass(slots=True)
class Checked:
    """A digest file with what was found. key: that it was verified by; matching, altered, absent: log files that it lists."""

    digest: Digest
    key: Key | None = None
    problems: set[Problem] = field(default_factory=set)
    matching: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def file_of(path: str) -> str:
    """The last step of an object's key."""
    return path.rpartition("/")[2]


def digests_of(documents: Iterable[PlatformDocument]) -> list[Digest]:
    """Digest files, each content once, in the order of their end."""
    found = {document.content["sha256"]: document.content for document in documents}
    digests = [
        Digest(content=held, start=datetime.fromisoformat(held["start"]), end=datetime.fromisoformat(held["end"]))
        for held in found.values()
    ]
    return sorted(digests, key=lambda one: (one.end, one.file, one.content["sha256"]))


def keys_of(documents: Iterable[PlatformDocument]) -> dict[str, list[Key]]:
    """Fingerprint -> keys of every list on record, those of a stated region first."""
    found: dict[str, list[Key]] = {}
    for document in sorted(documents, key=lambda one: (not one.scope, one.taken_at, one.uuid)):
        for held in document.content["keys"]:
            key = Key(
                der=held["der"],
                sha256=held["sha256"],
                fingerprint=held["fingerprint"],
                region=document.scope,
                valid_from=datetime.fromisoformat(held["valid_from"]),
                valid_to=datetime.fromisoformat(held["valid_to"]),
                document=document.uuid,
            )
            found.setdefault(key.fingerprint, []).append(key)
    return found


def signatures_of(documents: Iterable[PlatformDocument], digests: Iterable[Digest]) -> dict[str, dict[str, str]]:
    """File name -> signature in lower case -> algorithm: of the metadata on record, and as the next digest file states it."""
    found: dict[str, dict[str, str]] = {}
    for document in documents:
        for path, held in document.content["signatures"].items():
            found.setdefault(file_of(path), {})[held["signature"].lower()] = held["algorithm"]
    for digest in digests:
        if previous := digest.content["previous"]:
            found.setdefault(file_of(previous["object"]), {}).setdefault(previous["signature"].lower(), SIGNED_WITH)
    return found


def signed_text(content: JSON) -> bytes:
    """What the signature of a digest file is made over."""
    previous = content["previous"]
    lines = (
        content["end_as_signed"],
        f"{content['bucket']}/{content['object']}",
        content["sha256"],
        previous["signature"] if previous else "null",
    )
    return "\n".join(lines).encode()


@cache
def _public_key(der: str) -> RSAPublicKey:
    return cast(RSAPublicKey, load_der_public_key(base64.b64decode(der)))


def made(key: Key, signature: str, message: bytes) -> bool:
    """Whether this key made the signature (hexadecimal) over the message."""
    try:
        _public_key(key.der).verify(bytes.fromhex(signature), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def check_signature(checked: Checked, keys: Mapping[str, list[Key]], signatures: Mapping[str, str]) -> None:
    """Find the key by which a digest file is verified, or why there is none."""
    digest, content = checked.digest, checked.digest.content
    if content["signature_algorithm"] != SIGNED_WITH or (signatures and SIGNED_WITH not in signatures.values()):
        checked.problems.add(Problem.UNKNOWN_ALGORITHM)
        return
    usable = keys.get(content["fingerprint"], [])
    here = [key for key in usable if key.region in ("", content["region"])]
    valid = [key for key in here if key.valid_from <= digest.end <= key.valid_to]
    if not signatures:
        checked.problems.add(Problem.NO_SIGNATURE)
    elif not valid:
        missing = Problem.KEY_NOT_VALID if here else Problem.KEY_OF_OTHER_REGION if usable else Problem.NO_KEY
        checked.problems.add(missing)
    else:
        message = signed_text(content)
        makers = (key for key in valid for signature in signatures if made(key, signature, message))
        checked.key = next(makers, None)
        if checked.key is None:
            checked.problems.add(Problem.SIGNATURE_WRONG)


def check_link(checked: Checked, before: Checked, stated: Mapping[str, str]) -> None:
    """Compare what a digest file says of its predecessor with that file. stated: signatures of it in the metadata on record."""
    previous = checked.digest.content["previous"]
    if previous["hash_algorithm"] != HASHED_WITH:
        checked.problems.add(Problem.UNKNOWN_ALGORITHM)
    elif previous["hash"] != before.digest.content["sha256"]:
        checked.problems.add(Problem.PREVIOUS_HASH_WRONG)
    if stated and previous["signature"].lower() not in stated:
        checked.problems.add(Problem.PREVIOUS_SIGNATURE_WRONG)


def check_logs(checked: Checked, by_hash: Mapping[str, LogFile], by_name: Mapping[str, Sequence[LogFile]]) -> None:
    """Look for each log file that a digest file lists: by its content, else by its name."""
    for entry in checked.digest.content["log_files"]:
        name = file_of(entry["s3Object"])
        if entry["hashAlgorithm"] != HASHED_WITH:
            checked.problems.add(Problem.UNKNOWN_ALGORITHM)
            checked.absent.append(name)
        elif entry["hashValue"] in by_hash:
            checked.matching.append(entry["hashValue"])
        elif any(file.sha256 for file in by_name.get(name, ())):
            checked.altered.append(name)
            checked.problems.add(Problem.LOG_ALTERED)
        else:
            checked.absent.append(name)
            checked.problems.add(Problem.LOG_ABSENT)
