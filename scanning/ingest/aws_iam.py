"""Who may do what on AWS: account authorization details, control policies, Identity Center, and long-lived credentials.

Read are one bundle of `aws` outputs (docs/formats/aws_iam.md has the script), and authorization details by themselves. Policy
documents are decoded here, URL-encoded or not. Nothing is judged: scanning.entitlement.aws does that.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import unquote

from compliance.types.drafts import JSON, Reject
from compliance.types.entitlements import EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, stated_time
from scanning.ingest.records import escaped, list_of, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

PLATFORM = "aws"
_AGAIN = "export it again with `--output json`"
_HELP = "see docs/formats/aws_iam.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"aws"')
_DETAILS = re.compile(rb'"(?:User|Group|Role)DetailList"\s*:\s*\[')
_LOG = re.compile(rb'"(?:eventSource|eventName|CloudTrailEvent)"')
_ACCOUNT = re.compile(r"arn:[^:]+:iam::(\d{12}):")
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
# Where policy documents stand in authorization details: list, list of policies within, member.
_DOCUMENTS = (
    ("UserDetailList", "UserPolicyList", "PolicyDocument"),
    ("GroupDetailList", "GroupPolicyList", "PolicyDocument"),
    ("RoleDetailList", "RolePolicyList", "PolicyDocument"),
    ("Policies", "PolicyVersionList", "Document"),
)
# Member of the bundle -> kind of document, member of its content, and the member that the command's output holds the list in.
_LISTED = {
    "service_specific_credentials": (
        "aws-service-specific-credentials",
        "credentials",
        "ServiceSpecificCredentials",
    ),
    "service_control_policies": ("aws-service-control-policies", "policies", ""),
    "resource_control_policies": ("aws-resource-control-policies", "policies", ""),
}
_ORGANIZATION = {"organization": "Organization", "roots": "Roots", "accounts": "Accounts", "parents": "Parents"}
_CENTER = {
    "instances": "Instances",
    "permission_sets": "PermissionSet",
    "assignments": "AccountAssignments",
    "users": "Users",
    "groups": "Groups",
    "memberships": "GroupMemberships",
}
_OF_USERS = ("UserId", "UserName")
_MEMBERS = {
    "assay_bundle",
    "taken_at",
    "account",
    "authorization_details",
    "credential_report",
    "identity_center",
    *_LISTED,
    *_ORGANIZATION,
}


@dataclass(slots=True)
class _Reading:
    """One file: its name, and the policy documents that could not be read."""

    name: str
    rejects: list[Reject] = field(default_factory=list)

    def policy(self, holder: JSON, member: str, place: str) -> None:
        """Put the decoded policy in the place of its text; what is no policy is rejected with its place and left as it is."""
        value = holder.get(member)
        if isinstance(value, dict) or value is None:
            return
        found = _policy(value) if isinstance(value, str) else None
        if found is None:
            reason = f"{self.name}, {place}/{member}: this is no policy document in JSON; {_AGAIN}."
            self.rejects.append(Reject(locator=f"{place}/{member}", reason=reason))
        else:
            holder[member] = found

    def details(self, value: Any, place: str) -> JSON:
        """Authorization details, their pages joined, with every policy document decoded."""
        joined: JSON = {name: [] for name in _LISTS}
        for page in self._pages(value, place):
            for name in _LISTS:
                joined[name] += self.objects([] if page.get(name) is None else page[name], f"{place}/{name}")
        for index, role in enumerate(joined["RoleDetailList"]):
            self.policy(role, "AssumeRolePolicyDocument", f"{place}/RoleDetailList/{index}")
        for name, within, member in _DOCUMENTS:
            for index, one in enumerate(joined[name]):
                for inner, policy in enumerate(list_of(one.get(within))):
                    if isinstance(policy, dict):
                        self.policy(policy, member, f"{place}/{name}/{index}/{within}/{inner}")
        return joined

    def _pages(self, value: Any, place: str) -> list[JSON]:
        pages = value if isinstance(value, list) else [value]
        if not pages or not all(isinstance(page, dict) and any(name in page for name in _LISTS) for page in pages):
            raise BadInputError(f"{self.name}{place and f', {place},'} is no account authorization details; {_AGAIN}.")
        last = pages[-1]
        if last.get("IsTruncated") is True or last.get("NextToken"):
            raise BadInputError(
                f"{self.name} ends with a page that more pages follow (IsTruncated or NextToken); "
                "leave out --max-items, or put all pages into one list."
            )
        return pages

    def objects(self, value: Any, place: str) -> list[JSON]:
        """The objects of a list. Raises BadInputError for anything else."""
        wrong = None if isinstance(value, list) else place
        if wrong is None:
            wrong = next((f"{place}/{index}" for index, one in enumerate(value) if not isinstance(one, dict)), None)
        if wrong is not None:
            raise BadInputError(f"{self.name}, {wrong}, is not what the command writes; {_HELP}.")
        return list(value)

    def listed(self, value: Any, member: str, place: str) -> list[JSON]:
        """The list that a command's output, or each of several outputs, holds in `member`; a bare list is taken as it is."""
        outputs = value if isinstance(value, list) else [value]
        found: list[JSON] = []
        for index, one in enumerate(self.objects(outputs, place)):
            if one.get("NextToken"):
                raise BadInputError(f"{self.name}, {place}, is one page of several (NextToken); leave out --max-items.")
            inner = one.get(member, one)
            found += self.objects(inner if isinstance(inner, list) else [inner], f"{place}/{index}/{member}")
        return found

    def named(self, value: Any, member: str, place: str) -> dict[str, list[JSON]]:
        """An object of outputs, such as account id -> `list-parents`."""
        if not isinstance(value, dict):
            raise BadInputError(f"{self.name}, {place}, is no object of id and output; {_HELP}.")
        return {
            key: self.listed(one, member, f"{place}/{escaped(key)}") for key, one in value.items() if one is not None
        }

    def control_policies(self, value: Any, place: str) -> list[JSON]:
        """`describe-policy` with the targets of `list-targets-for-policy`, the content decoded."""
        found = []
        for index, one in enumerate(self.objects(value, place)):
            here = f"{place}/{index}"
            policy = dict(object_of(object_of(one.get("policy")).get("Policy")))
            if not policy:
                raise BadInputError(f"{self.name}, {here}, holds no output of describe-policy; {_HELP}.")
            self.policy(policy, "Content", f"{here}/policy/Policy")
            targets = self.listed(one.get("targets") or [], "Targets", f"{here}/targets")
            found.append({"Policy": policy, "Targets": targets})
        return found

    def credential_report(self, value: Any, place: str) -> list[JSON]:
        """The rows of `get-credential-report`, whose content is CSV in base64."""
        told = object_of(value).get("Content")
        try:
            content = base64.b64decode(told if isinstance(told, str) else "", validate=True).decode()
            rows = list(csv.DictReader(io.StringIO(content)))
        except (ValueError, csv.Error):  # no base64, no UTF-8, or no CSV
            rows = []
        if not rows or not {"user", "arn", "password_enabled"} <= set(rows[0]):
            raise BadInputError(f"{self.name}, {place}, is no credential report (CSV in base64); {_HELP}.")
        return [{str(name): cell for name, cell in row.items() if isinstance(cell, str)} for row in rows]


