"""Google Cloud roles: which of the permissions asked for a role holds. Custom roles come from documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from compliance.types.entitlements import EntitlementDocument
from scanning.entitlement.parts import objects_of, of_kind, text_of, texts_of

SUBMITS = (
    "aiplatform.customJobs.create",
    "aiplatform.tuningJobs.create",
    "aiplatform.trainingPipelines.create",
    "aiplatform.pipelineJobs.create",
)
ACT_AS = "iam.serviceAccounts.actAs"
AS_ACCOUNT = ("iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signJwt", "iam.serviceAccounts.signBlob")
MAKE_KEY = "iam.serviceAccountKeys.create"
CHANGES = (
    "resourcemanager.projects.setIamPolicy",
    "resourcemanager.folders.setIamPolicy",
    "resourcemanager.organizations.setIamPolicy",
    "iam.serviceAccounts.setIamPolicy",
)
ROLES = "gcp-roles"


@dataclass(frozen=True, slots=True)
class Role:
    """A role's permissions. locator: where its definition stands, "" for one that is known here."""

    name: str
    permissions: frozenset[str]
    locator: str = ""


# Predefined roles as Google's reference of roles gives them, cut to the permissions asked for here.
PREDEFINED: Mapping[str, tuple[str, ...]] = {
    "roles/owner": (
        *SUBMITS,
        ACT_AS,
        MAKE_KEY,
        "resourcemanager.projects.setIamPolicy",
        "iam.serviceAccounts.setIamPolicy",
    ),
    "roles/editor": (*SUBMITS, ACT_AS),
    "roles/viewer": (),
    "roles/browser": (),
    "roles/aiplatform.user": SUBMITS,
    "roles/aiplatform.admin": SUBMITS,
    "roles/aiplatform.viewer": (),
    "roles/iam.serviceAccountUser": (ACT_AS,),
    "roles/iam.serviceAccountTokenCreator": AS_ACCOUNT,
    "roles/iam.workloadIdentityUser": AS_ACCOUNT[:1],
    "roles/iam.serviceAccountKeyAdmin": (MAKE_KEY,),
    "roles/iam.serviceAccountAdmin": ("iam.serviceAccounts.setIamPolicy",),
    "roles/iam.securityAdmin": CHANGES,
    "roles/resourcemanager.projectIamAdmin": CHANGES[:1],
    "roles/resourcemanager.folderIamAdmin": CHANGES[1:2],
    "roles/resourcemanager.organizationAdmin": CHANGES[:3],
}

# (role, permission) of which the knowledge here is not certain.
UNSURE = (("roles/editor", MAKE_KEY), ("roles/owner", AS_ACCOUNT[0]))


def roles_of(documents: Iterable[EntitlementDocument]) -> dict[str, Role]:
    """Roles by name: those known here, replaced by those that the documents define. A deleted role holds nothing."""
    roles = {name: Role(name, frozenset(permissions)) for name, permissions in PREDEFINED.items()}
    for document in of_kind(documents, ROLES):
        for index, one in objects_of(document.content.get("roles")):
            name = text_of(one.get("name"))
            # `gcloud iam roles list` leaves the permissions out: such an entry defines nothing.
            if name and (isinstance(one.get("includedPermissions"), list) or one.get("deleted") is True):
                held = () if one.get("deleted") is True else texts_of(one.get("includedPermissions"))
                roles[name] = Role(name, frozenset(held), f"/roles/{index}")
    return roles
