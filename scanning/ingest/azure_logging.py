"""Which subscriptions of Azure there are, and which of their logs are delivered: one bundle of `az` outputs.

Read are `az account list`, `az monitor diagnostic-settings subscription list` and `az monitor diagnostic-settings list`, as
docs/formats/completeness.md gathers them; by itself, only the list of subscriptions. Settings come flat or under `properties`.
Nothing is judged here: scanning.completeness.azure_coverage does that.
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

SOURCE, BUNDLE = "azure_logging", "azure-logging"
SUBSCRIPTIONS, SETTINGS = "azure-subscriptions", "azure-diagnostic-settings"
_AGAIN = "export it again with `-o json`"
_HELP = "see docs/formats/completeness.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"azure-logging"')
# `az account list`: a list of objects of which each has these two members.
_ALONE = (re.compile(rb'"tenantId"\s*:'), re.compile(rb'"cloudName"\s*:'))
_OF_SUBSCRIPTION = ("id", "subscriptionId", "name", "state", "tenantId")
_TARGETS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
_MEMBERS = {"assay_bundle", "taken_at", "tenant", "subscriptions", "subscription_settings", "resource_settings"}


def _setting(record: JSON) -> JSON:
    """A setting: where it sends to, and which categories are on. Switches that are off stay in, as off."""
    held = object_of(record.get("properties")) or record
    logs = [
        {
            "category": text_of(one.get("category")) or text_of(one.get("categoryGroup")),
            "is_group": not text_of(one.get("category")),
            "enabled": one.get("enabled") is True,
        }
        for one in map(object_of, list_of(held.get("logs")))
    ]
    return {
        "name": text_of(record.get("name")),
        "targets": [name for name in _TARGETS if text_of(held.get(name))],
        "logs": logs,
    }


def _settings(value: Any, name: str, section: str) -> JSON:
    """Subscription or resource, in lower case -> its settings; a null is left out, an empty list is none of them on."""
    if not isinstance(value, dict):
        raise BadInputError(f"{name}, /{section}, is no object of id and settings; {_HELP}.")
    return {
        key.lower(): [_setting(one) for one in records_of(listed, f"{name}, /{section}/{escaped(key)},")]
        for key, listed in value.items()
        if listed is not None
    }


def _subscriptions(value: Any, name: str, tenant: str, place: str) -> Section:
    records = records_of(value, f"{name}, {place},")
    kept = [{member: one[member] for member in _OF_SUBSCRIPTION if member in one} for one in records]
    if not all(text_of(one.get("subscriptionId")) or text_of(one.get("id")) for one in kept):
        raise BadInputError(f"{name}, {place}, holds a subscription without id; {_AGAIN}.")
    tenants = {text_of(one.get("tenantId")).lower() for one in kept}
    scope = tenant or (tenants.pop() if len(tenants) == 1 else "")
    return Section(kind=SUBSCRIPTIONS, scope=scope, content={"subscriptions": kept}, locator=place)


def _bundle(document: JSON, name: str) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{name} has a member {unknown[0][:40]!r} that no bundle has; {_HELP}.")
    tenant = text_of(document.get("tenant")).lower()
    if document.get("subscriptions") is not None:
        yield _subscriptions(document["subscriptions"], name, tenant, "/subscriptions")
    given = [part for part in ("subscription_settings", "resource_settings") if document.get(part) is not None]
    if given:
        content: JSON = {part: _settings(document[part], name, part) for part in given}
        yield Section(kind=SETTINGS, scope=tenant, content=content, locator=f"/{given[0]}")


class AzureLogging:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Azure subscriptions and diagnostic settings (az, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark, or by members that only `az account list` prints."""
        if _BUNDLE.search(head):
            return CERTAIN
        listed = head.lstrip().startswith(b"[") and all(member.search(head) for member in _ALONE)
        return CERTAIN if listed and b'"assay_bundle"' not in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each section. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        value = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        bundle = isinstance(value, dict) and value.get("assay_bundle") == BUNDLE
        taken_at = stated_time(value, name) if bundle else None
        sections = list(_bundle(value, name)) if bundle else [_subscriptions(value, name, "", "document")]
        if not sections:
            raise BadInputError(f"{name} holds no section of a bundle; {_HELP}.")
        drafts = document_drafts(sections, make=CompletenessDraft, platform="azure", taken_at=taken_at, file_name=name)
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts(drafts, producer=SOURCE, file_name=name, scope=scope)


PARSER = AzureLogging()
