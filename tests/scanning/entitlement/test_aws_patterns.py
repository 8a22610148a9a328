"""IAM's patterns and statements, held against a slow and obvious way to say the same."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import JSON
from scanning.entitlement.aws_accounts import accounts_of
from scanning.entitlement.aws_decisions import Decisions
from scanning.entitlement.aws_organization import Organization
from scanning.entitlement.aws_patterns import covers, fits, overlaps
from scanning.entitlement.aws_policies import Denied, Statement, statements_of
from scanning.entitlement.parts import step
from tests.scanning.entitlement.aws_documents import HERE, allow, deny, user
from tests.scanning.entitlement.aws_documents import account as account_of

PATTERN = st.text("ab:*?", max_size=5)
TEXTS = ["".join(one) for size in range(5) for one in product("ab:", repeat=size)]


def obviously_fits(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(obviously_fits(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and obviously_fits(pattern[1:], text[1:])


@given(pattern=PATTERN, text=st.sampled_from(TEXTS))
def test_a_pattern_fits_what_it_obviously_fits(pattern: str, text: str) -> None:
    assert fits(pattern, text) is obviously_fits(pattern, text)


@settings(deadline=None)
@given(first=PATTERN, second=PATTERN)
def test_covering_is_never_claimed_wrongly_and_overlap_is_exact(first: str, second: str) -> None:
    of_first = {text for text in TEXTS if fits(first, text)}
    of_second = {text for text in TEXTS if fits(second, text)}
    if covers(first, second):
        assert of_second <= of_first
        assert overlaps(first, second)
    if of_first & of_second:
        assert overlaps(first, second)
    assert overlaps(first, second) is overlaps(second, first)


@settings(deadline=None)
@given(first=st.text("ab*?", max_size=3), second=st.text("ab*?", max_size=3))
def test_patterns_that_overlap_have_a_text_in_common(first: str, second: str) -> None:
    texts = ("".join(one) for size in range(7) for one in product("ab", repeat=size))
    assert overlaps(first, second) is any(obviously_fits(first, one) and obviously_fits(second, one) for one in texts)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("arn:aws:sagemaker:*", True),
        ("arn:aws:sagemaker:eu-west-1:1:*", True),
        ("arn:aws:sagemaker:eu-west-1:9:*", False),
        ("arn:aws:sagemaker:*:training-job/ft-*", True),
        ("arn:aws:sagemaker:*:*:pipeline/*", False),
        ("arn:aws:sagemaker:?u-west-1:*:training-job/x", True),
        ("arn:aws:sagemaker:*::training-job/x", False),
        ("arn:aws:sagemaker:*:*", True),
    ],
)
def test_parts_of_an_arn_are_held_against_their_own(pattern: str, expected: bool) -> None:
    assert overlaps(pattern, "arn:aws:sagemaker:*:1:training-job/*") is expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("*", "arn:aws:iam::1:role/*", True),
        ("arn:aws:iam::*:role/*", "arn:aws:iam::1:role/Training", True),
        ("arn:aws:iam::1:role/Train*", "arn:aws:iam::1:role/*", False),
        ("arn:aws:iam::1:role/?", "arn:aws:iam::1:role/*", False),
        ("arn:aws:iam::1:role/*", "arn:aws:iam::1:role/?", True),
        ("arn:aws:iam::1:role/ada", "arn:aws:iam::1:role/Ada", False),
    ],
)
def test_covering(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) is expected


def only(statement: JSON) -> Statement:
    (found,) = statements_of({"Statement": statement}, step("policy", "p", "d", "/x"), "Document")
    return found


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "sagemaker:CreateTrainingJob"}, True),
        ({"Action": "SageMaker:createtrainingjob"}, True),
        ({"Action": ["s3:*", "sagemaker:Create*"]}, True),
        ({"Action": "sagemaker:CreateTrainingJo?"}, True),
        ({"Action": "sagemaker:CreateTrainingJob?"}, False),
        ({"Action": "*"}, True),
        ({"Action": "sagemaker"}, False),
        ({"NotAction": "iam:*"}, True),
        ({"NotAction": ["iam:*", "sagemaker:*"]}, False),
        ({"Action": []}, False),
        ({}, False),
    ],
)
def test_a_statement_speaks_of_an_action(statement: JSON, expected: bool) -> None:
    told = only({"Effect": "Allow", "Resource": "*", **statement})
    assert told.speaks_of("sagemaker:CreateTrainingJob") is expected


JOB = "arn:aws:sagemaker:*:1:training-job/*"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Resource": "*"}, Denied.WHOLLY),
        ({"Resource": JOB}, Denied.WHOLLY),
        ({"Resource": "arn:aws:sagemaker:eu-*"}, Denied.PARTLY),
        ({"Resource": "arn:aws:s3:::*"}, Denied.NO),
        ({"NotResource": "arn:aws:s3:::*"}, Denied.WHOLLY),
        ({"NotResource": "arn:aws:sagemaker:eu-west-1:*"}, Denied.PARTLY),
        ({"NotResource": JOB}, Denied.NO),
        ({"NotResource": "arn:aws:sagemaker:${aws:PrincipalTag/region}:*"}, Denied.PARTLY),
        ({"Resource": "arn:aws:sagemaker:*:*:training-job/${aws:username}-*"}, Denied.PARTLY),
        ({"Resource": "arn:aws:s3:::${aws:username}"}, Denied.NO),
        ({"Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}, Denied.PARTLY),
    ],
)
def test_what_a_deny_takes(statement: JSON, expected: Denied) -> None:
    told = only({"Effect": "Deny", "Action": "*", **statement}).named_for("ada")
    assert told.denies("sagemaker:CreateTrainingJob", "*", JOB) is expected


def test_a_user_name_in_a_resource_is_the_users_own() -> None:
    told = only(allow("iam:CreateAccessKey", on="arn:aws:iam::1:user/${aws:username}"))
    assert told.named_for("ada").within("arn:aws:iam::1:user/ada")
    assert not told.named_for("ada").within("arn:aws:iam::1:user/bob")
    assert told.named_for("").resources == ()


def test_each_statement_says_where_it_stands() -> None:
    first, second = statements_of(
        {"Statement": [allow("a:b", Sid="One"), allow("a:c")]}, step("policy", "own", "d", "/U/0/P/0"), "PolicyDocument"
    )
    assert [(one.kind, one.name, one.locator) for one in first.path] == [
        ("policy", "own", "/U/0/P/0"),
        ("statement", "One", "/U/0/P/0/PolicyDocument/Statement/0"),
    ]
    assert second.path[-1].name == "1"


NAMES = ("aa", "ab", "ba", "bb")
ACTION = st.lists(st.sampled_from(["x:aa", "x:a?", "X:A*", "*", "x:b*", "y:*"]), min_size=1, max_size=2)
RESOURCE = st.lists(st.sampled_from([f"r:{one}" for one in (*NAMES, "*", "a*", "?b")] + ["*"]), min_size=1, max_size=2)
STATEMENT = st.builds(
    lambda effect, no_action, actions, no_resource, resources: {
        "Effect": effect,
        "NotAction" if no_action else "Action": actions,
        "NotResource" if no_resource else "Resource": resources,
    },
    st.sampled_from(["Allow", "Allow", "Deny"]), st.booleans(), ACTION, st.booleans(), RESOURCE,
)  # fmt: skip


def obviously_allowed(statements: list[JSON], action: str, resource: str) -> bool:
    """IAM's rule in its own words: denied if any Deny fits, else allowed if any Allow does."""

    def speaks(one: JSON) -> bool:
        acted = any(obviously_fits(p.lower(), action.lower()) for p in one.get("Action") or one["NotAction"])
        stands = any(obviously_fits(p, resource) for p in one.get("Resource") or one["NotResource"])
        return acted is ("Action" in one) and stands is ("Resource" in one)

    fitting = {one["Effect"] for one in statements if speaks(one)}
    return "Allow" in fitting and "Deny" not in fitting


