"""AWS trust policies: whom a role lets act as it, and the steps by which one identity gets to another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from compliance.types.entitlements import PathStep
from scanning.entitlement.aws_accounts import Identity
from scanning.entitlement.aws_decisions import Decisions
from scanning.entitlement.aws_patterns import fits
from scanning.entitlement.aws_policies import condition_of, listed, raw_statements
from scanning.entitlement.parts import object_of, step

ASSUME = "sts:AssumeRole"
FEDERATED = ("sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_ACCOUNT = re.compile(r"\d{12}|arn:[^:]+:iam::(\d{12}):root")
# What AWS puts in the place of a user or role that was deleted: it lets in nobody.
_DELETED = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")
_SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/(.+)")


@dataclass(frozen=True, slots=True)
class Trust:
    """One statement of a trust policy. names: Principal (or NotPrincipal, all_but) as lists by its kind: AWS, Service …"""

    allow: bool
    actions: tuple[str, ...]
    all_but_actions: bool
    names: Mapping[str, tuple[str, ...]]
    all_but: bool
    condition: str
    path: PathStep

    def speaks_of(self, action: str) -> bool:
        """Whether the action is the statement's."""
        return any(fits(one.lower(), action.lower()) for one in self.actions) is not self.all_but_actions


def trusts_of(role: Identity) -> tuple[Trust, ...]:
    """The statements of a role's trust policy."""
    place = role.trust_step or step("trust", role.name, "", "")
    return tuple(
        Trust(
            one.get("Effect") == "Allow",
            listed(one["NotAction"] if "NotAction" in one else one.get("Action")),
            "NotAction" in one,
            _names(one["NotPrincipal"] if "NotPrincipal" in one else one.get("Principal")),
            "NotPrincipal" in one,
            condition_of(one),
            step("trust", role.name, place.document, f"{place.locator}/Statement/{index}"),
        )
        for index, one in raw_statements(role.trust)
        if one.get("Effect") in ("Allow", "Deny")
    )


def _names(principal: object) -> dict[str, tuple[str, ...]]:
    if principal == "*":
        return {"AWS": ("*",)}
    return {kind: listed(value) for kind, value in object_of(principal).items()}


def trusts_service(role: Identity, service: str) -> bool:
    """Whether a service may act as the role, so that a job of it can run as the role."""
    trusts = [one for one in trusts_of(role) if one.speaks_of(ASSUME) and not one.all_but]
    given = any(one.allow and service in one.names.get("Service", ()) for one in trusts)
    taken = any(not one.allow and not one.condition and service in one.names.get("Service", ()) for one in trusts)
    return given and not taken


