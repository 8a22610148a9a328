"""Azure groups and denials: who stands behind a principal id, and what a deny assignment takes away from whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from compliance.types.drafts import PrincipalDraft
from compliance.types.entitlements import EntitlementDocument, PathStep
from scanning.entitlement.azure_roles import Permission, member, permissions_of
from scanning.entitlement.parts import escaped, object_of, objects_of, of_kind, step, text_of

GROUPS = "azure-groups"
DENIALS = "azure-deny-assignments"
GROUP_KINDS = ("Group", "ForeignGroup")
_EVERYONE = "00000000-0000-0000-0000-000000000000"


def covers(outer: str, inner: str) -> bool:
    """Whether a scope is another or lies above it, by whole segments and whatever the case."""
    above, below = outer.lower().rstrip("/"), inner.lower().rstrip("/")
    return below == above or below.startswith(above + "/")


@dataclass(frozen=True, slots=True)
class Person:
    """A principal that an assignment reaches, the groups on the way, and the ids that a denial may name it by."""

    principal: PrincipalDraft
    path: tuple[PathStep, ...]


@dataclass(slots=True)
class Directory:
    """Members by group id (lower case). unknown: groups that were met and whose members no document names."""

    members: dict[str, list[tuple[str, dict[str, object]]]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument]) -> Directory:
        """From documents of groups."""
        found = cls()
        for document in of_kind(documents, GROUPS):
            for group, members in object_of(document.content.get("groups")).items():
                if isinstance(members, list):
                    place = f"/groups/{escaped(group)}"
                    listed = [(f"{place}/{index}", one) for index, one in objects_of(members)]
                    found.members.setdefault(group.lower(), []).extend(listed)
        for group, entries in found.members.items():
            for _, one in entries:
                found.parents.setdefault(text_of(one.get("id")).lower(), set()).add(group)
        return found

    def groups_of(self, identifier: str) -> set[str]:
        """The groups that an id is in, at any depth, as far as the documents say."""
        seen: set[str] = set()
        left = [identifier.lower()]
        while left:
            for group in self.parents.get(left.pop(), set()) - seen:
                seen.add(group)
                left.append(group)
        return seen

    def opaque(self, ids: Iterable[str]) -> bool:
        """Whether one of these groups, or one inside them, has members that no document names."""
        seen: set[str] = set()
        left = list(ids)
        while left:
            group = left.pop()
            if group in seen:
                continue
            seen.add(group)
            if group not in self.members:
                return True
            inner = (one for _, one in self.members[group] if text_of(one.get("@odata.type")).endswith(".group"))
            left.extend(text_of(one.get("id")).lower() for one in inner)
        return False

    def people(self, principal: PrincipalDraft) -> Iterator[Person]:
        """The principal itself, or who is in it where it is a group whose members are known."""
        yield from self._people(principal, (), frozenset())

    def _people(self, principal: PrincipalDraft, path: tuple[PathStep, ...], above: frozenset[str]) -> Iterator[Person]:
        identifier = principal.identifier.lower()
        if identifier in above:
            return
        if identifier not in self.members:
            if principal.kind in GROUP_KINDS:
                self.unknown[identifier] = principal.display
            yield Person(principal, path)
            return
        for place, one in self.members[identifier]:
            reached = (*path, step("group", principal.display, GROUPS, place))
            if text_of(one.get("id")):
                yield from self._people(_member(one), reached, above | {identifier})


def _member(one: Mapping[str, object]) -> PrincipalDraft:
    identifier = text_of(one.get("id"))
    kind = text_of(one.get("@odata.type")).rpartition(".")[2]
    display = text_of(one.get("userPrincipalName")) or text_of(one.get("displayName")) or identifier
    return PrincipalDraft(identifier=identifier.lower(), display=display, kind=kind[:1].upper() + kind[1:])


class Denied(Enum):
    """What a denial does to one grant."""

    NO = "no"
    PARTLY = "partly"
    WHOLLY = "wholly"


@dataclass(frozen=True, slots=True)
class Denial:
    """One deny assignment. groups: which of its principals and exceptions are groups; here_only: it stops at its own scope."""

    name: str
    scope: str
    permissions: tuple[Permission, ...]
    principals: frozenset[str]
    excluded: frozenset[str]
    groups: frozenset[str]
    here_only: bool
    condition: str

    def effect(self, person: PrincipalDraft, action: str, scope: str, directory: Directory) -> Denied:
        """What it takes from a grant at a scope; PARTLY also where the documents leave it open."""
        if not any(permission.gives(action) for permission in self.permissions):
            return Denied.NO
        if not (covers(self.scope, scope) or covers(scope, self.scope)):
            return Denied.NO
        ids = {person.identifier, *directory.groups_of(person.identifier)}
        if ids & self.excluded:
            return Denied.NO
        if not self.principals & {_EVERYONE, *ids}:
            return Denied.PARTLY if directory.opaque(self.groups & self.principals) else Denied.NO
        open_ended = self.excluded if person.kind in GROUP_KINDS else self.groups & self.excluded
        uncertain = self.here_only or self.condition or directory.opaque(open_ended)
        return Denied.WHOLLY if covers(self.scope, scope) and not uncertain else Denied.PARTLY


def denials_of(documents: Iterable[EntitlementDocument]) -> list[Denial]:
    """Deny assignments of the documents."""
    return [
        Denial(
            text_of(member(one, "denyAssignmentName")) or text_of(one.get("name")) or "deny assignment",
            text_of(member(one, "scope")),
            permissions_of(member(one, "permissions")),
            _ids(member(one, "principals")),
            _ids(member(one, "excludePrincipals")),
            _groups(member(one, "principals")) | _groups(member(one, "excludePrincipals")),
            member(one, "doNotApplyToChildScopes") is True,
            text_of(member(one, "condition")),
        )
        for document in of_kind(documents, DENIALS)
        for _, one in objects_of(document.content.get("deny_assignments"))
    ]


def _ids(value: object) -> frozenset[str]:
    return frozenset(text_of(one.get("id")).lower() for _, one in objects_of(value))


def _groups(value: object) -> frozenset[str]:
    return frozenset(text_of(one.get("id")).lower() for _, one in objects_of(value) if one.get("type") in GROUP_KINDS)
