"""AWS accounts as `aws iam get-account-authorization-details` describes them: users and roles, what grants and limits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.entitlements import EntitlementDocument, PathStep
from scanning.entitlement.aws_policies import Statement, statements_of
from scanning.entitlement.parts import object_of, objects_of, of_kind, step, text_of, texts_of

DETAILS = "aws-account-authorization"
SERVICE_LINKED = "/aws-service-role/"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, a role or the root user of an account.

    boundary: what its permissions boundary allows, None where it has none; boundary_name: of one whose text no document
    holds; groups: ARNs; policies: ARNs of managed policies that its own rights come from; trust: a role's trust policy.
    """

    principal: PrincipalDraft
    arn: str
    name: str
    account: str
    partition: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    boundary_name: str = ""
    groups: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    trust: JSON = field(default_factory=dict)
    trust_step: PathStep | None = None

    @property
    def is_role(self) -> bool:
        """Whether it is a role."""
        return self.principal.kind == "Role"

    def holds(self, action: str) -> bool:
        """Whether one of its own policies allows an action at all, on whatever, before denials and limits."""
        return any(one.allow and one.speaks_of(action) for one in self.statements)

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a role that AWS made for a service: control policies do not limit it, and nobody may assume it."""
        return self.is_role and SERVICE_LINKED in self.arn


@dataclass(slots=True)
class Account:
    """One account. unknown: names of managed policies that are attached and whose text no document holds; unreadable: places
    of policies whose text is no JSON."""

    number: str
    partition: str
    users: list[Identity] = field(default_factory=list)
    roles: list[Identity] = field(default_factory=list)
    group_statements: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)

    @property
    def root(self) -> Identity:
        """The root user, whom no policy of the account grants or limits anything."""
        arn = f"arn:{self.partition}:iam::{self.number}:root"
        everything = Statement(
            True, ("*",), False, ("*",), False, "", (step("root user", f"of account {self.number}", DETAILS, ""),)
        )
        person = PrincipalDraft(identifier=arn, display=f"root user of {self.number}", kind="Root")
        return Identity(person, arn, "root", self.number, self.partition, (everything,))


class _Details:
    """One document, read into an account."""

    def __init__(self, document: EntitlementDocument) -> None:
        self.content = document.content
        arns = [text_of(one.get("Arn")) for kind in _LISTS for _, one in objects_of(self.content.get(kind))]
        parts = next((arn.split(":") for arn in arns if arn.count(":") >= 5 and arn.split(":")[4].isdigit()), [])
        self.account = Account(parts[4] if parts else document.scope, parts[1] if parts else "aws")
        self.managed = {text_of(one.get("Arn")): found for found in objects_of(self.content.get("Policies"))
                        for one in (found[1],)}  # fmt: skip
        self.groups = {
            text_of(one.get("GroupName")): (one, f"/GroupDetailList/{index}")
            for index, one in objects_of(self.content.get("GroupDetailList"))
        }
        for group, place in self.groups.values():
            statements, _ = self._own(group, place, "GroupPolicyList")
            self.account.group_statements[text_of(group.get("Arn"))] = statements
        self.account.users = [self._user(one, f"/UserDetailList/{index}") for index, one in self._listed("User")]
        self.account.roles = [self._role(one, f"/RoleDetailList/{index}") for index, one in self._listed("Role")]

    def _listed(self, kind: str) -> Iterator[tuple[int, JSON]]:
        for index, one in objects_of(self.content.get(f"{kind}DetailList")):
            if text_of(one.get("Arn")):
                yield index, one

    def _own(self, holder: JSON, place: str, inline: str) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
        """(statements, ARNs of managed policies) of a user, a group or a role, those of its groups left aside."""
        found: list[Statement] = []
        for index, one in objects_of(holder.get(inline)):
            policy = step("policy", text_of(one.get("PolicyName")), DETAILS, f"{place}/{inline}/{index}")
            found += self._statements(one.get("PolicyDocument"), policy, "PolicyDocument")
        attached = [text_of(one.get("PolicyArn")) for _, one in objects_of(holder.get("AttachedManagedPolicies"))]
        for arn in attached:
            known = self._managed(arn)
            if known is None:
                self.account.unknown.add(arn)
            found += known or ()
        return tuple(found), tuple(attached)

    def _managed(self, arn: str) -> tuple[Statement, ...] | None:
        """The statements of a managed policy's default version, None where no document holds it."""
        if arn not in self.managed:
            return None
        index, one = self.managed[arn]
        for place, version in objects_of(one.get("PolicyVersionList")):
            if version.get("IsDefaultVersion") is True or version.get("VersionId") == one.get("DefaultVersionId"):
                policy = step("policy", text_of(one.get("PolicyName")) or arn, DETAILS, f"/Policies/{index}")
                return self._statements(version.get("Document"), policy, f"PolicyVersionList/{place}/Document")
        return None

    def _statements(self, document: object, policy: PathStep, member: str) -> tuple[Statement, ...]:
        if not isinstance(document, dict):
            self.account.unreadable.add(f"{policy.name} ({policy.locator}/{member})")
        return statements_of(document, policy, member)

    def _boundary(self, holder: JSON) -> tuple[tuple[Statement, ...] | None, str]:
        """(what a boundary allows, "") or (None, ARN) of one that no document holds; (None, "") where there is none."""
        arn = text_of(object_of(holder.get("PermissionsBoundary")).get("PermissionsBoundaryArn"))
        if not arn:
            return None, ""
        known = self._managed(arn)
        if known is None:
            self.account.unknown.add(arn)
            return None, arn
        return known, ""

    def _user(self, one: JSON, place: str) -> Identity:
        name, arn = text_of(one.get("UserName")), text_of(one["Arn"])
        statements, policies = self._own(one, place, "UserPolicyList")
        groups = [name for name in texts_of(one.get("GroupList")) if name in self.groups]
        for group in groups:
            holder, group_place = self.groups[group]
            inherited, more = self._own(holder, group_place, "GroupPolicyList")
            member = step("group", group, DETAILS, f"{place}/GroupList")
            statements += tuple(found.behind(member) for found in inherited)
            policies += more
        boundary, boundary_name = self._boundary(one)
        return Identity(
            principal=PrincipalDraft(identifier=arn, display=name or arn, kind="IAMUser"),
            arn=arn,
            name=name,
            account=self.account.number,
            partition=self.account.partition,
            statements=tuple(found.named_for(name) for found in statements),
            boundary=None if boundary is None else tuple(found.named_for(name) for found in boundary),
            boundary_name=boundary_name,
            groups=tuple(text_of(self.groups[group][0].get("Arn")) for group in groups),
            policies=policies,
        )

    def _role(self, one: JSON, place: str) -> Identity:
        name, arn = text_of(one.get("RoleName")), text_of(one["Arn"])
        statements, policies = self._own(one, place, "RolePolicyList")
        boundary, boundary_name = self._boundary(one)
        trust = one.get("AssumeRolePolicyDocument")
        if not isinstance(trust, dict):
            self.account.unreadable.add(f"trust policy of {name} ({place}/AssumeRolePolicyDocument)")
        return Identity(
            principal=PrincipalDraft(identifier=arn, display=name or arn, kind="Role"),
            arn=arn,
            name=name,
            account=self.account.number,
            partition=self.account.partition,
            statements=tuple(found.named_for("") for found in statements),
            boundary=None if boundary is None else tuple(found.named_for("") for found in boundary),
            boundary_name=boundary_name,
            policies=policies,
            trust=object_of(trust),
            trust_step=step("trust", name, DETAILS, f"{place}/AssumeRolePolicyDocument"),
        )


_LISTS = ("UserDetailList", "RoleDetailList", "GroupDetailList")


def accounts_of(documents: Iterable[EntitlementDocument]) -> dict[str, Account]:
    """Accounts by number. Where two documents speak of one account, the one taken last counts."""
    found = {}
    for document in sorted(
        of_kind(documents, DETAILS), key=lambda one: one.taken_at.timestamp() if one.taken_at else 0
    ):
        account = _Details(document).account
        found[account.number] = account
    return found
