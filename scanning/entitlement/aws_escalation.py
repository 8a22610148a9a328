"""AWS permissions by which an identity could give itself, or take from another, the right to submit.

The list follows the escalation paths that Rhino Security Labs published (2018), as far as they go by IAM and Identity Center
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanning.entitlement.aws_accounts import Identity

# Permission -> (what it is done to, what comes of it).
ESCALATIONS: Mapping[str, tuple[str, str]] = {
    "iam:PutUserPolicy": ("self", "could give itself a policy"),
    "iam:AttachUserPolicy": ("self", "could give itself a policy"),
    "iam:PutGroupPolicy": ("own groups", "could give its group a policy"),
    "iam:AttachGroupPolicy": ("own groups", "could give its group a policy"),
    "iam:AddUserToGroup": ("stronger groups", "could join a group that may submit"),
    "iam:PutRolePolicy": ("own roles", "could give a role that it acts as a policy"),
    "iam:AttachRolePolicy": ("own roles", "could give a role that it acts as a policy"),
    "iam:UpdateAssumeRolePolicy": ("stronger roles", "could let itself act as a role that may submit"),
    "iam:CreatePolicyVersion": ("own policies", "could rewrite a policy that it has"),
    "iam:SetDefaultPolicyVersion": ("own policies", "could go back to another version of a policy that it has"),
    "iam:CreateAccessKey": ("stronger users", "could make itself a key of a user who may submit"),
    "iam:CreateLoginProfile": ("stronger users", "could set a password of a user who may submit"),
    "iam:UpdateLoginProfile": ("stronger users", "could set a password of a user who may submit"),
    "iam:CreateServiceSpecificCredential": (
        "stronger users",
        "could make itself a Bedrock key of a user who may submit",
    ),
    "iam:ResetServiceSpecificCredential": (
        "stronger users",
        "could make itself a Bedrock key of a user who may submit",
    ),
    "sso:CreateAccountAssignment": ("identity center", "could assign itself a permission set"),
    "sso:PutInlinePolicyToPermissionSet": ("identity center", "could widen a permission set"),
    "sso:AttachManagedPolicyToPermissionSet": ("identity center", "could widen a permission set"),
    "sso:AttachCustomerManagedPolicyReferenceToPermissionSet": ("identity center", "could widen a permission set"),
    "identitystore:CreateGroupMembership": ("identity center", "could join a group that has a permission set"),
}


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
