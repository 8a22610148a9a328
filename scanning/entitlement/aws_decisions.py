"""What an identity of AWS may do: its own policies, less denials, within its boundary and the control policies above it.

Conditions are never evaluated: an Allow under one counts and shows it, a Deny under one takes nothing and is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.entitlements import PathStep
from scanning.entitlement.aws_accounts import Identity
from scanning.entitlement.aws_organization import RESOURCE_POLICIES, SERVICE_POLICIES, Level, Organization
from scanning.entitlement.aws_policies import Denied, Statement


@dataclass(frozen=True, slots=True)
class Allowed:
    """One statement that allows an action, with what of its resources is left and what is checked beside it."""

    path: tuple[PathStep, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(slots=True)
class Decisions:
    """Decides on identities of any account. Levels of control policies are found once for each account."""

    organization: Organization
    _levels: dict[tuple[str, str], tuple[Level, ...]] = field(default_factory=dict)

    def levels(self, kind: str, account: str) -> tuple[Level, ...]:
        """The control policies of a kind that limit an account."""
        if (kind, account) not in self._levels:
            self._levels[(kind, account)] = self.organization.levels(kind, account)
        return self._levels[(kind, account)]

    def allowed(self, identity: Identity, action: str, target: str) -> Iterator[Allowed]:
        """Each statement of the identity's policies that lets it do an action on what fits the target pattern."""
        limits = self._limits(identity)
        for statement in identity.statements:
            if not statement.allow or not statement.speaks_of(action):
                continue
            left, beside = [], list(statement.shown)
            for resource in statement.within(target):
                targets = (target,) if statement.all_but_resources else (resource, target)
                told = self._remaining(identity, limits, action, targets)
                if told is not None:
                    left.append(resource)
                    beside += told
            if left:
                yield Allowed(statement.path, tuple(left), tuple(dict.fromkeys(beside)))

    def may_at_all(self, identity: Identity, action: str, target: str) -> list[str] | None:
        """Conditions under which denials and limits leave an action that something else allows, such as a trust policy that
        names the identity; None where they leave nothing. A user who is named is not limited by the boundary's silence."""
        limits = [level for level in self._limits(identity) if identity.is_role or level.name != _boundary(identity)]
        told = self._remaining(identity, limits, action, (target,))
        if told is None or identity.is_role or identity.boundary is None:
            return told
        return _after_denials(identity.boundary, action, (target,), told)

    def _limits(self, identity: Identity) -> list[Level]:
        limits = [Level(_boundary(identity), identity.boundary)] if identity.boundary is not None else []
        if not identity.is_service_linked:
            limits += self.levels(SERVICE_POLICIES, identity.account)
        return limits

    def _remaining(
        self, identity: Identity, limits: Iterable[Level], action: str, targets: tuple[str, ...]
    ) -> list[str] | None:
        """What is checked beside, [] for nothing; None where denials and limits leave nothing."""
        told: list[str] | None = []
        if identity.boundary_name:
            told = [f"within the permissions boundary {identity.boundary_name}, which no document holds"]
        told = _after_denials(identity.statements, action, targets, told)
        for level in limits:
            if told is not None:
                told = _within(level, action, targets, told)
        return told

    def at_resource(self, account: str, action: str, target: str) -> list[str] | None:
        """What resource control policies check on a resource of an account, None where they deny."""
        told: list[str] | None = []
        for level in self.levels(RESOURCE_POLICIES, account):
            if told is not None:
                told = _after_denials(level.statements, action, (target,), told)
        return told


def _boundary(identity: Identity) -> str:
    return f"permissions boundary of {identity.name}"


def _after_denials(
    statements: Iterable[Statement], action: str, targets: tuple[str, ...], told: list[str] | None
) -> list[str] | None:
    """What was told with each Deny that may take something away; None where one takes all."""
    for statement in statements:
        denied = statement.denies(action, *targets)
        if denied is Denied.WHOLLY or told is None:
            return None
        if denied is Denied.PARTLY:
            told = [*told, _denial(statement)]
    return told


def _denial(statement: Statement) -> str:
    where = (
        f"all but {', '.join(statement.resources)}" if statement.all_but_resources else ", ".join(statement.resources)
    )
    on = "" if statement.resources == ("*",) else f" on {where}"
    under = f" if {statement.condition}" if statement.condition else ""
    return f"denied{on}{under} ({statement.told})"


def _within(level: Level, action: str, targets: tuple[str, ...], told: list[str]) -> list[str] | None:
    """As _after_denials, for a level that must allow as well."""
    after = _after_denials(level.statements, action, targets, told)
    if after is None:
        return None
    touching = [
        one
        for one in level.statements
        if one.allow and one.speaks_of(action) and all(one.within(target) for target in targets)
    ]
    if any(not one.condition and any(one.covers(target) for target in targets) for one in touching):
        return after
    if not touching:
        return None
    return [*after, *(_only(level, one) for one in touching)]


def _only(level: Level, statement: Statement) -> str:
    where = (
        f"all but {', '.join(statement.resources)}" if statement.all_but_resources else ", ".join(statement.resources)
    )
    under = f" if {statement.condition}" if statement.condition else ""
    return f"{level.name} allows it on {where}{under} ({statement.told})"