def named_in(value: str, identity: Identity) -> str:
    """How a name in a trust policy speaks of an identity: "itself", "account", "session NAME", or "" if not at all."""
    if value == "*":
        return "itself"
    if value == identity.arn:
        return "itself"
    found = _ACCOUNT.fullmatch(value)
    if found:
        return "account" if (found[1] or value) == identity.account else ""
    session = _SESSION.fullmatch(value)
    if session and identity.is_role and (session[2], session[3]) == (identity.account, identity.name):
        return f"session {session[4]}"
    return ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One role that an identity may assume: by which steps, under which conditions that are not evaluated."""

    role: Identity
    path: tuple[PathStep, ...]
    conditions: tuple[str, ...]


@dataclass(slots=True)
class Trusts:
    """Who may act as which role, among the identities of all accounts on record."""

    decisions: Decisions
    roles: list[Identity]
    _hops: dict[str, tuple[Hop, ...]] = field(default_factory=dict)
    _read: dict[str, tuple[Trust, ...]] = field(default_factory=dict)
    _named: dict[str, list[Identity]] = field(default_factory=dict)

    def of(self, role: Identity) -> tuple[Trust, ...]:
        """A role's trust policy, read once."""
        if role.arn not in self._read:
            self._read[role.arn] = () if role.is_service_linked else trusts_of(role)
        return self._read[role.arn]

    def hops(self, identity: Identity) -> tuple[Hop, ...]:
        """The roles that an identity may assume in one step. The root user may assume none."""
        if identity.arn not in self._hops:
            others = [] if identity.principal.kind == "Root" else self._naming(identity)
            self._hops[identity.arn] = tuple(hop for role in others if (hop := self._hop(identity, role)))
        return self._hops[identity.arn]

    def _naming(self, identity: Identity) -> list[Identity]:
        """The roles whose trust policies name an identity or its account: most pairs of the two have nothing to do with each
        other, so they are not even asked."""
        if not self._named:
            for role in self.roles:
                for name in {name for one in self.of(role) if one.allow for name in one.names.get("AWS", ())}:
                    self._named.setdefault(_indexed(name), []).append(role)
        own = ["*", identity.arn, f"{identity.account}/{identity.name}"]
        accounts = [identity.account] if identity.holds(ASSUME) else []
        found = {role.arn: role for name in (*own, *accounts) for role in self._named.get(name, ())}
        return [found[arn] for arn in sorted(found) if arn != identity.arn]

    def _hop(self, identity: Identity, role: Identity) -> Hop | None:
        found = self._trusted(identity, role)
        if found is None:
            return None
        trust, word = found
        beside = self._trust_conditions(identity, role)
        if beside is None:
            return None
        beside = [*((f"trust: {trust.condition}",) if trust.condition else ()), *beside]
        if word.startswith("session"):
            beside.append(f"only as the {word}")
        own = self._own_side(identity, role, direct=word != "account" and identity.account == role.account)
        if own is None:
            return None
        path, conditions = own
        return Hop(role, (*path, trust.path), (*conditions, *beside))

    def _trusted(self, identity: Identity, role: Identity) -> tuple[Trust, str] | None:
        """The trust statement that speaks of an identity, most directly and with the fewest conditions, and how it does."""
        found = [
            (word == "account", bool(one.condition), index, one, word)
            for index, one in enumerate(self.of(role))
            if one.allow and one.speaks_of(ASSUME) and not one.all_but
            for name in one.names.get("AWS", ())
            if (word := named_in(name, identity))
        ]
        if not found:
            return None
        best = min(found, key=lambda entry: entry[:3])
        return best[3], best[4]

    def _trust_conditions(self, identity: Identity, role: Identity) -> list[str] | None:
        """What denials of the trust policy and resource control policies check beside; None where they deny."""
        told = self.decisions.at_resource(role.account, ASSUME, role.arn)
        for one in self.of(role):
            if told is None or one.allow or not one.speaks_of(ASSUME):
                continue
            named = any(named_in(name, identity) for name in one.names.get("AWS", ()))
            if named is one.all_but:
                continue
            if not one.condition:
                return None
            told = [*told, f"trust denies it if {one.condition}"]
        return told

    def _own_side(
        self, identity: Identity, role: Identity, *, direct: bool
    ) -> tuple[tuple[PathStep, ...], tuple[str, ...]] | None:
        """(path, conditions) by which the identity's own side lets it call AssumeRole. direct: the trust policy names it and
        lies in its own account, so that no policy of its own has to allow the call."""
        allowed = min(
            self.decisions.allowed(identity, ASSUME, role.arn), key=lambda one: len(one.conditions), default=None
        )
        if allowed is not None:
            return allowed.path, allowed.conditions
        told = self.decisions.may_at_all(identity, ASSUME, role.arn) if direct else None
        return None if told is None else ((), tuple(told))

    def reached(self, identity: Identity) -> Iterator[Hop]:
        """Every role that an identity gets to over any number of roles, each by one shortest way."""
        seen, waiting = {identity.arn}, [Hop(identity, (), ())]
        while waiting:
            here = waiting.pop(0)
            for hop in self.hops(here.role):
                if hop.role.arn not in seen:
                    seen.add(hop.role.arn)
                    further = Hop(
                        hop.role,
                        (*here.path, *hop.path),
                        tuple(dict.fromkeys((*here.conditions, *hop.conditions))),
                    )
                    yield further
                    waiting.append(further)

    def outsiders(self, role: Identity, known: set[str]) -> Iterator[tuple[str, str, Trust]]:
        """(kind, name, statement) of those whom a trust policy lets in and who stand in no document: identity providers, and
        principals of accounts that are not among `known`."""
        for one in self.of(role):
            if not one.allow or one.all_but:
                continue
            if any(one.speaks_of(action) for action in FEDERATED):
                yield from (("Federated", name, one) for name in one.names.get("Federated", ()))
            if one.speaks_of(ASSUME):
                strangers = [name for name in one.names.get("AWS", ()) if name == "*" or _account(name) not in known]
                yield from (("AWS", name, one) for name in strangers if not _DELETED.fullmatch(name))


def _indexed(name: str) -> str:
    """A name in a trust policy as the roles that have it are looked up: account number, ARN, or ACCOUNT/ROLE of a session."""
    found = _ACCOUNT.fullmatch(name)
    if found:
        return found[1] or name
    session = _SESSION.fullmatch(name)
    return f"{session[2]}/{session[3]}" if session else name


def _account(name: str) -> str:
    found = _ACCOUNT.fullmatch(name)
    if found:
        return found[1] or name
    parts = name.split(":")
    return parts[4] if len(parts) > 5 else name
