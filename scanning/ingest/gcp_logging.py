"""Which projects of Google Cloud there are, and which audit logs they write: one bundle of `gcloud` outputs.

Read are `gcloud projects list`, the `auditConfigs` of `get-iam-policy` (project, folder, organization) and `gcloud logging
sinks list`, as docs/formats/completeness.md gathers them. Nothing is judged here: scanning.completeness.gcp_coverage does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, records_of, stated_time
from scanning.ingest.records import escaped, list_of, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE, BUNDLE = "gcp_logging", "gcp-logging"
PROJECTS, AUDIT, SINKS = "gcp-projects", "gcp-audit-configs", "gcp-sinks"
_AGAIN = "export it again with `--format json`"
_HELP = "see docs/formats/completeness.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"gcp-logging"')
_OF_PROJECT = ("projectId", "projectNumber", "lifecycleState", "parent")
_OF_SINK = ("name", "destination", "filter", "disabled", "includeChildren", "exclusions")
_MEMBERS = {"assay_bundle", "taken_at", "organization", "projects", "policies", "sinks"}


def _named(value: Any, name: str, section: str) -> Iterator[tuple[str, Any, str]]:
    """(resource, output, place) of an object such as {"projects/P": {...}}; a null is left out."""
    if not isinstance(value, dict):
        raise BadInputError(f"{name}, /{section}, is no object of resource and output; {_HELP}.")
    for resource, output in value.items():
        if output is not None:
            yield resource, output, f"/{section}/{escaped(resource)}"


def _audit(value: Any, name: str) -> JSON:
    """Resource -> its audit configuration: service, kinds of log, how many members are exempted from each."""
    found: JSON = {}
    for resource, policy, place in _named(value, name, "policies"):
        if not isinstance(policy, dict):
            raise BadInputError(f"{name}, {place}, is no policy; {_HELP}.")
        found[resource] = [
            {
                "service": text_of(config.get("service")),
                "logs": [
                    {"type": text_of(log.get("logType")), "exempted": len(list_of(log.get("exemptedMembers")))}
                    for log in map(object_of, list_of(config.get("auditLogConfigs")))
                ],
            }
            for config in map(object_of, list_of(policy.get("auditConfigs")))
        ]
    return found


def _sinks(value: Any, name: str) -> JSON:
    return {
        resource: [
            {member: one[member] for member in _OF_SINK if member in one}
            for one in records_of(output, f"{name}, {place},")
        ]
        for resource, output, place in _named(value, name, "sinks")
    }


def _projects(value: Any, name: str) -> list[JSON]:
    records = records_of(value, f"{name}, /projects,")
    kept = [{member: one[member] for member in _OF_PROJECT if member in one} for one in records]
    if not all(text_of(one.get("projectId")) for one in kept):
        raise BadInputError(f"{name}, /projects, holds a project without projectId; {_AGAIN}.")
    return kept


def _sections(document: JSON, name: str) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{name} has a member {unknown[0][:40]!r} that no bundle has; {_HELP}.")
    scope = text_of(document.get("organization"))
    if document.get("projects") is not None:
        content: JSON = {"projects": _projects(document["projects"], name)}
        yield Section(kind=PROJECTS, scope=scope, content=content, locator="/projects")
    if document.get("policies") is not None:
        content = {"audit_configs": _audit(document["policies"], name)}
        yield Section(kind=AUDIT, scope=scope, content=content, locator="/policies")
    if document.get("sinks") is not None:
        content = {"sinks": _sinks(document["sinks"], name)}
        yield Section(kind=SINKS, scope=scope, content=content, locator="/sinks")


class GcpLogging:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Google Cloud projects, audit configuration and sinks (gcloud, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark."""
        return CERTAIN if _BUNDLE.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each section. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        document = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        sections = list(_sections(document, name)) if isinstance(document, dict) else []
        if not sections:
            raise BadInputError(f"{name} holds no section of a bundle; {_HELP}.")
        drafts = document_drafts(
            sections, make=CompletenessDraft, platform="gcp", taken_at=stated_time(document, name), file_name=name
        )
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts(drafts, producer=SOURCE, file_name=name, scope=scope)


PARSER = GcpLogging()
