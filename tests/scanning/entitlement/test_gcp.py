"""Google Cloud: who can submit, case by case, and what no order and no removal may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument
from scanning.entitlement.gcp import evaluate
from scanning.entitlement.gcp_roles import SUBMITS

PROJECT = "//cloudresourcemanager.googleapis.com/projects/ml-prod"
FOLDER = "//cloudresourcemanager.googleapis.com/folders/7"
ROBOT = "train@ml-prod.iam.gserviceaccount.com"
ACCOUNT = f"//iam.googleapis.com/projects/ml-prod/serviceAccounts/{ROBOT}"
USER, TOKEN = "roles/aiplatform.user", "roles/iam.serviceAccountTokenCreator"
ADA = "user:ada@example.com"


def document(kind: str, scope: str = "", **content: object) -> EntitlementDocument:
    return EntitlementDocument(kind=f"gcp-{kind}", platform="gcp", scope=scope, taken_at=None, content=content)


def row(*bindings: JSON, resource: str = PROJECT) -> JSON:
    above = {"project": "projects/42", "folders": ["folders/7"], "organization": "organizations/1"}
    return {"resource": resource, "policy": {"bindings": list(bindings)}, **({} if resource == FOLDER else above)}


def bind(role: str, *members: str, condition: JSON | None = None) -> JSON:
    return {"role": role, "members": list(members), **({"condition": condition} if condition else {})}


def answer(*rows: JSON, more: tuple[EntitlementDocument, ...] = ()) -> EntitlementAnswer:
    return evaluate([document("iam-policy", policies=list(rows)), *more])


def bare(found: EntitlementAnswer) -> set[tuple[str, str, str, str]]:
    return {(one.principal.identifier, one.action, one.reach, one.resources[0]) for one in found.entitled}


def who(found: EntitlementAnswer) -> set[tuple[str, str]]:
    return {(one.principal.identifier, one.reach) for one in found.entitled if one.action == SUBMITS[0]}


@pytest.mark.parametrize(
    ("role", "submits", "changes"),
    [
        ("roles/owner", 4, 2),
        ("roles/editor", 4, 0),
        (USER, 4, 0),
        ("roles/aiplatform.admin", 4, 0),
        ("roles/viewer", 0, 0),
        ("roles/aiplatform.viewer", 0, 0),
        ("roles/iam.serviceAccountUser", 0, 0),
        ("roles/iam.securityAdmin", 0, 4),
        ("roles/resourcemanager.projectIamAdmin", 0, 1),
        ("roles/storage.admin", 0, 0),
    ],
)
def test_a_predefined_role_gives(role: str, submits: int, changes: int) -> None:
    reaches = [one.reach.value for one in answer(row(bind(role, ADA))).entitled]
    assert (reaches.count("now"), reaches.count("after_step")) == (submits, changes)


def test_a_role_that_is_not_known_is_not_assessed() -> None:
    found = answer(row(bind("roles/storage.admin", ADA)))
    assert any("roles/storage.admin" in one.effect for one in found.not_assessed)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"includedPermissions": ["aiplatform.tuningJobs.create"]}, {"aiplatform.tuningJobs.create"}),
        ({"includedPermissions": ["aiplatform.tuningJobs.get"]}, set()),
        ({"includedPermissions": list(SUBMITS), "deleted": True}, set()),
        ({"title": "no permissions listed"}, set()),
    ],
)
def test_a_custom_role_gives(more: JSON, expected: set[str]) -> None:
    name = "projects/ml-prod/roles/trainer"
    found = answer(row(bind(name, ADA)), more=(document("roles", roles=[{"name": name, **more}]),))
    assert {one.action for one in found.entitled} == expected
    assert any(name in one.effect for one in found.not_assessed) is ("title" in more)


@pytest.mark.parametrize(
    ("member", "identifier", "known"),
    [
        ("user:Ada@Example.com", ADA, True),
        (f"serviceAccount:{ROBOT}", f"serviceAccount:{ROBOT}", True),
        ("group:ml@example.com", "group:ml@example.com", False),
        ("domain:example.com", "domain:example.com", False),
        ("allUsers", "allUsers", False),
        ("allAuthenticatedUsers", "allAuthenticatedUsers", False),
        ("projectEditor:ml-prod", "projectEditor:ml-prod", False),
        ("principalSet://iam.googleapis.com/pool/*", "principalSet://iam.googleapis.com/pool/*", False),
    ],
)
def test_a_member_is(member: str, identifier: str, known: bool) -> None:
    found = answer(row(bind(USER, member)))
    assert who(found) == {(identifier, "now")}
    assert any(one.document == "gcp-groups" for one in found.not_assessed) is not known


def test_a_deleted_member_is_nobody() -> None:
    assert not answer(row(bind(USER, "deleted:user:ada@example.com?uid=1"))).entitled


def member(address: str) -> JSON:
    return {"preferredMemberKey": {"id": address}, "roles": [{"name": "MEMBER"}]}


def test_members_of_nested_groups_are_found_and_rings_end() -> None:
    groups = {
        "ml@example.com": [member("ada@example.com"), member("in@example.com")],
        "in@example.com": [member(ROBOT), member("ml@example.com")],
    }
    found = answer(row(bind(USER, "group:ML@example.com")), more=(document("groups", groups=groups),))
    assert who(found) == {(ADA, "now"), (f"serviceAccount:{ROBOT}", "now")}


def test_a_condition_is_shown() -> None:
    found = answer(row(bind(USER, ADA, condition={"expression": "request.time < x", "title": "soon"})))
    assert {one.conditions for one in found.entitled} == {("request.time < x",)}


def test_what_a_job_may_run_as_is_shown() -> None:
    rows = row(bind(USER, ADA)), row(bind("roles/iam.serviceAccountUser", ADA), resource=ACCOUNT)
    assert {one.runs_as for one in answer(*rows).entitled} == {(ACCOUNT,)}


@pytest.mark.parametrize(
    ("role", "resource", "expected"),
    [
        (TOKEN, ACCOUNT, True),
        (TOKEN, ACCOUNT.replace("train@", "other@"), False),
        (TOKEN, PROJECT, True),
        (TOKEN, PROJECT + "-2", False),
        (TOKEN, FOLDER, True),
        (TOKEN, FOLDER + "8", False),
        (TOKEN, "//storage.googleapis.com/bucket", False),
        ("roles/iam.serviceAccountKeyAdmin", PROJECT, True),
        ("roles/iam.serviceAccountUser", PROJECT, False),
    ],
)
def test_acting_as_a_service_account_takes_a_step(role: str, resource: str, expected: bool) -> None:
    found = answer(row(bind(USER, f"serviceAccount:{ROBOT}")), row(bind(role, ADA), resource=resource))
    assert ((ADA, "after_step") in who(found)) is expected


def test_default_accounts_are_found_by_the_number_of_their_project() -> None:
    robot = "serviceAccount:42-compute@developer.gserviceaccount.com"
    assert (ADA, "after_step") in who(answer(row(bind(USER, robot), bind(TOKEN, ADA))))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"keyType": "USER_MANAGED"}, 1),
        ({}, 1),
        ({"keyType": "SYSTEM_MANAGED"}, 0),
        ({"keyType": "USER_MANAGED", "disabled": True}, 0),
    ],
)
def test_a_key_of_a_service_account_is_a_shared_key(more: JSON, expected: int) -> None:
    keys = document("service-account-keys", keys=[{"name": f"projects/ml-prod/serviceAccounts/{ROBOT}/keys/1", **more}])
    found = answer(row(bind(USER, f"serviceAccount:{ROBOT}")), more=(keys,))
    assert sum(reach == "shared_key" for _, reach in who(found)) == expected


def test_a_service_account_without_listed_keys_is_not_assessed() -> None:
    found = answer(row(bind(USER, f"serviceAccount:{ROBOT}")), more=(document("service-account-keys", keys=[]),))
    assert ROBOT in {one.scope for one in found.not_assessed}


def test_a_policy_of_one_project_says_that_what_lies_above_is_not_seen() -> None:
    alone = evaluate([document("iam-policy", "projects/x", policies=[{"policy": {"bindings": [bind(USER, ADA)]}}])])
    assert {one.resources[0] for one in alone.entitled} == {PROJECT.replace("ml-prod", "x")}
    assert any("search-all" in one.document for one in alone.not_assessed)
    assert not any("search-all" in one.document for one in answer(row(bind(USER, ADA))).not_assessed)


def test_every_document_that_is_missing_is_not_assessed() -> None:
    assert {one.document for one in evaluate([]).not_assessed} >= {"gcp-iam-policy", "deny policies"}


MANY = st.lists(
    st.tuples(
        st.sampled_from(["roles/owner", "roles/editor", USER, TOKEN, "roles/iam.serviceAccountKeyAdmin"]),
        st.sampled_from([ADA, f"serviceAccount:{ROBOT}", "group:ml@example.com"]),
        st.sampled_from([PROJECT, FOLDER, ACCOUNT]),
    ),
    min_size=1,
    max_size=5,
)


def rows_of(grants: list[tuple[str, str, str]]) -> list[JSON]:
    return [row(resource=PROJECT), *(row(bind(role, one), resource=place) for role, one, place in grants)]


@given(grants=MANY, at=st.integers(0, 4))
def test_removing_a_binding_never_adds_a_grant(grants: list[tuple[str, str, str]], at: int) -> None:
    fewer = [one for index, one in enumerate(grants) if index != at % len(grants)]
    assert bare(answer(*rows_of(fewer))) <= bare(answer(*rows_of(grants)))


@given(grants=MANY, order=st.permutations(range(3)))
def test_the_order_of_documents_does_not_matter(grants: list[tuple[str, str, str]], order: list[int]) -> None:
    found = [
        document("iam-policy", scope, policies=rows_of(part)) for scope, part in (("a", grants), ("b", grants[:2]))
    ]
    found.append(document("groups", groups={"ml@example.com": [member("ada@example.com")]}))
    assert evaluate([found[index] for index in order]) == evaluate(found)