@settings(deadline=None)
@given(statements=st.lists(STATEMENT, max_size=4), name=st.sampled_from(NAMES))
def test_one_resource_is_decided_as_iams_rule_says(statements: list[JSON], name: str) -> None:
    (one,) = accounts_of([account_of(user("ada", *statements))])[HERE].users
    found = list(Decisions(Organization()).allowed(one, "x:aa", f"r:{name}"))
    assert bool(found) is obviously_allowed(statements, "x:aa", f"r:{name}")


@settings(deadline=None)
@given(statements=st.lists(STATEMENT, max_size=4))
def test_many_resources_are_never_refused_where_one_of_them_is_allowed(statements: list[JSON]) -> None:
    (one,) = accounts_of([account_of(user("ada", *statements))])[HERE].users
    found = list(Decisions(Organization()).allowed(one, "x:aa", "r:*"))
    if any(obviously_allowed(statements, "x:aa", f"r:{name}") for name in NAMES):
        assert found
    if not any(way.conditions for way in found) and found:
        assert any(obviously_allowed(statements, "x:aa", f"r:{name}") for name in (*NAMES, "zz"))


@settings(deadline=None)
@given(statements=st.lists(STATEMENT, min_size=1, max_size=4), at=st.integers(0, 3))
def test_a_further_denial_never_adds_a_right(statements: list[JSON], at: int) -> None:
    more = [*statements, deny("x:a*", on=f"r:{NAMES[at]}")]
    (less,), (full,) = (accounts_of([account_of(user("ada", *each))])[HERE].users for each in (more, statements))
    for name in NAMES:
        if list(Decisions(Organization()).allowed(less, "x:aa", f"r:{name}")):
            assert list(Decisions(Organization()).allowed(full, "x:aa", f"r:{name}"))
