"""Reading a report that is one document: its JSON, strictly, and its parts as observations by the same rules for every tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.canonical import NotCanonicalError, digest_of
from compliance.types.drafts import AssetRef, ObservationDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.base import Draft, Drafts, ParseContext
from scanning.ingest.limits import BoundedReader, read_document
from scanning.ingest.records import clipped

_DEEPEST = 200


def document_bytes(stream: BinaryIO, context: ParseContext) -> bytes:
    """The whole document, decompressed. Raises BadInputError where it is empty or beyond the limits."""
    reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
    content = read_document(reader, context.file_name, context.limits)
    if not content.strip():
        raise BadInputError(f"{context.file_name} is empty; there is nothing to import.")
    return content


def document_text(content: bytes, name: str) -> str:
    """The document as text. Raises BadInputError where it is not UTF-8 or holds a NUL character."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{name} is not UTF-8 text at byte {error.start}; write the report again.") from error
    if "\0" in text:
        raise BadInputError(f"{name} holds a NUL character at place {text.index(chr(0))}; write the report again.")
    return text


def decoded(text: str, name: str, *, again: str) -> Any:
    """A JSON value, strictly: no NaN, no name twice in one object, at most 200 levels.

    again: how to write the document anew, as the end of a sentence. Raises BadInputError.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInputError(f"{name} is not valid JSON ({reason}); {again}.") from error
    if _depth(value) > _DEEPEST:
        raise BadInputError(f"{name} is nested more than {_DEEPEST} levels deep; {again}.")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {twice[:40]!r} twice")
    return found


def _depth(value: object) -> int:
    level, deepest = [value], 0
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [
            member
            for holder in level
            if isinstance(holder, (dict, list))
            for member in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return deepest


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What all observations of one report share. techniques, limits: what the tool can speak to, and what it cannot say;
    digests: file name -> SHA-256, for reports that name files without hashing them."""

    producer: str
    version: str
    techniques: tuple[str, ...]
    limits: tuple[str, ...]
    method: Method = Method.TEST
    digests: Mapping[str, str] = field(default_factory=dict)

    def observation(
        self,
        *,
        rule: str,
        title: str,
        description: str,
        asset: AssetRef,
        verdict: FileScanVerdict | StageVerdict,
        locator: str,
        raw: object,
        raw_sha256: str = "",
        member: str = "",
        key: Iterable[str] | None = None,
        observed_at: datetime | None = None,
        severity: Severity | None = None,
        native_severity: str = "",
        techniques: tuple[str, ...] | None = None,
        facts: Mapping[str, Any] | None = None,
        origins: Mapping[str, str] | None = None,
    ) -> ObservationDraft:
        """One observation. locator: JSON pointer or line of its source; raw_sha256: digest of `raw` where it is known; member:
        place within the asset; key: what makes it the same in a later report, (rule, digest or name of the asset, member)
        unless the source has an id; origins: field -> JSON pointer, where they differ from the locator's own members."""
        digest = asset.digest or self.digests.get(asset.name)
        named = AssetRef(kind=asset.kind, name=clipped(asset.name), digest=digest)
        identity = (rule, digest or asset.name, member) if key is None else tuple(key)
        return ObservationDraft(
            producer=self.producer,
            producer_version=self.version,
            rule=clipped(rule),
            title=clipped(title),
            description=description,
            method=self.method,
            asset=named,
            fingerprint=digest_of([self.producer, *identity]),
            verdict=verdict,
            observed_at=observed_at,
            severity=severity,
            native_severity=native_severity,
            atlas_techniques=self.techniques if techniques is None else techniques,
            location=clipped(member),
            facts={
                "speaks_to": list(self.techniques if techniques is None else techniques),
                "limits": list(self.limits),
                "locator": locator,
                **({"origins": dict(origins)} if origins else {}),
                **(facts or {}),
            },
            raw_sha256=raw_sha256 or digest_of(raw),
        )


def report_drafts(drafts: Iterable[Draft], *, producer: str, file_name: str, scope: Mapping[str, Any]) -> Drafts:
    """The drafts of a report, each fingerprint once, counted. `scope` is read at the end, so it may grow meanwhile.

    Raises BadInputError for text that no database keeps.
    """
    counts = {True: 0, False: 0}
    try:
        for draft in _once(drafts):
            counts[isinstance(draft, Reject)] += 1
            yield draft
    except NotCanonicalError as error:
        raise BadInputError(f"{file_name} cannot be kept as it is: {error} (is it UTF-8?).") from error
    return ParseSummary(
        format=producer, read=sum(counts.values()), relevant=counts[False], rejected=counts[True], scope=dict(scope)
    )


def _once(drafts: Iterable[Draft]) -> Iterator[Draft]:
    seen: set[str] = set()
    for draft in drafts:
        fingerprint = getattr(draft, "fingerprint", "")
        if not fingerprint or fingerprint not in seen:
            yield draft
        seen.add(fingerprint)
