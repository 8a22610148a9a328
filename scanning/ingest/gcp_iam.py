"""Who may do what on Google Cloud: allow policies, custom roles, group members and service account keys.

Read are one bundle of `gcloud` outputs (docs/formats/gcp_iam.md has the script) and those outputs that say by themselves what
they are. Nothing is judged here: scanning.entitlement.gcp does that.
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
from scanning.ingest.records import escaped, list_of, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

PLATFORM = "gcp"
_AGAIN = "export it again with `--format=json`"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"gcp"')
_BINDING = re.compile(rb'"role"\s*:\s*"(?:roles|projects/[^"]+/roles|organizations/[^"]+/roles)/')
_ROLE = re.compile(rb'"name"\s*:\s*"(?:(?:projects|organizations)/[^"/]+/)?roles/[^"]+"')
_KEY = re.compile(rb'"name"\s*:\s*"projects/[^"]+/serviceAccounts/[^"]+/keys/[^"]+"')
_LOG = re.compile(rb'"(?:protoPayload|logName|insertId)"')
_BARE_POLICY = re.compile(rb'^\s*\{\s*"(?:bindings|etag|version|auditConfigs)"')
POLICIES, ANALYSIS, ROLES = "gcp-iam-policy", "gcp-iam-analysis", "gcp-roles"
GROUPS, KEYS = "gcp-groups", "gcp-service-account-keys"
_MEMBERS = (
    "assay_bundle",
    "taken_at",
    "scope",
    "policies",
    "project_policies",
    "roles",
    "groups",
    "service_account_keys",
)


def _sort(record: JSON) -> str:
    """Kind of document that one record belongs to, "" for none."""
    if "ACLs" in record or "accessControlLists" in record:
        return ANALYSIS
    if isinstance(record.get("bindings"), list) or isinstance(object_of(record.get("policy")).get("bindings"), list):
        return POLICIES
    name = text_of(record.get("name"))
    if "/serviceAccounts/" in name and "/keys/" in name:
        return KEYS
    roles = name.startswith("roles/") or "/roles/" in name
    return ROLES if roles and ("includedPermissions" in record or "title" in record) else ""


def _policy(record: JSON) -> JSON:
    """A policy as `search-all-iam-policies` writes it; get-iam-policy writes the policy alone."""
    return {"policy": record} if isinstance(record.get("bindings"), list) else record


def _analysed(record: JSON) -> JSON:
    """A result of the policy analyzer, from `gcloud` or from the API, as the policy that it is about."""
    written = object_of(record.get("policy"))
    binding = written.get("binding") or record.get("iamBinding")
    resource = written.get("attachedResource") or record.get("attachedResourceFullName")
    return {"resource": text_of(resource), "policy": {"bindings": [binding] if isinstance(binding, dict) else []}}


_CONTENT = {POLICIES: "policies", ANALYSIS: "policies", ROLES: "roles", KEYS: "keys"}


def _single(value: Any, name: str) -> Iterator[Section]:
    if isinstance(value, dict):
        main = object_of(value.get("mainAnalysis") or value.get("analysis"))
        value = main.get("analysisResults") or value.get("analysisResults") or value
    records = records_of(value, name)
    kinds = {_sort(record) for record in records}
    if "" in kinds or len(kinds) > 1:
        raise BadInputError(f"{name} holds records of an unknown kind, or of several kinds in one list; {_AGAIN}.")
    for kind in kinds:
        yield Section(
            kind=kind,
            scope=_scope(records, kind),
            content={_CONTENT[kind]: [_told(record, kind) for record in records]},
            locator="document",
        )


def _told(record: JSON, kind: str) -> JSON:
    return {POLICIES: _policy, ANALYSIS: _analysed}[kind](record) if kind in (POLICIES, ANALYSIS) else record


def _scope(records: list[JSON], kind: str) -> str:
    """What all the records belong to, "" where they belong to several or do not say it."""
    if kind == POLICIES:
        found = {text_of(one.get("organization")) or text_of(one.get("project")) for one in records}
    elif kind in (ROLES, KEYS):
        cut = "/roles/" if kind == ROLES else "/keys/"
        found = {text_of(one.get("name")).rpartition(cut)[0] for one in records}
    else:
        found = set()
    return found.pop() if len(found) == 1 else ""


def _bundle(document: JSON, name: str) -> Iterator[Section]:
    unknown = sorted(document.keys() - {*_MEMBERS})
    if unknown:
        raise BadInputError(f"{name} has a member {unknown[0][:40]!r} that no bundle has; see docs/formats/gcp_iam.md.")
    scope = text_of(document.get("scope"))
    for member, kind in (("policies", POLICIES), ("roles", ROLES)):
        if document.get(member) is not None:
            listed = records_of(document[member], f"{name}, /{member},")
            yield Section(kind=kind, scope=scope, content={_CONTENT[kind]: listed}, locator=f"/{member}")
    for project, policy in _named_parts(document, "project_policies", name):
        place = f"projects/{project.removeprefix('projects/')}"
        yield Section(
            kind=POLICIES,
            scope=place,
            content={"policies": [{"policy": policy}]},
            locator=f"/project_policies/{escaped(project)}",
        )
    if document.get("groups") is not None:
        groups = {
            group: records_of(members, f"{name}, /groups/{escaped(group)},")
            for group, members in _named_parts(document, "groups", name)
        }
        yield Section(kind=GROUPS, scope=scope, content={"groups": groups}, locator="/groups")
    if document.get("service_account_keys") is not None:
        accounts = _named_parts(document, "service_account_keys", name)
        keys = [one for account, listed in accounts for one in records_of(listed, f"{name}, keys of {account},")]
        yield Section(kind=KEYS, scope=scope, content={"keys": keys}, locator="/service_account_keys")


def _named_parts(document: JSON, member: str, name: str) -> list[tuple[str, Any]]:
    value = document.get(member)
    if value is not None and not isinstance(value, dict):
        raise BadInputError(f"{name}, /{member}, is no object; see docs/formats/gcp_iam.md.")
    return [(key, part) for key, part in object_of(value).items() if part is not None]


class GcpIam:
    """The parser. Stateless: one instance serves all."""

    name = "gcp_iam"
    label = "Google Cloud IAM policies, roles, groups and keys (gcloud, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark or by members that only IAM's own documents have, unless it is a log."""
        if _BUNDLE.search(head):
            return CERTAIN
        if _LOG.search(head) or b'"assay_bundle"' in head:
            return NO
        bound = _BINDING.search(head) and b'"members"' in head
        placed = b'"policy"' in head or b'"iamBinding"' in head or _BARE_POLICY.search(head)
        role = _ROLE.search(head) and b'"includedPermissions"' in head
        return CERTAIN if (bound and placed) or role or (_KEY.search(head) and b'"keyType"' in head) else NO

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
        scope = {
            "documents": [one.kind for one in sections],
            "scopes": sorted({one.scope for one in sections} - {""}),
            "bindings": sum(_bindings(one) for one in sections),
        }
        return report_drafts(drafts, producer=self.name, file_name=name, scope=scope)


def _bindings(section: Section) -> int:
    rows = list_of(section.content.get("policies"))
    return sum(len(list_of(object_of(row.get("policy")).get("bindings"))) for row in rows)


PARSER = GcpIam()
