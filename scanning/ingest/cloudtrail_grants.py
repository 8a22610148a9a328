"""Which AWS operations change who may do what: IAM, Identity Center and Organizations, as CloudTrail records them.

The job's name is whom or what the change is about; what was given or taken are its inputs. Which rights a policy gives is not
in the record of its being attached, so every such change is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compliance.types.states import ActionClass
from scanning.ingest.cloudtrail_operations import Operation


def _grant(names: str, *inputs: tuple[str, str]) -> Operation:
    """names: members of the request that may name whom it is about, separated by blanks, most telling first."""
    return Operation(
        action_class=ActionClass.GRANT,
        names=tuple(names.split()),
        inputs=inputs,
        execution_roles=(),
        expected=("inputs",) if inputs else (),
    )


def _policies() -> Iterator[tuple[str, Operation]]:
    """Policies and boundaries of users, groups and roles."""
    for kind in ("User", "Group", "Role"):
        who = f"{kind.lower()}Name"
        yield f"iam:Attach{kind}Policy", _grant(who, ("granted_policy", "policyArn"))
        yield f"iam:Detach{kind}Policy", _grant(who, ("removed_policy", "policyArn"))
        yield f"iam:Put{kind}Policy", _grant(who, ("granted_policy", "policyName"))
        yield f"iam:Delete{kind}Policy", _grant(who, ("removed_policy", "policyName"))
        if kind != "Group":
            yield f"iam:Put{kind}PermissionsBoundary", _grant(who, ("boundary", "permissionsBoundary"))
            yield f"iam:Delete{kind}PermissionsBoundary", _grant(who)


_IAM = {
    **dict(_policies()),
    "iam:CreatePolicyVersion": _grant("policyArn"),
    "iam:SetDefaultPolicyVersion": _grant("policyArn", ("version", "versionId")),
    "iam:CreateRole": _grant("roleName"),
    "iam:DeleteRole": _grant("roleName"),
    "iam:DeleteUser": _grant("userName"),
    "iam:UpdateAssumeRolePolicy": _grant("roleName"),
    "iam:AddUserToGroup": _grant("userName", ("granted_group", "groupName")),
    "iam:RemoveUserFromGroup": _grant("userName", ("removed_group", "groupName")),
    "iam:CreateAccessKey": _grant("userName"),
    "iam:UpdateAccessKey": _grant("userName", ("status", "status")),
    "iam:DeleteAccessKey": _grant("userName"),
    "iam:CreateLoginProfile": _grant("userName"),
    "iam:UpdateLoginProfile": _grant("userName"),
    "iam:DeleteLoginProfile": _grant("userName"),
    "iam:CreateServiceSpecificCredential": _grant("userName", ("service", "serviceName")),
    "iam:UpdateServiceSpecificCredential": _grant("userName", ("status", "status")),
    "iam:ResetServiceSpecificCredential": _grant("userName"),
    "iam:DeleteServiceSpecificCredential": _grant("userName"),
    "iam:CreateSAMLProvider": _grant("name"),
    "iam:UpdateSAMLProvider": _grant("sAMLProviderArn"),
    "iam:DeleteSAMLProvider": _grant("sAMLProviderArn"),
    "iam:CreateOpenIDConnectProvider": _grant("url"),
    "iam:AddClientIDToOpenIDConnectProvider": _grant("openIDConnectProviderArn", ("client", "clientID")),
    "iam:UpdateOpenIDConnectProviderThumbprint": _grant("openIDConnectProviderArn"),
    "iam:DeleteOpenIDConnectProvider": _grant("openIDConnectProviderArn"),
}

_SET = "permissionSetArn"
_SSO = {
    "sso:CreateAccountAssignment": _grant(
        "principalId", ("granted_permission_set", _SET), ("account", "targetId"), ("principal_type", "principalType")
    ),
    "sso:DeleteAccountAssignment": _grant(
        "principalId", ("removed_permission_set", _SET), ("account", "targetId"), ("principal_type", "principalType")
    ),
    "sso:CreatePermissionSet": _grant("name"),
    "sso:UpdatePermissionSet": _grant(_SET),
    "sso:DeletePermissionSet": _grant(_SET),
    "sso:ProvisionPermissionSet": _grant(_SET, ("account", "targetId")),
    "sso:PutInlinePolicyToPermissionSet": _grant(_SET),
    "sso:DeleteInlinePolicyFromPermissionSet": _grant(_SET),
    "sso:AttachManagedPolicyToPermissionSet": _grant(_SET, ("granted_policy", "managedPolicyArn")),
    "sso:DetachManagedPolicyFromPermissionSet": _grant(_SET, ("removed_policy", "managedPolicyArn")),
    "sso:AttachCustomerManagedPolicyReferenceToPermissionSet": _grant(
        _SET, ("granted_policy", "customerManagedPolicyReference.name")
    ),
    "sso:DetachCustomerManagedPolicyReferenceFromPermissionSet": _grant(
        _SET, ("removed_policy", "customerManagedPolicyReference.name")
    ),
    "sso:PutPermissionsBoundaryToPermissionSet": _grant(_SET),
    "sso:DeletePermissionsBoundaryFromPermissionSet": _grant(_SET),
    # The console's older operations have other names than the API.
    **{
        f"{source}:{name}": _grant("memberId.userId memberId", (word, "groupId"))
        for source in ("identitystore", "sso-directory")
        for name, word in (
            ("CreateGroupMembership", "granted_group"),
            ("AddMemberToGroup", "granted_group"),
            ("RemoveMemberFromGroup", "removed_group"),
        )
    },
    "identitystore:DeleteGroupMembership": _grant("membershipId"),
    "sso-directory:DeleteGroupMembership": _grant("membershipId"),
}

_ORGANIZATIONS = {
    "organizations:AttachPolicy": _grant("targetId", ("attached_policy", "policyId")),
    "organizations:DetachPolicy": _grant("targetId", ("detached_policy", "policyId")),
    "organizations:UpdatePolicy": _grant("policyId"),
    "organizations:DeletePolicy": _grant("policyId"),
    "organizations:EnablePolicyType": _grant("rootId", ("policy_type", "policyType")),
    "organizations:DisablePolicyType": _grant("rootId", ("policy_type", "policyType")),
    "organizations:MoveAccount": _grant("accountId", ("from", "sourceParentId"), ("to", "destinationParentId")),
    "organizations:LeaveOrganization": _grant(""),
    "organizations:RemoveAccountFromOrganization": _grant("accountId"),
}

GRANTS: Mapping[str, Operation] = {**_IAM, **_SSO, **_ORGANIZATIONS}
