"""IAM Identity Center: which users and groups come to an account by which permission set, and so as which role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import PrincipalDraft
from compliance.types.entitlements import EntitlementDocument, NotAssessed, PathStep
from scanning.entitlement.aws_accounts import Account, Identity
from scanning.entitlement.aws_trust import Hop
from scanning.entitlement.parts import escaped, object_of, objects_of, of_kind, step, text_of

CENTER = "aws-identity-center"
_RESERVED = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")


def permission_set_of(role: Identity) -> str:
    """The permission set that Identity Center made a role for, "" if it did not make it."""
    found = _RESERVED.fullmatch(role.name) if "/aws-reserved/sso.amazonaws.com/" in role.arn else None
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One person or group who acts as a role by signing in."""

    principal: PrincipalDraft
    hop: Hop


@dataclass(slots=True)
class IdentityCenter:
    """Assignments as documents list them. gaps: what they leave open, found while reading."""

    documents: list[EntitlementDocument] = field(default_factory=list)
    gaps: set[NotAssessed] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument]) -> IdentityCenter:
        """From documents of Identity Center."""
        return cls(of_kind(documents, CENTER))

    def arrivals(self, accounts: dict[str, Account]) -> Iterator[Arrival]:
        """Who comes to an account on record, as which role. The role's own policies say what that gives."""
        roles = {
            (account.number, name): role
            for account in accounts.values()
            for role in account.roles
            if (name := permission_set_of(role))
        }
        for document in self.documents:
            names = _permission_sets(document)
            for index, one in objects_of(document.content.get("assignments")):
                number, arn = text_of(one.get("AccountId")), text_of(one.get("PermissionSetArn"))
                name = names.get(arn, arn)
                role = roles.get((number, name))
                if role is None:
                    self._unplaced(number, name, known=number in accounts)
                    continue
                assigned = step("assignment", f"{name} in {number}", CENTER, f"/assignments/{index}")
                for person, groups in self._people(document, one):
                    path = (*groups, assigned, step("permission set", name, CENTER, ""))
                    yield Arrival(_session(person, role), Hop(role, path, ()))

    def _unplaced(self, number: str, name: str, *, known: bool) -> None:
        effect = f"What the permission set {name} gives those assigned to it is not seen: " + (
            "no role that it made stands in the account's authorization details."
            if known
            else "the authorization details of the account are not on record."
        )
        self.gaps.add(NotAssessed(document="aws-account-authorization", scope=number, effect=effect))

    def _people(
        self, document: EntitlementDocument, assignment: dict[str, object]
    ) -> Iterator[tuple[PrincipalDraft, tuple[PathStep, ...]]]:
        """(person or group, groups on the way) of an assignment."""
        users = {text_of(one.get("UserId")): one for _, one in objects_of(document.content.get("users"))}
        identifier = text_of(assignment.get("PrincipalId"))
        if assignment.get("PrincipalType") != "GROUP":
            yield self._user(users, identifier), ()
            return
        groups = {
            text_of(one.get("GroupId")): text_of(one.get("DisplayName"))
            for _, one in objects_of(document.content.get("groups"))
        }
        name = groups.get(identifier) or identifier
        members = object_of(document.content.get("memberships")).get(identifier)
        if not isinstance(members, list):
            effect = f"Who is in the group {name} is not known; the group stands for them."
            self.gaps.add(NotAssessed(document=f"{CENTER}: memberships", scope="", effect=effect))
            yield PrincipalDraft(identifier=f"identity-center-group:{identifier}", display=name, kind="Group"), ()
            return
        for index, one in objects_of(members):
            place = f"/memberships/{escaped(identifier)}/{index}"
            user = text_of(object_of(one.get("MemberId")).get("UserId"))
            if user:
                yield self._user(users, user), (step("group", name, CENTER, place),)

    def _user(self, users: dict[str, dict[str, object]], identifier: str) -> PrincipalDraft:
        name = text_of(users.get(identifier, {}).get("UserName"))
        if not name:
            effect = (
                f"The name of user {identifier} is not known, so what it did in the job log is not seen as its own."
            )
            self.gaps.add(NotAssessed(document=f"{CENTER}: users", scope="", effect=effect))
        return PrincipalDraft(identifier=identifier, display=name or identifier, kind="IdentityCenterUser")


def _permission_sets(document: EntitlementDocument) -> dict[str, str]:
    found = {}
    for _, one in objects_of(document.content.get("permission_sets")):
        found[text_of(one.get("PermissionSetArn"))] = text_of(one.get("Name"))
    return found


def _session(person: PrincipalDraft, role: Identity) -> PrincipalDraft:
    """A user as CloudTrail names the session in which the user acts as the role: so the job log can be held against it."""
    if person.kind != "IdentityCenterUser" or person.display == person.identifier:
        return person
    arn = f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/{person.display}"
    return PrincipalDraft(identifier=arn, display=person.display, kind=person.kind)
