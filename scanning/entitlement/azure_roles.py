"""Azure roles: what a role definition permits, and the few built-in roles that are known here without their definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDocument
from scanning.entitlement.parts import object_of, objects_of, of_kind, text_of, texts_of

JOBS_WRITE = "Microsoft.MachineLearningServices/workspaces/jobs/write"
FINE_TUNE = "Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes/write"
ACCOUNT_KEYS = "Microsoft.CognitiveServices/accounts/listKeys/action"
WORKSPACE_KEYS = "Microsoft.MachineLearningServices/workspaces/listKeys/action"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
DEFINE = "Microsoft.Authorization/roleDefinitions/write"
SUBMITS = (JOBS_WRITE, FINE_TUNE)
KEYS = (ACCOUNT_KEYS, WORKSPACE_KEYS)
CHANGES = (ASSIGN, DEFINE)
ACTIONS = (*SUBMITS, *KEYS, *CHANGES)
_DATA = frozenset({FINE_TUNE})
_KIND = "azure-role-definitions"


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of a role's `permissions`: what it gives, less what it takes away again, under its condition."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str = ""

    def gives(self, action: str) -> bool:
        """Whether the entry permits an action, or a data action if it is one."""
        data = action in _DATA
        given = self.data_actions if data else self.actions
        taken = self.not_data_actions if data else self.not_actions
        return _any_matches(given, action) and not _any_matches(taken, action)


@dataclass(frozen=True, slots=True)
class Role:
    """A role. locator: where its definition stands, "" for one that is known here; unsure: actions of which the knowledge
    here is not certain."""

    name: str
    permissions: tuple[Permission, ...]
    locator: str = ""
    unsure: tuple[str, ...] = ()

    def gives(self, action: str) -> list[Permission]:
        """The entries that permit an action."""
        return [permission for permission in self.permissions if permission.gives(action)]


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"\*+", text)]
    return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)


def _any_matches(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


# As Microsoft's list of built-in roles gives them, cut to what bears on the actions asked for here.
BUILT_IN: Mapping[str, Role] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", (Permission(("*",)),)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role(
        "Contributor",
        (Permission(("*",), ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")),),
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", (Permission(("*/read",)),)),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": Role(
        "User Access Administrator", (Permission(("*/read", "Microsoft.Authorization/*")),)
    ),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": Role(
        "Role Based Access Control Administrator", (Permission((ASSIGN, "*/read")),)
    ),
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": Role(
        "AzureML Data Scientist",
        (Permission(("Microsoft.MachineLearningServices/workspaces/*/write",)),),
        unsure=(WORKSPACE_KEYS,),
    ),
    "a001fd3d-188f-4b5d-821b-7da978bf7442": Role(
        "Cognitive Services OpenAI Contributor",
        (Permission(("Microsoft.CognitiveServices/*/read",), (), ("Microsoft.CognitiveServices/accounts/OpenAI/*",)),),
    ),
    "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68": Role(
        "Cognitive Services Contributor", (Permission(("Microsoft.CognitiveServices/*",)),)
    ),
    "a97b65f3-24c7-4388-baec-2e87135dc908": Role(
        "Cognitive Services User",
        (Permission(("Microsoft.CognitiveServices/*/read", ACCOUNT_KEYS), (), ("Microsoft.CognitiveServices/*",)),),
    ),
}


def member(record: JSON, name: str) -> object:
    """A member as `az` writes it, or as the REST API does, under `properties`."""
    return record[name] if name in record else object_of(record.get("properties")).get(name)


def identifier_of(role_definition_id: str) -> str:
    """The part of a role definition's id that names it everywhere."""
    return role_definition_id.rstrip("/").rpartition("/")[2].lower()


def permissions_of(value: object) -> tuple[Permission, ...]:
    """A list `permissions` of a role definition or of a denial."""
    return tuple(
        Permission(
            texts_of(one.get("actions")),
            texts_of(one.get("notActions")),
            texts_of(one.get("dataActions")),
            texts_of(one.get("notDataActions")),
            text_of(one.get("condition")),
        )
        for _, one in objects_of(value)
    )


def roles_of(documents: Iterable[EntitlementDocument]) -> dict[str, Role]:
    """Roles by identifier: those known here, replaced by those that the documents define."""
    roles = dict(BUILT_IN)
    for document in of_kind(documents, _KIND):
        for index, one in objects_of(document.content.get("definitions")):
            identifier = identifier_of(text_of(one.get("name")) or text_of(one.get("id")))
            permissions = member(one, "permissions")
            if identifier and isinstance(permissions, list):
                name = text_of(member(one, "roleName")) or identifier
                roles[identifier] = Role(name, permissions_of(permissions), f"/definitions/{index}")
    return roles
