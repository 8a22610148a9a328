"""IAM policies: statements with Action or NotAction, Resource or NotResource, Condition; and what one takes from another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from compliance.types.drafts import JSON
from compliance.types.entitlements import PathStep
from scanning.entitlement.aws_patterns import covers, fits, overlaps
from scanning.entitlement.parts import object_of, step, text_of, texts_of

_USER_NAME = re.compile(r"\$\{aws:username\}", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[^}]*\}")


class Denied(Enum):
    """What a Deny takes from one grant. PARTLY: on some resources, or under a condition that is not evaluated."""

    NO = "no"
    PARTLY = "partly"
    WHOLLY = "wholly"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. all_but_actions, all_but_resources: it is written with NotAction or NotResource; variable: the first
    policy variable in its resources that has no value here, which then stands for any text; path: where it stands."""

    allow: bool
    actions: tuple[str, ...]
    all_but_actions: bool
    resources: tuple[str, ...]
    all_but_resources: bool
    condition: str
    path: tuple[PathStep, ...]
    variable: str = ""

    def speaks_of(self, action: str) -> bool:
        """Whether the action is the statement's, whatever its case."""
        return _named(self.actions, action) is not self.all_but_actions

    def within(self, target: str) -> tuple[str, ...]:
        """The statement's resources that have something in common with a target pattern, as written; () if none has."""
        if self.all_but_resources:
            left = not any(covers(one, target) for one in self.resources)
            return (f"all but {', '.join(self.resources)}",) if left else ()
        return tuple(one for one in self.resources if overlaps(one, target))

    def covers(self, target: str) -> bool:
        """Whether all that fits a target pattern is surely among the statement's resources."""
        if self.variable:
            return False
        if self.all_but_resources:
            return not any(overlaps(one, target) for one in self.resources)
        return any(covers(one, target) for one in self.resources)

    def denies(self, action: str, *targets: str) -> Denied:
        """What a Deny takes from what fits all of the targets at once."""
        if self.allow or not self.speaks_of(action):
            return Denied.NO
        open_ended = self.variable and self.all_but_resources
        if not open_ended and not all(self.within(target) for target in targets):
            return Denied.NO
        wholly = not self.condition and any(self.covers(target) for target in targets)
        return Denied.WHOLLY if wholly else Denied.PARTLY

    def named_for(self, user: str) -> Statement:
        """As it holds for a user ("" for who is none, where the variable has no value and nothing fits it)."""
        if not any("${" in one for one in self.resources):
            return self
        known = [_USER_NAME.sub(lambda _: user, one) for one in self.resources if user or not _USER_NAME.search(one)]
        variable = next((found[0] for one in known if (found := _VARIABLE.search(one))), "")
        return replace(self, resources=tuple(_VARIABLE.sub("*", one) for one in known), variable=variable)

    def behind(self, *steps: PathStep) -> Statement:
        """The same, reached by further steps first."""
        return replace(self, path=(*steps, *self.path))

    @property
    def told(self) -> str:
        """Policy and statement, for a sentence."""
        return ", ".join(f"{one.kind} {one.name}" for one in self.path)

    @property
    def shown(self) -> tuple[str, ...]:
        """What is checked beside an Allow and not evaluated here."""
        variable = (f"resources by the variable {self.variable}",) if self.variable else ()
        return (self.condition, *variable) if self.condition else variable


@lru_cache(maxsize=1 << 16)
def _named(patterns: tuple[str, ...], action: str) -> bool:
    return any(fits(one.lower(), action.lower()) for one in patterns)


def listed(value: object) -> tuple[str, ...]:
    """A text or a list of texts, as IAM takes them."""
    return (value,) if isinstance(value, str) else texts_of(value)


def condition_of(statement: JSON) -> str:
    """A statement's Condition as text, "" where it has none."""
    value = statement.get("Condition")
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""


def raw_statements(document: object) -> Iterator[tuple[int, JSON]]:
    """(index, statement) of a policy document; a single statement may stand alone."""
    found = object_of(document).get("Statement")
    for index, one in enumerate(found if isinstance(found, list) else [found]):
        if isinstance(one, dict):
            yield index, one


def statements_of(document: object, policy: PathStep, member: str) -> tuple[Statement, ...]:
    """The statements of an identity policy, a boundary or a control policy. policy: where it stands; member: pointer to its
    document from there."""
    place = f"{policy.locator}/{member}/Statement"
    return tuple(
        Statement(
            allow=one.get("Effect") == "Allow",
            actions=listed(one["NotAction"] if "NotAction" in one else one.get("Action")),
            all_but_actions="NotAction" in one,
            resources=listed(one["NotResource"] if "NotResource" in one else one.get("Resource")),
            all_but_resources="NotResource" in one,
            condition=condition_of(one),
            path=(
                policy,
                step("statement", text_of(one.get("Sid")) or str(index), policy.document, f"{place}/{index}"),
            ),
        )
        for index, one in raw_statements(document)
        if one.get("Effect") in ("Allow", "Deny")
    )
