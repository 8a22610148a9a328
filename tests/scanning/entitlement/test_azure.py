"""Azure: who can submit, case by case, and what no order and no removal may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.drafts import JSON
from compliance.types.entitlements import Entitled, EntitlementAnswer, EntitlementDocument
from scanning.entitlement.azure import evaluate
from scanning.entitlement.azure_people import covers
from scanning.entitlement.azure_roles import ACCOUNT_KEYS, ASSIGN, FINE_TUNE, JOBS_WRITE

SUB = "/subscriptions/11111111-2222-3333-4444-555555555555"
GROUP = f"{SUB}/resourceGroups/ml"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/train"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/oai"
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER, SCIENTIST = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "f6c7c914-8db3-469d-8ca1-694a8f32e121"
OPENAI, COGNITIVE = "a001fd3d-188f-4b5d-821b-7da978bf7442", "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68"
USER_ACCESS, COGNITIVE_USER = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "a97b65f3-24c7-4388-baec-2e87135dc908"
CUSTOM = "99999999-0000-0000-0000-000000000001"
ML = "Microsoft.MachineLearningServices"


def document(kind: str, **content: object) -> EntitlementDocument:
    scope = SUB.rpartition("/")[2]
    return EntitlementDocument(kind=f"azure-{kind}", platform="azure", scope=scope, taken_at=None, content=content)


def assigned(role: str = CONTRIBUTOR, *, to: str = "ada", kind: str = "User", scope: str = SUB, **more: object) -> JSON:
    path = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return {"principalId": to, "principalType": kind, "roleDefinitionId": path, "scope": scope, **more}


def custom(*permissions: JSON) -> EntitlementDocument:
    role = {"name": CUSTOM, "roleName": "Trainer", "permissions": list(permissions)}
    return document("role-definitions", definitions=[role])


def answer(*documents: EntitlementDocument, roles: list[JSON] | None = None) -> EntitlementAnswer:
    found = [] if roles is None else [document("role-assignments", assignments=roles)]
    return evaluate([*found, *documents])


def short(rows: tuple[Entitled, ...]) -> set[tuple[str, str, str]]:
    names = {JOBS_WRITE: "jobs", FINE_TUNE: "tune", ACCOUNT_KEYS: "keys", ASSIGN: "assign"}
    return {(one.principal.identifier, names[one.action], one.reach) for one in rows if one.action in names}


def ways(*permissions: JSON) -> set[str]:
    return {way for _, way, _ in short(answer(custom(*permissions), roles=[assigned(CUSTOM)]).entitled)}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (OWNER, {("jobs", "now"), ("keys", "shared_key"), ("assign", "after_step")}),
        (CONTRIBUTOR, {("jobs", "now"), ("keys", "shared_key")}),
        (READER, set()),
        (USER_ACCESS, {("assign", "after_step")}),
        (SCIENTIST, {("jobs", "now")}),
        (OPENAI, {("tune", "now")}),
        (COGNITIVE, {("keys", "shared_key")}),
        (COGNITIVE_USER, {("tune", "now"), ("keys", "shared_key")}),
        (OWNER.upper(), {("jobs", "now"), ("keys", "shared_key"), ("assign", "after_step")}),
    ],
)
def test_a_built_in_role_gives(role: str, expected: set[tuple[str, str]]) -> None:
    assert {(way, reach) for _, way, reach in short(answer(roles=[assigned(role)]).entitled)} == expected


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ([{"actions": [JOBS_WRITE]}], {"jobs"}),
        ([{"actions": [JOBS_WRITE.upper()]}], {"jobs"}),
        ([{"actions": [f"{ML}/*"]}], {"jobs"}),
        ([{"actions": [f"{ML}/*/write"]}], {"jobs"}),
        ([{"actions": [f"{ML}/workspaces/jobs/*"]}], {"jobs"}),
        ([{"actions": [f"{ML}/workspaces/jobs"]}], set()),
        ([{"actions": [f"{ML}/workspaces/jobs/read"]}], set()),
        ([{"actions": [f"{ML}.evil/*"]}], set()),
        ([{"actions": ["*"], "notActions": ["*/write"]}], {"keys"}),
        ([{"actions": ["*"], "notActions": [f"{ML.lower()}/*", "Microsoft.Authorization/*"]}], {"keys"}),
        ([{"actions": ["*"], "notActions": ["*"]}, {"actions": [JOBS_WRITE]}], {"jobs"}),
        ([{"dataActions": [JOBS_WRITE]}], set()),
        ([{"actions": [FINE_TUNE]}], set()),
        ([{"dataActions": [FINE_TUNE]}], {"tune"}),
        ([{"dataActions": ["*"]}], {"tune"}),
        ([{"dataActions": ["*"], "notDataActions": ["*/fine-tunes/write"]}], set()),
        ([{"dataActions": ["*"], "notActions": ["*"]}], {"tune"}),
        ([{"actions": None, "dataActions": "x"}], set()),
        ([], set()),
    ],
)
def test_a_custom_role_gives(permissions: list[JSON], expected: set[str]) -> None:
    assert ways(*permissions) == expected


def test_what_one_role_takes_away_another_may_give() -> None:
    less = custom({"actions": ["*"], "notActions": [JOBS_WRITE]})
    assert ("ada", "jobs", "now") in short(answer(less, roles=[assigned(CUSTOM), assigned(SCIENTIST)]).entitled)


def test_a_definition_in_the_documents_replaces_the_one_known_here() -> None:
    role = {"name": CONTRIBUTOR, "permissions": [{"actions": ["*/read"]}]}
    assert not answer(document("role-definitions", definitions=[role]), roles=[assigned()]).entitled


def test_an_unknown_role_is_not_assessed_and_never_a_refusal() -> None:
    found = answer(roles=[assigned("0" * 8, roleDefinitionName="Mystery")])
    assert not found.entitled
    assert any("Mystery" in one.effect for one in found.not_assessed)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("/", SUB, True),
        (SUB, WORKSPACE.upper(), True),
        (GROUP, f"{GROUP}-other", False),
        (WORKSPACE, GROUP, False),
        (GROUP + "/", GROUP, True),
        ("/providers/Microsoft.Management/managementGroups/mg", SUB, False),
    ],
)
def test_a_scope_covers_whole_segments(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) is expected


def eligible(**more: object) -> EntitlementDocument:
    return document("pim-eligible", eligible=[{"properties": assigned(**more)}])  # type: ignore[arg-type]


def test_an_eligible_role_takes_an_activation_first() -> None:
    found = [one for one in answer(eligible(to="eve")).entitled if one.action == JOBS_WRITE]
    assert [(one.principal.identifier, one.reach) for one in found] == [("eve", "after_step")]
    assert [step.kind for step in found[0].path] == ["activation", "assignment", "role"]


def test_an_active_role_counts_now() -> None:
    active = document("pim-active", active=[{"properties": assigned(to="eve")}])
    assert ("eve", "jobs", "now") in short(answer(active).entitled)


def test_listing_keys_after_an_activation_stays_a_shared_key() -> None:
    found = [one for one in answer(eligible()).entitled if one.action == ACCOUNT_KEYS]
    assert [(one.reach, one.path[0].kind) for one in found] == [("shared_key", "activation")]


def groups(**members: list[JSON]) -> EntitlementDocument:
    return document("groups", groups=members)


def person(name: str) -> JSON:
    return {"id": name, "userPrincipalName": f"{name}@example.com", "@odata.type": "#microsoft.graph.user"}


def test_members_of_nested_groups_are_found_once_each_and_rings_end() -> None:
    inner = {"id": "inner", "@odata.type": "#microsoft.graph.group"}
    outer = {"id": "team", "@odata.type": "#microsoft.graph.group"}
    found = answer(
        groups(team=[person("ada"), inner], inner=[person("bob"), outer]), roles=[assigned(to="team", kind="Group")]
    )
    jobs = [one for one in found.entitled if one.action == JOBS_WRITE]
    assert [(one.principal.display, len(one.path)) for one in jobs] == [("ada@example.com", 3), ("bob@example.com", 4)]


def test_a_group_without_members_on_record_stands_for_them() -> None:
    found = answer(roles=[assigned(to="team", kind="Group", principalName="ML team")])
    assert ("team", "jobs", "now") in short(found.entitled)
    assert any(one.document == "azure-groups" and "ML team" in one.effect for one in found.not_assessed)


def test_an_empty_group_gives_nobody_anything() -> None:
    assert not answer(groups(team=[]), roles=[assigned(to="team", kind="Group")]).entitled


def accounts(*, refuses: object, complete: bool = True) -> EntitlementDocument:
    listed = [{"id": ACCOUNT, "properties": {"disableLocalAuth": refuses}}]
    return document("cognitive-accounts", accounts=listed, complete=complete)


@pytest.mark.parametrize(
    ("refuses", "scope", "complete", "expected"),
    [
        (True, SUB, True, []),
        (True, ACCOUNT.upper(), False, []),
        (False, SUB, True, [ACCOUNT]),
        (None, SUB, True, [ACCOUNT]),
        ("true", SUB, True, [ACCOUNT]),
        (True, SUB, False, [SUB]),
        (False, SUB, False, sorted([ACCOUNT, SUB])),
        (True, "/", True, ["/"]),
        (False, f"{SUB}/resourceGroups/other", True, []),
    ],
)
def test_keys_count_unless_the_account_refuses_them(
    refuses: object, scope: str, complete: bool, expected: list[str]
) -> None:
    found = answer(accounts(refuses=refuses, complete=complete), roles=[assigned(COGNITIVE, scope=scope)])
    assert sorted(one.resources[0] for one in found.entitled if one.action == ACCOUNT_KEYS) == expected


@pytest.mark.parametrize(("refuses", "holders"), [(True, 0), (False, 1)])
def test_whoever_holds_a_key_is_shown_for_each_account_that_takes_keys(refuses: bool, holders: int) -> None:
    found = answer(accounts(refuses=refuses)).entitled
    assert [one.principal.kind for one in found] == ["SharedKey"] * holders


def denial(**more: object) -> EntitlementDocument:
    everyone = [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}]
    told = {"scope": SUB, "permissions": [{"actions": ["*"]}], "principals": everyone, "denyAssignmentName": "stop"}
    return document("deny-assignments", deny_assignments=[{"properties": told | more}])


ADA, TEAM = [{"id": "ADA", "type": "User"}], [{"id": "team", "type": "Group"}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "denied"),
        ({"scope": "/"}, "denied"),
        ({"principals": ADA}, "denied"),
        ({"principals": [{"id": "bob", "type": "User"}]}, "given"),
        ({"excludePrincipals": ADA}, "given"),
        ({"permissions": [{"actions": ["*/read"]}]}, "given"),
        ({"permissions": [{"actions": ["*"], "notActions": [JOBS_WRITE]}]}, "given"),
        ({"scope": f"{SUB}9"}, "given"),
        ({"scope": WORKSPACE}, "shown"),
        ({"doNotApplyToChildScopes": True}, "shown"),
        ({"condition": "@Resource[x]"}, "shown"),
        ({"principals": TEAM}, "shown"),
        ({"excludePrincipals": TEAM}, "shown"),
    ],
)
def test_a_denial(more: JSON, expected: str) -> None:
    found = [one for one in answer(denial(**more), roles=[assigned(SCIENTIST)]).entitled if one.action == JOBS_WRITE]
    assert ("denied" if not found else "shown" if found[0].conditions else "given") == expected


def test_a_denial_of_a_group_reaches_its_members() -> None:
    found = answer(denial(principals=TEAM), groups(team=[person("ada")]), roles=[assigned(SCIENTIST)])
    assert not found.entitled


def test_conditions_are_shown() -> None:
    found = answer(roles=[assigned(SCIENTIST, condition="@Request[a] StringEquals 'b'")])
    assert {one.conditions for one in found.entitled} == {("@Request[a] StringEquals 'b'",)}


def test_every_document_that_is_missing_is_not_assessed() -> None:
    told = {one.document for one in evaluate([]).not_assessed}
    assert told >= {
        "azure-role-assignments",
        "azure-pim-eligible",
        "azure-deny-assignments",
        "azure-cognitive-accounts",
    }
    assert "azure-role-assignments" not in {one.document for one in answer(roles=[]).not_assessed}


def bare(found: EntitlementAnswer) -> set[object]:
    return {(one.principal.identifier, one.action, one.reach, one.resources) for one in found.entitled}


MANY = st.lists(
    st.builds(
        lambda role, to, scope: assigned(role, to=to, kind="Group" if to == "team" else "User", scope=scope),
        st.sampled_from([OWNER, CONTRIBUTOR, OPENAI, COGNITIVE, CUSTOM]),
        st.sampled_from(["ada", "bob", "team"]),
        st.sampled_from(["/", SUB, GROUP, WORKSPACE, ACCOUNT]),
    ),
    min_size=1,
    max_size=6,
)
AROUND = [
    groups(team=[person("ada")]),
    accounts(refuses=False),
    denial(scope=WORKSPACE),
    custom({"actions": ["*/write"]}),
]


@given(roles=MANY, at=st.integers(0, 5))
def test_removing_an_assignment_never_adds_a_grant(roles: list[JSON], at: int) -> None:
    fewer = [one for index, one in enumerate(roles) if index != at % len(roles)]
    assert bare(answer(*AROUND, roles=fewer)) <= bare(answer(*AROUND, roles=roles))


@given(roles=MANY, order=st.permutations(range(6)))
def test_the_order_of_documents_does_not_matter(roles: list[JSON], order: list[int]) -> None:
    half = [document("role-assignments", assignments=part) for part in (roles[:2], roles[2:])]
    found = [*half, *AROUND]
    assert evaluate([found[index] for index in order]) == evaluate(found)
