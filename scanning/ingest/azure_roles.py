"""Who may do what on Azure: role assignments and definitions, PIM, groups, denials, and accounts with their keys.

Read are one bundle of `az` outputs (docs/formats/azure_roles.md has the script) and those outputs that say by themselves what
they are. Nothing is judged here: scanning.entitlement.azure does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, records_of, stated_time
from scanning.ingest.records import escaped, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

PLATFORM = "azure"
_AGAIN = "export it again with `-o json`"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"azure"')
_TYPE = re.compile(
    rb'"type"\s*:\s*"Microsoft\.(?:Authorization/(?:roleAssignments|roleDefinitions|denyAssignments'
    rb"|role(?:Eligibility|Assignment)ScheduleInstances)|CognitiveServices/accounts"
    rb'|MachineLearningServices/workspaces)"',
    re.IGNORECASE,
)
_WORKSPACE = re.compile(
    rb'"id"\s*:\s*"/subscriptions/[^"]+/Microsoft\.MachineLearningServices/workspaces/[^"/]+"', re.I
)
# Members of other documents that name the same types: logs, and templates of resources.
_OTHERS = re.compile(rb'"(?:operationName|eventTimestamp|\$schema|resources|resourceUri)"')
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
# Member of the bundle -> kind of document, member of its content.
SECTIONS = {
    "role_assignments": ("azure-role-assignments", "assignments"),
    "role_definitions": ("azure-role-definitions", "definitions"),
    "pim_eligible": ("azure-pim-eligible", "eligible"),
    "pim_active": ("azure-pim-active", "active"),
    "deny_assignments": ("azure-deny-assignments", "deny_assignments"),
    "groups": ("azure-groups", "groups"),
    "cognitive_accounts": ("azure-cognitive-accounts", "accounts"),
    "ml_workspaces": ("azure-ml-workspaces", "workspaces"),
}
_BY_TYPE = {
    "microsoft.authorization/roleassignments": "role_assignments",
    "microsoft.authorization/roledefinitions": "role_definitions",
    "microsoft.authorization/roleeligibilityscheduleinstances": "pim_eligible",
    "microsoft.authorization/roleassignmentscheduleinstances": "pim_active",
    "microsoft.authorization/denyassignments": "deny_assignments",
    "microsoft.cognitiveservices/accounts": "cognitive_accounts",
    "microsoft.machinelearningservices/workspaces": "ml_workspaces",
}


def _type_of(record: JSON) -> str:
    told = text_of(record.get("type")).lower()
    if told in _BY_TYPE:
        return _BY_TYPE[told]
    return (
        "ml_workspaces" if "/microsoft.machinelearningservices/workspaces/" in text_of(record.get("id")).lower() else ""
    )


def _subscription(records: list[JSON]) -> str:
    """The one subscription that all the records lie in, "" where there are several or none."""
    found: set[str] = set()
    for record in records:
        told = (record.get("scope"), object_of(record.get("properties")).get("scope"), record.get("id"))
        found.update(match[1].lower() for one in told if (match := _SUBSCRIPTION.match(text_of(one))))
    return found.pop() if len(found) == 1 else ""


def _single(value: Any, name: str) -> Iterator[Section]:
    records = records_of(value, name)
    by_type: dict[str, list[JSON]] = {}
    for index, record in enumerate(records):
        told = _type_of(record)
        if not told:
            raise BadInputError(
                f"{name}, [{index}], is none of the records read here: its `type` is not known; {_AGAIN}."
            )
        by_type.setdefault(told, []).append(record)
    if len(by_type) > 1:
        raise BadInputError(
            f"{name} holds {' and '.join(sorted(by_type))} in one list; import them apart, or as a bundle."
        )
    for told, listed in by_type.items():
        kind, member = SECTIONS[told]
        yield Section(kind=kind, scope=_subscription(listed), content={member: listed}, locator="document")


def _bundle(document: JSON, name: str) -> Iterator[Section]:
    scope = text_of(document.get("subscription")).lower() or text_of(document.get("tenant")).lower()
    unknown = sorted(document.keys() - SECTIONS.keys() - {"assay_bundle", "taken_at", "subscription", "tenant"})
    if unknown:
        raise BadInputError(
            f"{name} has a member {unknown[0][:40]!r} that no bundle has; see docs/formats/azure_roles.md."
        )
    for section, (kind, member) in SECTIONS.items():
        if document.get(section) is None:
            continue
        content: JSON = {member: _members(document[section], section, name)}
        if section == "cognitive_accounts":
            content["complete"] = bool(document.get("subscription"))
        yield Section(kind=kind, scope=scope, content=content, locator=f"/{section}")


def _members(value: Any, section: str, name: str) -> Any:
    if section != "groups":
        return records_of(value, f"{name}, /{section},")
    if not isinstance(value, dict):
        raise BadInputError(f"{name}, /groups, is no object of group id and members; see docs/formats/azure_roles.md.")
    return {
        group: records_of(members, f"{name}, /groups/{escaped(group)},")
        for group, members in value.items()
        if members is not None
    }


class AzureRoles:
    """The parser. Stateless: one instance serves all."""

    name = "azure_roles"
    label = "Azure roles, PIM, groups and keys (az, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark or by a type of record, unless it is a log or a template."""
        if _BUNDLE.search(head):
            return CERTAIN
        known = _TYPE.search(head) or _WORKSPACE.search(head)
        return CERTAIN if known and not _OTHERS.search(head) and b'"assay_bundle"' not in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An entitlement document for each section. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        value = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        bundle = isinstance(value, dict) and value.get("assay_bundle") == PLATFORM
        taken_at = stated_time(value, name) if bundle else None
        sections = list(_bundle(value, name) if bundle else _single(value, name))
        if not sections:
            raise BadInputError(f"{name} holds no record; an empty answer counts only inside a bundle.")
        drafts = document_drafts(sections, make=EntitlementDraft, platform=PLATFORM, taken_at=taken_at, file_name=name)
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts(drafts, producer=self.name, file_name=name, scope=scope)


PARSER = AzureRoles()
