"""Who can submit training and tuning jobs on Google Cloud, as allow policies say: bindings, roles, groups, service accounts.

A binding counts for its resource and all below it. Conditions are shown and not evaluated. Deny policies are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compliance.types.drafts import PrincipalDraft
from compliance.types.entitlements import (
    Entitled,
    EntitlementAnswer,
    EntitlementDocument,
    NotAssessed,
    PathStep,
    Reach,
)
from scanning.entitlement.gcp_people import GROUPS, Members, subject
from scanning.entitlement.gcp_places import Places
from scanning.entitlement.gcp_roles import ACT_AS, AS_ACCOUNT, CHANGES, MAKE_KEY, ROLES, SUBMITS, UNSURE, roles_of
from scanning.entitlement.parts import named, object_of, objects_of, of_kind, settled, step, text_of, texts_of

PLATFORM = "gcp"
POLICIES, ANALYSIS, KEYS = "gcp-iam-policy", "gcp-iam-analysis", "gcp-service-account-keys"
LIMITS = (
    "Conditions are shown and not evaluated.",
    "Of predefined roles only a few are known here; the others count where their definition was imported.",
    "A job runs as a service account that its submitter may use (iam.serviceAccounts.actAs), or as Vertex AI's own agent.",
    "Not followed: code on a machine, function or build that runs as a service account.",
    "Impersonation by more than one service account in turn is not followed.",
)
_NEVER = {
    "deny policies": "A denial that takes a shown grant away is not seen.",
    "principal access boundary policies": "A boundary that makes a shown grant ineffective is not seen.",
    "Privileged Access Manager": "People who may submit after activating an entitlement are not seen.",
}
_MISSING = {
    POLICIES: "People who may submit by a binding that no document shows are not seen.",
    KEYS: "Service account keys, by which whoever holds one may submit, are not seen.",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """One permission that one principal holds on one resource."""

    principal: PrincipalDraft
    permission: str
    resource: str
    project: str
    condition: str
    path: tuple[PathStep, ...]


class _Reading:
    def __init__(self, documents: Sequence[EntitlementDocument]) -> None:
        self.roles = roles_of(documents)
        self.members = Members.of(documents)
        self.places = Places.of(documents, (POLICIES, ANALYSIS))
        self.people: set[str] = set()
        self.unknown_roles: set[str] = set()
        self.unsure: set[tuple[str, str]] = set()
        self.held = [
            held for kind in (POLICIES, ANALYSIS) for one in of_kind(documents, kind) for held in self._of(one)
        ]
        self.direct = [self._row(held) for held in self.held if held.permission in SUBMITS]

    def _of(self, document: EntitlementDocument) -> Iterator[_Held]:
        for index, row in objects_of(document.content.get("policies")):
            resource = self.places.resource_of(row, document.scope)
            for place, binding in objects_of(object_of(row.get("policy")).get("bindings")):
                name = text_of(binding.get("role"))
                condition = object_of(binding.get("condition"))
                told = text_of(condition.get("expression")) or text_of(condition.get("title"))
                locator = f"/policies/{index}/policy/bindings/{place}"
                steps = (step("assignment", f"{name} on {resource}", document.kind, locator),)
                for member in texts_of(binding.get("members")):
                    for person, groups in self.members.people(member):
                        self.people.add(person.identifier)
                        for permission, role in self._permissions(name):
                            path = (*groups, *steps, role)
                            project = self.places.project_of(row, document.scope)
                            yield _Held(person, permission, resource, project, told, path)

    def _permissions(self, name: str) -> list[tuple[str, PathStep]]:
        role = self.roles.get(name)
        if role is None:
            self.unknown_roles.add(name)
            return []
        self.unsure.update(one for one in UNSURE if one[0] == name and not role.locator)
        place = step("role", name, ROLES if role.locator else "predefined role", role.locator)
        wanted = (*SUBMITS, ACT_AS, *AS_ACCOUNT, MAKE_KEY, *CHANGES)
        return [(permission, place) for permission in wanted if permission in role.permissions]

    def _row(self, held: _Held) -> Entitled:
        runs_as = [one.resource for one in self.held if one.permission == ACT_AS and one.principal == held.principal]
        return Entitled(
            principal=held.principal,
            platform=PLATFORM,
            scope=held.project,
            action=held.permission,
            reach=Reach.AFTER_STEP if held.permission in (*CHANGES, MAKE_KEY) else Reach.NOW,
            path=held.path,
            resources=(held.resource,),
            conditions=(held.condition,) if held.condition else (),
            runs_as=tuple(sorted(set(runs_as))) if held.permission in SUBMITS else (),
        )

    def entitled(self) -> Iterator[Entitled]:
        """Every way: direct, as a service account, and by giving oneself more."""
        yield from self.direct
        accounts = [row for row in self.direct if row.principal.kind == "serviceAccount"]
        for held in self.held:
            if held.permission in CHANGES:
                yield self._row(held)
            elif held.permission in (*AS_ACCOUNT, MAKE_KEY):
                yield from self._as_accounts(held, accounts)

    def _as_accounts(self, held: _Held, accounts: Sequence[Entitled]) -> Iterator[Entitled]:
        word = "key to be made" if held.permission == MAKE_KEY else "impersonation"
        for way in accounts:
            email = way.principal.display
            if way.principal != held.principal and self.places.covers(held.resource, email):
                conditions = ((held.condition,) if held.condition else ()) + way.conditions
                yield Entitled(
                    principal=held.principal,
                    platform=PLATFORM,
                    scope=way.scope,
                    action=way.action,
                    reach=Reach.AFTER_STEP,
                    path=(*held.path, step(word, email, held.path[-2].document, held.path[-2].locator), *way.path),
                    resources=way.resources,
                    conditions=conditions,
                    runs_as=way.runs_as,
                )

    def by_key(self, documents: Sequence[EntitlementDocument]) -> Iterator[Entitled]:
        """Whoever holds a key of a service account that can submit."""
        for document in of_kind(documents, KEYS):
            for index, one in objects_of(document.content.get("keys")):
                _, _, email = text_of(one.get("name")).partition("/serviceAccounts/")
                email, _, key = email.partition("/keys/")
                if one.get("keyType") == "SYSTEM_MANAGED" or one.get("disabled") is True or not key:
                    continue  # Google holds the first kind itself, and a disabled key opens nothing
                shown = step("shared key", f"key {key} of {email}", KEYS, f"/keys/{index}")
                holder = PrincipalDraft(
                    identifier=f"key:{email}/{key}", display=f"whoever holds key {key} of {email}", kind="SharedKey"
                )
                for way in self.direct:
                    if way.principal == subject(f"serviceAccount:{email}"):
                        yield Entitled(
                            principal=holder,
                            platform=PLATFORM,
                            scope=way.scope,
                            action=way.action,
                            reach=Reach.SHARED_KEY,
                            path=(shown, *way.path),
                            resources=way.resources,
                            conditions=way.conditions,
                            runs_as=way.runs_as,
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
        yield NotAssessed(document=ROLES, scope="", effect=effect)
    for role, permission in reading.unsure:
        yield NotAssessed(document=ROLES, scope="", effect=f"Whether {role} permits {permission} is not known.")
    for member in reading.members.unknown:
        effect = f"Who is meant by {member} is not known; it stands for them."
        yield NotAssessed(document=GROUPS, scope=member, effect=effect)
    if reading.places.alone:
        effect = "Bindings on folders and organizations above these projects, and on resources in them, are not seen."
        yield NotAssessed(document="gcloud asset search-all-iam-policies", scope="", effect=effect)
    for email in _without_listed_keys(documents, reading) if KEYS in present else ():
        yield NotAssessed(
            document=KEYS, scope=email, effect="Which keys of this service account are about is not seen."
        )
    if ANALYSIS in present and POLICIES not in present:
        effect = "The analysis answers one query; bindings that it did not ask for are not seen."
        yield NotAssessed(document=ANALYSIS, scope="", effect=effect)


def _without_listed_keys(documents: Sequence[EntitlementDocument], reading: _Reading) -> set[str]:
    """Service accounts that can submit and of which no key is listed: even one without a user's keys has Google's own."""
    names = [
        text_of(one.get("name"))
        for found in of_kind(documents, KEYS)
        for _, one in objects_of(found.content.get("keys"))
    ]
    listed = {name.partition("/serviceAccounts/")[2].partition("/keys/")[0].lower() for name in names}
    return {row.principal.display for row in reading.direct if row.principal.kind == "serviceAccount"} - listed


def evaluate(documents: Sequence[EntitlementDocument]) -> EntitlementAnswer:
    """Who can submit now, after a step, and by a key, as these documents say; the rest is named as not assessed."""
    reading = _Reading(documents)
    return settled(
        [*reading.entitled(), *reading.by_key(documents)],
        _gaps(documents, reading),
        principals=len(reading.people),
        limits=LIMITS,
    )
