"""AWS documents that nobody would write: torn, of wrong types, or made to be slow. No crash and no hang."""

from __future__ import annotations

import copy
import io
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.types.entitlements import EntitlementDocument, EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.entitlement.aws import evaluate
from scanning.entitlement.aws_patterns import covers, fits
from scanning.ingest.aws_iam import PARSER
from scanning.ingest.base import ParseContext
from tests.scanning.entitlement.aws_documents import (
    HERE,
    JOBS,
    TRAINING,
    account,
    allow,
    arn,
    attached,
    managed,
    role,
    rows,
    user,
)
from tests.scanning.ingest.reading import sample

BUNDLE: dict[str, Any] = json.loads(sample("aws_iam/bundle.json"))
ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "*", "x" * 2000, [], {}, [[]], [None], {"Statement": []}, {"": ""}]
)
# A surrogate cannot be kept, and is refused with its place.
TEXT = st.sampled_from(["\ud800", "\u202e", "=1+1", "a\nb"])


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in places(one, (*at, key)))]


PLACES = [place for place in places(BUNDLE) if place]


def changed(changes: list[tuple[tuple[Any, ...], Any]]) -> bytes:
    found = copy.deepcopy(BUNDLE)
    for place, value in changes:
        holder: Any = found
        for key in place[:-1]:
            holder = holder[key] if isinstance(holder, (dict, list)) and _has(holder, key) else None
        if isinstance(holder, (dict, list)) and _has(holder, place[-1]):
            holder[place[-1]] = value
    return json.dumps(found).encode()


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else isinstance(key, int) and key < len(holder)


def documents(content: bytes) -> list[EntitlementDocument]:
    members = ("kind", "platform", "scope", "taken_at", "content")
    drafts = PARSER.parse(io.BytesIO(content), ParseContext(file_name="f.json"))
    kept = [one for one in drafts if isinstance(one, EntitlementDraft)]
    return [EntitlementDocument(**{name: getattr(one, name) for name in members}) for one in kept]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD | TEXT), min_size=1, max_size=4))
def test_a_damaged_bundle_is_refused_or_read_and_never_crashes(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    try:
        found = documents(changed(changes))
    except BadInputError:
        return  # each reason has a test of its own beside the parser
    evaluate(found)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=4))
def test_damage_behind_the_parser_does_not_crash_the_evaluator(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    told = json.loads(changed(changes))
    content = told if isinstance(told, dict) else {}
    details = content.get("authorization_details")
    center = content.get("identity_center")
    for kind, value in (("account-authorization", details), ("identity-center", center), ("organization", content)):
        document = EntitlementDocument(
            kind=f"aws-{kind}",
            platform="aws",
            scope=HERE,
            taken_at=None,
            content=value if isinstance(value, dict) else {},
        )
        evaluate([document])


@pytest.mark.parametrize("pattern", ["*a" * 400, "?" * 1500 + "*", "*" * 3000, "arn:*:*:*:*:" + "*x" * 300])
def test_patterns_made_to_be_slow_are_not(pattern: str) -> None:
    started = time.monotonic()
    evaluate([account(TRAINING, user("ada", JOBS, allow("*", on=pattern), allow(pattern)))])
    assert time.monotonic() - started < 5


def test_a_pattern_of_many_stars_is_not_tried_in_every_way() -> None:
    started = time.monotonic()
    named = role("a" * 64, trust={"AWS": HERE})
    evaluate([account(TRAINING, named, user("ada", allow("sts:AssumeRole", on="*a" * 25 + "*b")))])
    assert not fits("*a" * 25 + "*b", "a" * 2000)
    assert not covers("*a" * 25 + "*b", "a" * 2000)
    assert time.monotonic() - started < 5


def test_many_roles_in_a_ring_are_followed_once_each() -> None:
    ring = [role(f"r{n}", allow("sts:AssumeRole"), trust={"AWS": arn(f"role/r{(n + 1) % 60}")}) for n in range(59)]
    last = role("r59", JOBS, allow("sts:AssumeRole"), trust={"AWS": arn("role/r0")})
    started = time.monotonic()
    found = evaluate([account(TRAINING, *ring, last)])
    assert time.monotonic() - started < 10
    assert len(rows(found, "r5")) == 1


def test_an_account_of_three_hundred_users_and_roles_takes_seconds() -> None:
    policies = [
        managed(f"P{n}", *(allow(f"s3:Get{m}", on=f"arn:aws:s3:::b{n}-{m}/*") for m in range(5))) for n in range(75)
    ]
    users = [user(f"u{n}", AttachedManagedPolicies=attached(f"P{n % 75}")) for n in range(300)]
    roles = [
        role(
            f"r{n}",
            *([JOBS] if n % 20 == 0 else []),
            trust={"AWS": HERE},
            AttachedManagedPolicies=attached(f"P{n % 75}"),
        )
        for n in range(300)
    ]
    started = time.monotonic()
    found = evaluate([account(TRAINING, *users, *roles, policies=tuple(policies))])
    assert time.monotonic() - started < 20
    assert len({one.principal.display for one in found.entitled}) == 16
