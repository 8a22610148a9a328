"""AWS permissions by which an identity could give itself, or take from another, the right to submit.

The list follows the escalation paths that Rhino Security Labs published (2018), as far as they go by IAM and Identity Center
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanning.entitlement.aws_accounts import Identity

# Permission -> what it would have to be for.
ESCALATIONS: Mapping[str, str] = {
    # A policy for itself, its groups, or a role that it acts as.
    "iam:PutUserPolicy": "self",
    "iam:AttachUserPolicy": "self",
    "iam:PutGroupPolicy": "own groups",
    "iam:AttachGroupPolicy": "own groups",
    "iam:PutRolePolicy": "own roles",
    "iam:AttachRolePolicy": "own roles",
    # Another text for a policy that it has.
    "iam:CreatePolicyVersion": "own policies",
    "iam:SetDefaultPolicyVersion": "own policies",
    # The place of one who may submit.
    "iam:AddUserToGroup": "stronger groups",
    "iam:UpdateAssumeRolePolicy": "stronger roles",
    "iam:CreateAccessKey": "stronger users",
    "iam:CreateLoginProfile": "stronger users",
    "iam:UpdateLoginProfile": "stronger users",
    "iam:CreateServiceSpecificCredential": "stronger users",
    "iam:ResetServiceSpecificCredential": "stronger users",
    # A permission set, or what one gives.
    "sso:CreateAccountAssignment": "identity center",
    "sso:PutInlinePolicyToPermissionSet": "identity center",
    "sso:AttachManagedPolicyToPermissionSet": "identity center",
    "sso:AttachCustomerManagedPolicyReferenceToPermissionSet": "identity center",
    "identitystore:CreateGroupMembership": "identity center",
}
TOLD = "could give itself the right to submit, or take the place of one who has it"


@dataclass(frozen=True, slots=True)
class Stronger:
    """Of one account, the ARNs of users, groups and roles that may submit by themselves."""

    users: frozenset[str]
    groups: frozenset[str]
    roles: frozenset[str]


def targets(kind: str, identity: Identity, acts_as: Sequence[Identity], stronger: Stronger) -> list[str]:
    """ARNs, or patterns of them, that a permission of this kind would have to be for. acts_as: those of the identity and the
    roles it gets to that would be let submit by what limits them, if a policy gave it."""
    is_user = not identity.is_role and identity in acts_as
    if kind == "self":
        return [identity.arn] if is_user else []
    if kind == "own groups":
        return list(identity.groups) if is_user else []
    if kind == "own roles":
        return [one.arn for one in acts_as if one.is_role]
    if kind == "own policies":
        # Policies of AWS itself cannot be rewritten.
        return sorted({arn for one in acts_as for arn in one.policies if ":iam::aws:" not in arn})
    if kind == "stronger users":
        return sorted(stronger.users - {identity.arn})
    if kind == "stronger groups":
        return sorted(stronger.groups - {*identity.groups}) if is_user else []
    if kind == "stronger roles":
        return sorted(stronger.roles - {one.arn for one in (identity, *acts_as)})
    return ["*"]
