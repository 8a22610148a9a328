"""AWS Organizations: which service and resource control policies limit an account, level by level from the root down to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDocument, NotAssessed
from scanning.entitlement.aws_policies import Statement, statements_of
from scanning.entitlement.parts import object_of, objects_of, of_kind, step, text_of

ORGANIZATION = "aws-organization"
SERVICE_POLICIES, RESOURCE_POLICIES = "aws-service-control-policies", "aws-resource-control-policies"
_TITLES = {SERVICE_POLICIES: "service control policy", RESOURCE_POLICIES: "resource control policy"}


@dataclass(frozen=True, slots=True)
class Level:
    """The control policies attached to one place: the root, a unit, or the account. name: for a sentence."""

    name: str
    statements: tuple[Statement, ...]


@dataclass(slots=True)
class Organization:
    """The tree and what is attached to it, by kind of document and target id."""

    parents: dict[str, str] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    management: str = ""
    attached: dict[str, dict[str, tuple[Statement, ...]]] = field(default_factory=dict)
    gaps: set[NotAssessed] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Iterable[EntitlementDocument]) -> Organization:
        """From the documents of an organisation."""
        found, documents = cls(), list(documents)
        for document in of_kind(documents, ORGANIZATION):
            found._take(document.content)
        for kind in (SERVICE_POLICIES, RESOURCE_POLICIES):
            for document in of_kind(documents, kind):
                found._attach(kind, document)
        return found

    def _take(self, content: JSON) -> None:
        self.management = text_of(object_of(content.get("organization")).get("MasterAccountId")) or self.management
        self.roots += [text_of(one.get("Id")) for _, one in objects_of(content.get("roots"))]
        self.members |= {text_of(one.get("Id")) for _, one in objects_of(content.get("accounts"))}
        for child, parents in object_of(content.get("parents")).items():
            for _, one in objects_of(parents):
                self.parents[child] = text_of(one.get("Id"))

    def _attach(self, kind: str, document: EntitlementDocument) -> None:
        here = self.attached.setdefault(kind, {})
        for index, one in objects_of(document.content.get("policies")):
            policy = object_of(one.get("Policy"))
            name = text_of(object_of(policy.get("PolicySummary")).get("Name"))
            place = step(_TITLES[kind], name, kind, f"/policies/{index}")
            if not isinstance(policy.get("Content"), dict):
                self._gap(kind, "", f"What the {_TITLES[kind]} {name or index} says cannot be read.")
            found = statements_of(policy.get("Content"), place, "Policy/Content")
            known = tuple(statement.named_for("") for statement in found)
            for _, target in objects_of(one.get("Targets")):
                identifier = text_of(target.get("TargetId"))
                here[identifier] = here.get(identifier, ()) + known

    def levels(self, kind: str, account: str) -> tuple[Level, ...]:
        """What limits an account from the root down; () where nothing does, or where no document says (see `gaps`).

        Control policies never limit the management account.
        """
        if kind not in self.attached or account == self.management:
            return ()
        if self.members and account not in self.members:
            self._gap(
                ORGANIZATION, account, "The account is not in the organisation's list: no control policy is applied."
            )
            return ()
        return tuple(self._levels(kind, account))

    def _levels(self, kind: str, account: str) -> Iterator[Level]:
        for place in reversed(list(self._upwards(account))):
            statements = self.attached[kind].get(place, ())
            if kind == SERVICE_POLICIES and not any(one.allow for one in statements):
                effect = (
                    f"Nothing that is attached to {place} and allows anything is on record: it is taken to allow all."
                )
                self._gap(kind, account, effect)
                everything = Statement(True, ("*",), False, ("*",), False, "", ())
                statements = (*statements, everything)
            yield Level(f"{_TITLES[kind]} at {place}", statements)

    def _upwards(self, account: str) -> Iterator[str]:
        seen: set[str] = set()
        place = account
        while place and place not in seen:
            seen.add(place)
            yield place
            place = self.parents.get(place, "")
        if not seen & set(self.roots) and self.attached:
            effect = "Which units the account lies in is not known: control policies attached to them are not seen."
            self._gap(f"{ORGANIZATION}: parents", account, effect)
            yield from self.roots

    def _gap(self, document: str, scope: str, effect: str) -> None:
        self.gaps.add(NotAssessed(document=document, scope=scope, effect=effect))