def _policy(text: str) -> JSON | None:
    for attempt in (text, unquote(text)):
        try:
            found = json.loads(attempt)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _account_of(details: JSON) -> str:
    """The one account that all users, groups and roles belong to, "" where there are several or none."""
    arns = (text_of(one.get("Arn")) for name in _LISTS[:3] for one in details[name])
    found = {match[1] for arn in arns if (match := _ACCOUNT.match(arn))}
    return found.pop() if len(found) == 1 else ""


def _bundle(reading: _Reading, document: JSON) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{reading.name} has a member {unknown[0][:40]!r} that no bundle has; {_HELP}.")
    account = text_of(document.get("account"))
    if document.get("authorization_details") is not None:
        details = reading.details(document["authorization_details"], "/authorization_details")
        account = account or _account_of(details)
        yield Section(
            kind="aws-account-authorization", scope=account, content=details, locator="/authorization_details"
        )
    if document.get("credential_report") is not None:
        users = reading.credential_report(document["credential_report"], "/credential_report")
        yield Section(
            kind="aws-credential-report", scope=account, content={"users": users}, locator="/credential_report"
        )
    organization = _organization(reading, document)
    scope = text_of(object_of(object_of(organization).get("organization")).get("Id"))
    if organization:
        yield Section(kind="aws-organization", scope=scope, content=organization, locator="/organization")
    for section, (kind, member, inner) in _LISTED.items():
        if document.get(section) is not None:
            place = f"/{section}"
            found = reading.listed(document[section], inner, place) if inner else reading.control_policies(
                document[section], place
            )  # fmt: skip
            yield Section(kind=kind, scope=account if inner else scope, content={member: found}, locator=place)
    if document.get("identity_center") is not None:
        yield _center(reading, document["identity_center"])


