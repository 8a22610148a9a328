"""Kubernetes: who can submit, case by case, and what no order and no removal may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument
from scanning.entitlement.kubernetes import evaluate

RBAC = "rbac.authorization.k8s.io"
ADA: JSON = {"kind": "User", "name": "ada"}
ROBOT: JSON = {"kind": "ServiceAccount", "name": "robot", "namespace": "ml"}


def rule(verbs: str, groups: str, resources: str, *names: str) -> JSON:
    made = {"verbs": verbs.split(","), "apiGroups": groups.split(","), "resources": resources.split(",")}
    return made | ({"resourceNames": list(names)} if names else {})


def role(*rules: JSON, name: str = "r", space: str = "", **more: object) -> JSON:
    labels = more.pop("labels", {})
    metadata = {"name": name, "labels": labels} | ({"namespace": space} if space else {})
    return {"kind": "Role" if space else "ClusterRole", "metadata": metadata, "rules": list(rules), **more}


def binding(*subjects: JSON, to: str = "r", kind: str = "ClusterRole", space: str = "") -> JSON:
    metadata = {"name": "b"} | ({"namespace": space} if space else {})
    made = "RoleBinding" if space else "ClusterRoleBinding"
    return {"kind": made, "metadata": metadata, "roleRef": {"kind": kind, "name": to}, "subjects": list(subjects)}


def document(*items: JSON, scope: str = "") -> EntitlementDocument:
    content = {"items": list(items)}
    return EntitlementDocument(
        kind="kubernetes-rbac", platform="kubernetes", scope=scope, taken_at=None, content=content
    )


def answer(*items: JSON) -> EntitlementAnswer:
    return evaluate([document(*items)])


def bare(found: EntitlementAnswer) -> set[tuple[str, str, str, str]]:
    return {(one.principal.identifier, one.action, one.reach, one.resources[0]) for one in found.entitled}


def actions(*items: JSON) -> set[str]:
    return {one.action for one in answer(*items).entitled}


TRAIN = rule("create", "trainer.kubeflow.org", "trainjobs")


@pytest.mark.parametrize(
    ("given_rule", "expected"),
    [
        (TRAIN, {"create trainjobs.trainer.kubeflow.org"}),
        (rule("*", "trainer.kubeflow.org", "trainjobs"), {"create trainjobs.trainer.kubeflow.org"}),
        (rule("get,list,watch", "trainer.kubeflow.org", "trainjobs"), set()),
        (rule("update,patch,delete", "batch", "jobs"), set()),
        (rule("create", "kubeflow.org", "pytorchjobs,mpijobs"),
         {"create pytorchjobs.kubeflow.org", "create mpijobs.kubeflow.org"}),
        (rule("create", "ray.io", "rayjobs"), {"create rayjobs.ray.io"}),
        (rule("create", "batch", "jobs"), {"create jobs.batch"}),
        (rule("create", "batch", "cronjobs"), {"create cronjobs.batch"}),
        (rule("create", "", "pods"), {"create pods"}),
        (rule("create", "", "jobs"), set()),
        (rule("create", "batch", "pods"), set()),
        (rule("create", "", "pods/exec,pods/log"), set()),
        (rule("create", "kubeflow.org", "pytorchjobs/status"), set()),
        (rule("create", "ray.io", "*"), {"create rayjobs.ray.io", "create rayclusters.ray.io"}),
        (rule("create", "*", "jobs,pods"), {"create jobs.batch", "create pods"}),
        (rule("create", "batch", "jobs", "nightly"), set()),
        (rule("create", "batch", "*/scale"), set()),
        ({"verbs": ["create"], "nonResourceURLs": ["*"]}, set()),
        ({"verbs": "create", "apiGroups": [""], "resources": ["pods"]}, set()),
        (rule("escalate,update", RBAC, "clusterroles"), {f"escalate clusterroles.{RBAC}"}),
        (rule("bind", RBAC, "roles"), {f"bind roles.{RBAC}"}),
        (rule("impersonate", "", "users"), {"impersonate users"}),
        (rule("impersonate", "", "groups"), {"impersonate groups"}),
        (rule("impersonate", "", "groups", "system:masters"), {"impersonate groups system:masters"}),
        (rule("impersonate", "", "users", "nobody"), set()),
    ],
)  # fmt: skip
def test_a_rule_gives(given_rule: JSON, expected: set[str]) -> None:
    assert actions(role(given_rule), binding(ADA)) == expected


def test_everything_on_everything_is_every_way() -> None:
    found = answer(role(rule("*", "*", "*"), name="cluster-admin"), binding(ADA, to="cluster-admin"))
    assert sum(one.reach == "now" for one in found.entitled) == 13
    assert sum(one.reach == "after_step" for one in found.entitled) == 6
    assert not any(one.missing for one in found.entitled)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((role(TRAIN), binding(ADA)), {"*"}),
        ((role(TRAIN), binding(ADA, space="ml")), {"namespace/ml"}),
        ((role(TRAIN, space="ml"), binding(ADA, kind="Role", space="ml")), {"namespace/ml"}),
        ((role(TRAIN, space="ml"), binding(ADA, kind="Role", space="other")), set()),
        ((role(TRAIN, space="ml"), binding(ADA, space="ml")), set()),
        ((role(TRAIN, space="ml"), binding(ADA, kind="Role")), set()),
        ((role(TRAIN), binding(space="ml")), set()),
        ((role(TRAIN), binding({"kind": "ServiceAccount", "name": "x"})), set()),
        ((role(TRAIN), binding({"kind": "Robot", "name": "x"})), set()),
        ((role(TRAIN),), set()),
    ],
)
def test_a_binding_counts_where_it_stands(items: tuple[JSON, ...], expected: set[str]) -> None:
    assert {one.resources[0] for one in answer(*items).entitled} == expected


@pytest.mark.parametrize(
    ("subject", "identifier", "reach"),
    [
        (ADA, "ada", "now"),
        ({"kind": "Group", "name": "ml-team"}, "group:ml-team", "now"),
        (ROBOT, "system:serviceaccount:ml:robot", "shared_key"),
        ({"kind": "ServiceAccount", "name": "robot"}, "system:serviceaccount:dev:robot", "shared_key"),
        ({"kind": "User", "name": "system:serviceaccount:ml:robot"}, "system:serviceaccount:ml:robot", "shared_key"),
    ],
)
def test_a_subject_is(subject: JSON, identifier: str, reach: str) -> None:
    found = answer(role(TRAIN), binding(subject, space="dev")).entitled
    assert [(one.principal.identifier, one.reach) for one in found] == [(identifier, reach)]


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({"matchLabels": {"to": "edit"}}, {"to": "edit"}, True),
        ({"matchLabels": {"to": "edit"}}, {"to": "view"}, False),
        ({"matchLabels": {"to": "edit", "and": "x"}}, {"to": "edit"}, False),
        ({"matchExpressions": [{"key": "to", "operator": "In", "values": ["edit"]}]}, {"to": "edit"}, True),
        ({"matchExpressions": [{"key": "to", "operator": "NotIn", "values": ["edit"]}]}, {"to": "edit"}, False),
        ({"matchExpressions": [{"key": "to", "operator": "Exists"}]}, {"to": ""}, True),
        ({"matchExpressions": [{"key": "to", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "to", "operator": "Unheard"}]}, {"to": ""}, False),
    ],
)
def test_a_role_draws_in_others_by_their_labels(selector: JSON, labels: JSON, expected: bool) -> None:
    whole = role(name="edit", aggregationRule={"clusterRoleSelectors": [selector]})
    found = answer(whole, role(TRAIN, name="train-edit", labels=labels), binding(ADA, to="edit")).entitled
    assert [one.path[-1].name for one in found] == (["train-edit"] if expected else [])


def test_rings_of_drawn_in_roles_end() -> None:
    ring = {"clusterRoleSelectors": [{"matchLabels": {"all": "yes"}}]}
    items = [role(TRAIN, name=name, labels={"all": "yes"}, aggregationRule=ring) for name in "abc"]
    assert actions(*items, binding(ADA, to="a")) == {"create trainjobs.trainer.kubeflow.org"}


ROBOT_TRAINS = [role(TRAIN, name="train"), binding(ROBOT, to="train", space="ml")]


@pytest.mark.parametrize(
    ("given_rule", "space", "expected"),
    [
        (rule("impersonate", "", "serviceaccounts"), "ml", True),
        (rule("impersonate", "", "serviceaccounts"), "", True),
        (rule("impersonate", "", "serviceaccounts"), "other", False),
        (rule("impersonate", "", "serviceaccounts", "robot"), "ml", True),
        (rule("impersonate", "", "serviceaccounts", "other"), "ml", False),
        (rule("create", "", "serviceaccounts/token"), "ml", True),
        (rule("create", "", "serviceaccounts/token", "robot"), "ml", True),
        (rule("create", "", "serviceaccounts"), "ml", False),
        (rule("create", "", "*/token"), "ml", True),
    ],
)
def test_acting_as_a_service_account_takes_a_step(given_rule: JSON, space: str, expected: bool) -> None:
    found = answer(*ROBOT_TRAINS, role(given_rule), binding(ADA, space=space))
    assert (("ada", "create trainjobs.trainer.kubeflow.org", "after_step", "namespace/ml") in bare(found)) is expected


def test_users_and_groups_are_impersonated_from_cluster_bindings_alone() -> None:
    bob = [role(TRAIN, name="train"), binding({"kind": "User", "name": "bob"}, to="train")]
    as_bob = role(rule("impersonate", "", "users", "bob"))
    assert ("ada", "create trainjobs.trainer.kubeflow.org", "after_step", "*") in bare(
        answer(*bob, as_bob, binding(ADA))
    )
    assert not [one for one in bare(answer(*bob, as_bob, binding(ADA, space="ml"))) if one[0] == "ada"]


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ([rule("bind", RBAC, "clusterroles")], True),
        ([rule("bind", RBAC, "clusterroles"), rule("create", RBAC, "rolebindings")], False),
        ([rule("bind", RBAC, "clusterroles", "edit"), rule("patch", RBAC, "clusterrolebindings")], False),
        ([rule("escalate", RBAC, "clusterroles")], True),
        ([rule("escalate,create", RBAC, "clusterroles")], False),
    ],
)
def test_giving_oneself_more_says_what_is_missing(rules: list[JSON], missing: bool) -> None:
    found = answer(role(*rules), binding(ADA)).entitled
    assert [bool(one.missing) for one in found] == [missing]
    assert found[0].reach == "after_step"


def test_a_role_that_no_document_holds_is_not_assessed() -> None:
    found = answer(binding(ADA, to="gone"))
    assert not found.entitled
    assert any("ClusterRole gone" in one.effect for one in found.not_assessed)


def test_members_of_groups_and_absent_kinds_are_not_assessed() -> None:
    told = [one.document for one in answer(role(TRAIN), binding({"kind": "Group", "name": "team"})).not_assessed]
    assert {"members of team", "members of system:masters"} <= set(told)
    assert sum(one.endswith((": Role", ": RoleBinding")) for one in told) == 2
    assert len(evaluate([]).not_assessed) == 5


def test_clusters_are_kept_apart() -> None:
    found = evaluate([document(role(TRAIN), scope="one"), document(binding(ADA), scope="two")])
    assert not found.entitled


RULES = [TRAIN, rule("*", "*", "*"), rule("impersonate", "", "users,serviceaccounts"), rule("bind", RBAC, "*"),
         rule("create", "", "serviceaccounts/token,pods"), rule("create", RBAC, "rolebindings")]  # fmt: skip
ROLES = [role(one, name=str(index)) for index, one in enumerate(RULES)]
BINDINGS = st.lists(
    st.builds(
        lambda subject, to, space: binding(subject, to=to, space=space),
        st.sampled_from([ADA, ROBOT, {"kind": "Group", "name": "team"}]),
        st.sampled_from([str(index) for index in range(len(RULES))]),
        st.sampled_from(["", "ml", "other"]),
    ),
    min_size=1,
    max_size=5,
)


@given(found=BINDINGS, at=st.integers(0, 4))
def test_removing_a_binding_never_adds_a_grant(found: list[JSON], at: int) -> None:
    fewer = [one for index, one in enumerate(found) if index != at % len(found)]
    assert bare(answer(*ROLES, *fewer)) <= bare(answer(*ROLES, *found))


@given(found=BINDINGS, turn=st.booleans())
def test_the_order_of_documents_does_not_matter(found: list[JSON], turn: bool) -> None:
    parts = [document(*ROLES), document(*found)]
    assert evaluate(parts[::-1] if turn else parts) == evaluate(parts)
