"""What the evaluators of Azure, Google Cloud and Kubernetes share: reading JSON without trust in it, and a settled answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.entitlements import (
    Entitled,
    EntitlementAnswer,
    EntitlementDocument,
    NotAssessed,
    PathStep,
)

_NAMED = 20


def object_of(value: object) -> JSON:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """The value if it is text, else ""."""
    return value if isinstance(value, str) else ""


def texts_of(value: object) -> tuple[str, ...]:
    """The texts of a list, in its order; () for anything else."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def objects_of(value: object) -> Iterator[tuple[int, JSON]]:
    """(index, object) of a list's objects."""
    for index, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, dict):
            yield index, one


def escaped(name: str) -> str:
    """A member name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def of_kind(documents: Iterable[EntitlementDocument], kind: str) -> list[EntitlementDocument]:
    """Documents of one kind, in an order that does not depend on how they came."""
    found = [document for document in documents if document.kind == kind]
    return sorted(found, key=lambda one: (one.scope, str(one.taken_at), one.evidence_sha256, digest_of(one.content)))


def named(names: Iterable[str]) -> str:
    """Names for a sentence: the first of them in order, and how many more there are."""
    found = sorted(set(names))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def settled(
    entitled: Iterable[Entitled],
    not_assessed: Iterable[NotAssessed],
    *,
    principals: int,
    limits: Sequence[str],
    facts: JSON | None = None,
) -> EntitlementAnswer:
    """An answer that is the same whatever order its parts were found in; each part once."""
    return EntitlementAnswer(
        entitled=tuple(sorted(set(entitled), key=_order)),
        not_assessed=tuple(sorted(set(not_assessed), key=lambda one: (one.scope, one.document, one.effect))),
        principals=principals,
        limits=tuple(limits),
        facts=facts or {},
    )


def _order(one: Entitled) -> tuple[Any, ...]:
    steps = tuple((step.kind, step.name, step.document, step.locator) for step in one.path)
    return (
        one.principal.identifier,
        one.action,
        one.reach.value,
        one.scope,
        one.resources,
        steps,
        one.conditions,
        one.runs_as,
        one.missing,
        one.principal.kind,
        one.principal.display,
    )


def step(kind: str, name: str, document: str, locator: str) -> PathStep:
    """A step of a path."""
    return PathStep(kind=kind, name=name, document=document, locator=locator)