def _organization(reading: _Reading, document: JSON) -> JSON:
    content: JSON = {}
    for section, member in _ORGANIZATION.items():
        value = document.get(section)
        if value is None:
            continue
        if section == "organization":
            content[section] = object_of(object_of(value).get(member, value))
        elif section == "parents":
            content[section] = reading.named(value, member, f"/{section}")
        else:
            content[section] = reading.listed(value, member, f"/{section}")
    return content


def _center(reading: _Reading, value: Any) -> Section:
    place = "/identity_center"
    unknown = sorted(object_of(value).keys() - _CENTER.keys())
    if not isinstance(value, dict) or unknown:
        what = f"has a member {unknown[0][:40]!r} that it cannot have" if unknown else "is no object"
        raise BadInputError(f"{reading.name}, {place}, {what}; {_HELP}.")
    content: JSON = {}
    for section, member in _CENTER.items():
        if value.get(section) is not None:
            read = reading.named if section == "memberships" else reading.listed
            content[section] = read(value[section], member, f"{place}/{section}")
    if "users" in content:
        # Names, addresses and telephone numbers of people bear on nothing here.
        content["users"] = [{name: one[name] for name in _OF_USERS if name in one} for one in content["users"]]
    instances = content.get("instances") or [{}]
    return Section(
        kind="aws-identity-center", scope=text_of(instances[0].get("InstanceArn")), content=content, locator=place
    )


class AwsIam:
    """The parser. Stateless: one instance serves all."""

    name = "aws_iam"
    label = "AWS users, roles, policies, control policies and Identity Center (aws, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark or by the lists of authorization details, unless it is a log."""
        if _BUNDLE.search(head):
            return CERTAIN
        known = _DETAILS.search(head) and not _LOG.search(head)
        return CERTAIN if known and b'"assay_bundle"' not in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An entitlement document for each section, and a reject for each policy that is none. See scanning.ingest.base."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        reading = _Reading(context.file_name)
        name = context.file_name
        value = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        bundle = isinstance(value, dict) and value.get("assay_bundle") == PLATFORM
        taken_at = stated_time(value, name) if bundle else None
        sections = list(_bundle(reading, value) if bundle else _alone(reading, value))
        if not sections:
            raise BadInputError(f"{name} holds no section of a bundle; {_HELP}.")
        drafts: Iterator[Draft] = document_drafts(
            sections, make=EntitlementDraft, platform=PLATFORM, taken_at=taken_at, file_name=name
        )
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts((*reading.rejects, *drafts), producer=self.name, file_name=name, scope=scope)


def _alone(reading: _Reading, value: Any) -> Iterator[Section]:
    details = reading.details(value, "")
    yield Section(kind="aws-account-authorization", scope=_account_of(details), content=details, locator="document")


PARSER = AwsIam()
