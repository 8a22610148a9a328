"""Documents of platforms as drafts, by the same rules for each: dated, digested, each section apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from compliance.types.canonical import digest_of
from compliance.types.documents import DocumentDraft
from compliance.types.drafts import JSON, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.records import RejectedError, moment, raw_content, raw_digest

DraftT = TypeVar("DraftT", bound=DocumentDraft)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a file that is a document of its own. locator: JSON pointer to it, "document" where it is the whole file."""

    kind: str
    scope: str
    content: JSON
    locator: str


def document_drafts(
    sections: Iterable[Section], *, make: type[DraftT], platform: str, taken_at: datetime | None, file_name: str
) -> Iterator[DraftT | Reject]:
    """A draft of each section. The same content taken at another time is another document."""
    for one in sections:
        try:
            digest = raw_digest(one.content)
            raw_content({"scope": one.scope})  # refused alike: it names the document
        except RejectedError as error:
            yield Reject(locator=one.locator, reason=f"{file_name}, {one.locator}: {error}.")
            continue
        stated = taken_at.isoformat() if taken_at else ""
        yield make(
            kind=one.kind,
            platform=platform,
            scope=one.scope,
            taken_at=taken_at,
            content=one.content,
            fingerprint=digest_of([platform, one.kind, one.scope, stated, digest]),
            raw_sha256=digest,
            locator=one.locator,
        )


def stated_time(document: JSON, file_name: str) -> datetime | None:
    """When a bundle says that it was taken, None where it does not. Raises BadInputError for what is no time."""
    if document.get("taken_at") is None:
        return None
    try:
        return moment(document["taken_at"], "taken_at")
    except RejectedError as error:
        raise BadInputError(f"{file_name} says a wrong time: {error}; write `date -u +%Y-%m-%dT%H:%M:%SZ`.") from error


def records_of(value: Any, file_name: str) -> list[JSON]:
    """The records of a list, of a REST page {"value": [...]}, or of one object. Raises BadInputError for one page of more."""
    if isinstance(value, dict) and isinstance(value.get("value"), list):
        if value.get("nextLink") or value.get("@odata.nextLink"):
            raise BadInputError(
                f"{file_name} is one page of several (`nextLink`); join all pages into one list `value`."
            )
        value = value["value"]
    listed = value if isinstance(value, list) else [value]
    wrong = next((index for index, one in enumerate(listed) if not isinstance(one, dict)), None)
    if wrong is not None:
        raise BadInputError(f"{file_name} has something at [{wrong}] that is no object; export it again as JSON.")
    return listed
