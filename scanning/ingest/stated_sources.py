"""What a person states about sources of logs: accounts in scope, clusters with their audit logs, and what nothing logs.

The form is Assay's own (docs/formats/completeness.md). A statement is a statement: pages and packs show it as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, stated_time
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE, BUNDLE = "stated_sources", "stated-sources"
ACCOUNTS, CLUSTERS, NOT_LOGGED = "stated-accounts", "stated-clusters", "stated-not-logged"
_AGAIN = "write it again"
_HELP = "see docs/formats/completeness.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"stated-sources"')
_MEMBERS = {"assay_bundle", "taken_at", "stated_by", "scope", "accounts", "clusters", "not_logged"}
PLATFORMS = ("aws", "azure", "gcp")
DELIVERY = ("delivered", "not delivered", "unknown")
LEVELS = ("", "None", "Metadata", "Request", "RequestResponse")


def _choice(entry: Record, member: str, allowed: tuple[str, ...], place: str) -> str:
    value = text_of(entry.get(member))
    if value not in allowed:
        raise BadInputError(
            f"{place}/{member} is {value[:40]!r} and none of {', '.join(filter(None, allowed))}; {_HELP}."
        )
    return value


def _required(entry: Record, member: str, place: str) -> str:
    value = text_of(entry.get(member)).strip()
    if not value:
        raise BadInputError(f"{place}/{member} is missing; {_HELP}.")
    return value


def _accounts(value: Any, name: str) -> list[JSON]:
    found = []
    for index, entry in enumerate(map(object_of, list_of(value))):
        place = f"{name}, /accounts/{index}"
        found.append(
            {
                "platform": _choice(entry, "platform", PLATFORMS, place),
                "id": _required(entry, "id", place),
                "note": text_of(entry.get("note")),
            }
        )
    return found


def _clusters(value: Any, name: str) -> list[JSON]:
    found = []
    for index, entry in enumerate(map(object_of, list_of(value))):
        place = f"{name}, /clusters/{index}"
        found.append(
            {
                "name": _required(entry, "name", place),
                "audit_log": _choice(entry, "audit_log", DELIVERY, place),
                "level": _choice(entry, "level", LEVELS, place),
                "note": text_of(entry.get("note")),
            }
        )
    return found


def _not_logged(value: Any, name: str) -> list[JSON]:
    found = []
    for index, entry in enumerate(map(object_of, list_of(value))):
        place = f"{name}, /not_logged/{index}"
        found.append(
            {
                "source": _required(entry, "source", place),
                "what": _required(entry, "what", place),
                "instead": text_of(entry.get("instead")),
            }
        )
    return found


def _sections(document: JSON, name: str) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{name} has a member {unknown[0][:40]!r} that no such statement has; {_HELP}.")
    scope, stated_by = text_of(document.get("scope")), _required(document, "stated_by", name)
    for section, kind, read in (
        ("accounts", ACCOUNTS, _accounts),
        ("clusters", CLUSTERS, _clusters),
        ("not_logged", NOT_LOGGED, _not_logged),
    ):
        if isinstance(document.get(section), list):
            content: JSON = {section: read(document[section], name), "stated_by": stated_by}
            yield Section(kind=kind, scope=scope, content=content, locator=f"/{section}")


class StatedSources:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Statement on accounts, clusters and what nothing logs (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the statement's mark."""
        return CERTAIN if _BUNDLE.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each section. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        document = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        sections = list(_sections(document, name)) if isinstance(document, dict) else []
        if not sections:
            raise BadInputError(f"{name} states neither accounts nor clusters nor what is not logged; {_HELP}.")
        drafts = document_drafts(
            sections, make=CompletenessDraft, platform="stated", taken_at=stated_time(document, name), file_name=name
        )
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts(drafts, producer=SOURCE, file_name=name, scope=scope)


PARSER = StatedSources()
