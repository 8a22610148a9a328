"""Who can submit fine-tune jobs on Azure: role assignments and roles, groups, PIM, denials, and keys that can be listed.

An assignment at a scope counts for all below it. What is open to whom only through a management group's place in the tenant
is shown at the management group itself. Conditions are shown and not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.entitlements import (
    Entitled,
    EntitlementAnswer,
    EntitlementDocument,
    NotAssessed,
    PathStep,
    Reach,
)
from scanning.entitlement.azure_people import (
    DENIALS,
    GROUPS,
    Denial,
    Denied,
    Directory,
    Person,
    covers,
    denials_of,
)
from scanning.entitlement.azure_roles import (
    ACCOUNT_KEYS,
    ACTIONS,
    CHANGES,
    FINE_TUNE,
    KEYS,
    Permission,
    Role,
    identifier_of,
    member,
    roles_of,
)
from scanning.entitlement.parts import named, object_of, objects_of, of_kind, settled, step, text_of

PLATFORM = "azure"
ASSIGNMENTS, DEFINITIONS = "azure-role-assignments", "azure-role-definitions"
ELIGIBLE, ACTIVE = "azure-pim-eligible", "azure-pim-active"
ACCOUNTS = "azure-cognitive-accounts"
LIMITS = (
    "Conditions are shown and not evaluated.",
    "Which subscriptions a management group holds is not read: a grant or a denial on one is shown there.",
    "A key of an Azure Machine Learning workspace opens its storage and its registry, where code and data of jobs lie.",
    "Not followed: commands on a machine that has an identity, and credentials that an application's owner adds to it.",
    "Keys that people were handed, or that are kept in a vault, are not traced to persons.",
)
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_MISSING = {
    ASSIGNMENTS: "People who may submit by a role that they hold now are not seen.",
    ELIGIBLE: "People who may submit after activating a role in PIM are not seen.",
    ACTIVE: "That a role is held by an activation in PIM, and until when, is not seen.",
    DENIALS: "A denial that takes a shown grant away is not seen.",
    ACCOUNTS: "Whether an account refuses keys (disableLocalAuth) is not seen.",
}
_NEVER = {
    "PIM for Groups": "People who may submit after activating membership of a group are not seen.",
    "Entra directory roles": "Global Administrators, who may give themselves any role, are not seen.",
}


@dataclass(frozen=True, slots=True)
class _Assignment:
    principal: PrincipalDraft
    role_id: str
    role_name: str
    scope: str
    condition: str
    steps: tuple[PathStep, ...]
    later: bool


class _Reading:
    def __init__(self, documents: Sequence[EntitlementDocument]) -> None:
        self.roles = roles_of(documents)
        self.directory = Directory.of(documents)
        self.denials = denials_of(documents)
        self.accounts = _Accounts(documents)
        self.assignments = list(_assignments(documents))
        self.people: set[str] = set()
        self.unknown_roles: set[str] = set()
        self.unsure: set[tuple[str, str]] = set()

    def entitled(self) -> Iterator[Entitled]:
        for assignment in self.assignments:
            people = list(self.directory.people(assignment.principal))
            self.people.update(person.principal.identifier for person in people)
            role = self.roles.get(assignment.role_id)
            if role is None:
                self.unknown_roles.add(assignment.role_name or assignment.role_id)
                continue
            self.unsure.update((role.name, action) for action in role.unsure)
            for action in ACTIONS:
                for permission in role.gives(action):
                    for person in people:
                        yield from self._grants(assignment, role, permission, person, action)

    def _grants(
        self, assignment: _Assignment, role: Role, permission: Permission, person: Person, action: str
    ) -> Iterator[Entitled]:
        conditions = [text for text in (assignment.condition, permission.condition) if text]
        for denial in self.denials:
            effect = denial.effect(person.principal, action, assignment.scope, self.directory)
            if effect is Denied.WHOLLY:
                return
            if effect is Denied.PARTLY:
                conditions.append(_denied(denial))
        definition = step("role", role.name, DEFINITIONS if role.locator else "built-in role", role.locator)
        path = (*person.path, *assignment.steps, definition)
        key = step("shared key", action, ACCOUNTS, "")
        for resource in self._resources(action, assignment.scope):
            yield Entitled(
                principal=person.principal,
                platform=PLATFORM,
                scope=_subscription(assignment.scope),
                action=action,
                reach=_reach(action, assignment.later),
                path=(*path, key) if action in KEYS else path,
                resources=(resource,),
                conditions=tuple(conditions),
            )

    def _resources(self, action: str, scope: str) -> tuple[str, ...]:
        return self.accounts.with_keys(scope) if action == ACCOUNT_KEYS else (scope,)


class _Accounts:
    """Which Azure OpenAI and Foundry accounts take keys, and where that is said. covered: subscriptions whose accounts a
    document lists all, as it says itself by `complete`."""

    def __init__(self, documents: Sequence[EntitlementDocument]) -> None:
        self.taking_keys: dict[str, bool] = {}
        self.places: dict[str, str] = {}
        self.covered: set[str] = set()
        self.open_scopes: set[str] = set()
        for document in of_kind(documents, ACCOUNTS):
            if document.content.get("complete") is True:
                self.covered.add(document.scope.lower())
            for index, one in objects_of(document.content.get("accounts")):
                if identifier := text_of(one.get("id")):
                    refuses = object_of(one.get("properties")).get("disableLocalAuth") is True
                    self.taking_keys[identifier] = self.taking_keys.get(identifier, False) or not refuses
                    self.places.setdefault(identifier, f"/accounts/{index}")

    def holders(self) -> Iterator[Entitled]:
        """Whoever holds a key of an account that takes keys: one entry for each account."""
        for identifier, takes in self.taking_keys.items():
            if takes:
                name = identifier.rpartition("/")[2]
                yield Entitled(
                    principal=PrincipalDraft(
                        identifier=identifier.lower(), display=f"whoever holds a key of {name}", kind="SharedKey"
                    ),
                    platform=PLATFORM,
                    scope=_subscription(identifier),
                    action=FINE_TUNE,
                    reach=Reach.SHARED_KEY,
                    path=(step("shared key", f"key of {name}", ACCOUNTS, self.places[identifier]),),
                    resources=(identifier,),
                )

    def with_keys(self, scope: str) -> tuple[str, ...]:
        """The accounts at or below a scope that take keys, and the scope itself where there may be others."""
        listed = [one for one in self.taking_keys if covers(scope, one)]
        found = [one for one in listed if self.taking_keys[one]]
        exact = any(one.lower() == scope.lower().rstrip("/") for one in listed)
        if exact or _subscription(scope).lower() in self.covered:
            return tuple(found)
        self.open_scopes.add(scope)
        return (*found, scope)


def _reach(action: str, later: bool) -> Reach:
    if action in KEYS:
        return Reach.SHARED_KEY
    return Reach.AFTER_STEP if later or action in CHANGES else Reach.NOW


def _denied(denial: Denial) -> str:
    told = f"deny assignment {denial.name} at {denial.scope}"
    return f"{told} if {denial.condition}" if denial.condition else f"{told} may take it away in part"


def _subscription(scope: str) -> str:
    found = _SUBSCRIPTION.match(scope)
    return found.group(1) if found else scope


def _assignments(documents: Sequence[EntitlementDocument]) -> Iterator[_Assignment]:
    for kind, name in ((ASSIGNMENTS, "assignments"), (ACTIVE, "active"), (ELIGIBLE, "eligible")):
        for document in of_kind(documents, kind):
            for index, one in objects_of(document.content.get(name)):
                if text_of(member(one, "principalId")) and text_of(member(one, "scope")):
                    yield _assignment(one, kind, f"/{name}/{index}")


def _assignment(one: JSON, kind: str, locator: str) -> _Assignment:
    expanded = object_of(member(one, "expandedProperties"))
    person, its_role = object_of(expanded.get("principal")), object_of(expanded.get("roleDefinition"))
    identifier = text_of(member(one, "principalId")).lower()
    role_id = identifier_of(text_of(member(one, "roleDefinitionId")))
    display = (
        text_of(member(one, "principalName")) or text_of(person.get("email")) or text_of(person.get("displayName"))
    )
    scope = text_of(member(one, "scope"))
    role_name = text_of(member(one, "roleDefinitionName")) or text_of(its_role.get("displayName")) or role_id
    steps: tuple[PathStep, ...] = (step("assignment", f"{role_name} at {scope}", kind, locator),)
    if kind == ELIGIBLE:
        steps = (step("activation", f"{role_name} in PIM", kind, locator), *steps)
    return _Assignment(
        principal=PrincipalDraft(
            identifier=identifier, display=display or identifier, kind=text_of(member(one, "principalType"))
        ),
        role_id=role_id,
        role_name=role_name,
        scope=scope,
        condition=text_of(member(one, "condition")),
        steps=steps,
        later=kind == ELIGIBLE,
    )


def _gaps(documents: Sequence[EntitlementDocument], reading: _Reading) -> Iterator[NotAssessed]:
    present = {document.kind for document in documents}
    for document, effect in _MISSING.items():
        if document not in present:
            yield NotAssessed(document=document, scope="", effect=effect)
    for document, effect in _NEVER.items():
        yield NotAssessed(document=document, scope="", effect=effect)
    if reading.unknown_roles:
        effect = f"What these roles permit is not known: {named(reading.unknown_roles)}."
        yield NotAssessed(document=DEFINITIONS, scope="", effect=effect)
    for role, action in sorted(reading.unsure):
        yield NotAssessed(document=DEFINITIONS, scope="", effect=f"Whether {role} permits {action} is not known.")
    for identifier, display in reading.directory.unknown.items():
        effect = f"Who is a member of the group {display} is not known; the group stands for them."
        yield NotAssessed(document=GROUPS, scope=identifier, effect=effect)
    if ACCOUNTS in present:
        for scope in reading.accounts.open_scopes:
            effect = "Whether accounts here that are not listed refuse keys (disableLocalAuth) is not seen."
            yield NotAssessed(document=ACCOUNTS, scope=scope, effect=effect)
    yield from _denied_groups(reading)


def _denied_groups(reading: _Reading) -> Iterator[NotAssessed]:
    for denial in reading.denials:
        for group in denial.groups - reading.directory.members.keys():
            effect = f"Whom the deny assignment {denial.name} names or spares through a group is not known."
            yield NotAssessed(document=GROUPS, scope=group, effect=effect)


def evaluate(documents: Sequence[EntitlementDocument]) -> EntitlementAnswer:
    """Who can submit now, after a step, and by a shared key, as these documents say; the rest is named as not assessed."""
    reading = _Reading(documents)
    found = [*reading.entitled(), *reading.accounts.holders()]
    return settled(
        found,
        _gaps(documents, reading),
        principals=len(reading.people),
        limits=LIMITS,
    )
