"""Google Cloud principals: members of bindings as principals, and groups as those who are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.entitlements import EntitlementDocument, PathStep
from scanning.entitlement.parts import escaped, object_of, objects_of, of_kind, step, text_of

GROUPS = "gcp-groups"
# Members that stand for persons whom no policy names.
_STANDING_FOR_MANY = (
    "group",
    "domain",
    "allUsers",
    "allAuthenticatedUsers",
    "projectOwner",
    "projectEditor",
    "projectViewer",
    "principalSet",
)


def subject(member: str) -> PrincipalDraft:
    """A member such as `user:ada@example.com`. Addresses are compared without regard to case."""
    kind, _, name = member.partition(":")
    if kind in ("user", "group", "serviceAccount", "domain"):
        return PrincipalDraft(identifier=f"{kind}:{name.lower()}", display=name.lower(), kind=kind)
    return PrincipalDraft(identifier=member, display=name.lstrip("/") or kind, kind=kind)


@dataclass(slots=True)
class Members:
    """Members by address of the group. unknown: members of bindings that stand for persons no document names."""

    groups: dict[str, list[tuple[str, JSON]]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument]) -> Members:
        """From documents of groups."""
        found = cls()
        for document in of_kind(documents, GROUPS):
            for group, members in object_of(document.content.get("groups")).items():
                if isinstance(members, list):
                    place = f"/groups/{escaped(group)}"
                    listed = [(f"{place}/{index}", one) for index, one in objects_of(members)]
                    found.groups.setdefault(group.lower(), []).extend(listed)
        return found

    def people(self, member: str) -> Iterator[tuple[PrincipalDraft, tuple[PathStep, ...]]]:
        """(principal, groups on the way) of whom a member stands for. A deleted member stands for no one."""
        if not member.startswith("deleted:"):
            yield from self._people(subject(member), (), frozenset())

    def _people(
        self, principal: PrincipalDraft, path: tuple[PathStep, ...], above: frozenset[str]
    ) -> Iterator[tuple[PrincipalDraft, tuple[PathStep, ...]]]:
        if principal.identifier in above:
            return
        if principal.kind == "group" and principal.display in self.groups:
            for place, one in self.groups[principal.display]:
                address = text_of(object_of(one.get("preferredMemberKey")).get("id")) or text_of(one.get("email"))
                if address:
                    reached = (*path, step("group", principal.display, GROUPS, place))
                    inner = subject(f"{self._kind(one, address)}:{address}")
                    yield from self._people(inner, reached, above | {principal.identifier})
            return
        if principal.kind in _STANDING_FOR_MANY:
            self.unknown.add(principal.identifier)
        yield principal, path

    def _kind(self, one: JSON, address: str) -> str:
        told = text_of(one.get("type")).lower()
        if told == "group" or address.lower() in self.groups:
            return "group"
        service = told == "service_account" or address.lower().endswith(".gserviceaccount.com")
        return "serviceAccount" if service else "user"
