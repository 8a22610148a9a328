from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.canonical import digest_of
from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO, ParseContext
from scanning.ingest.kubernetes_audit import PARSER
from scanning.ingest.kubernetes_audit_resources import is_training_pod
from tests.scanning.ingest.reading import SAMPLES, read, sample

TRAINJOB, METADATA = (json.loads(line) for line in sample("kubernetes_audit/audit_trainjob.jsonl").splitlines())
TRAPS: list[dict[str, Any]] = [json.loads(line) for line in sample("kubernetes_audit/traps.jsonl").splitlines()]
RECEIVED, PYTORCH, IMPERSONATED, DRY_RUN, DELETED, QUOTA, EXEC, OTHER_EXEC, BINDING = TRAPS[:9]
RAY, SERVING, PATCH = TRAPS[14], TRAPS[15], TRAPS[17]


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def events(*records: object) -> list[JobEventDraft]:
    return [draft for draft in read("kubernetes_audit", lines(*records))[0] if isinstance(draft, JobEventDraft)]


def request(record: dict[str, Any], **reference: Any) -> dict[str, Any]:
    """The record with members replaced: `verb` of its own, all others of its objectRef."""
    verb = reference.pop("verb", record["verb"])
    return {**record, "verb": verb, "objectRef": {**record["objectRef"], **reference}}


def test_a_training_job_is_read_whole() -> None:
    event = events(TRAINJOB)[0]
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.occurred_at == datetime(2026, 11, 20, 9, 14, 7, 100000, tzinfo=UTC)
    assert {(entry.role, entry.uri) for entry in event.inputs} >= {
        ("train", "hf://tatsu-lab/alpaca/data"),
        ("base_model", "hf://meta-llama/Llama-3.2-1B-Instruct"),
    }
    assert event.role.startswith('RBAC: allowed by RoleBinding "ft-submitters/ml-prod"')
    assert (event.account, event.job_name) == ("ml-prod", "ft-support-bot-12")
    assert event.raw_sha256 == digest_of(TRAINJOB)


def test_a_record_without_the_request_leaves_its_inputs_unknown() -> None:
    event = events(METADATA)[0]
    assert event.outcome is Outcome.DENIED
    assert set(event.unknown_fields) == {"region", "inputs", "base_model", "output_uri", "execution_role"}


def test_earlier_stages_of_a_request_are_no_second_event() -> None:
    assert len(events(RECEIVED, PYTORCH)) == 1
    assert len(events(PYTORCH, RECEIVED)) == 1
    assert read("kubernetes_audit", lines(RECEIVED, PYTORCH))[1].scope["earlier_stages_not_kept"] == 1


def test_with_impersonation_the_real_user_acts_on_behalf_of_the_other() -> None:
    actor = events(IMPERSONATED)[0].actor
    assert actor is not None
    assert (actor.identifier, actor.kind) == ("system:serviceaccount:ci:deployer", "ServiceAccount")
    assert actor.on_behalf_of == "bob@example.test"
    assert actor.session == "X509SHA256=aa"


def test_the_address_is_the_one_the_server_saw_itself() -> None:
    event = events(IMPERSONATED)[0]
    assert (event.source_address, event.origins["source_address"]) == ("2001:db8::17", "/sourceIPs/1")


def test_the_account_a_job_runs_as_is_found_wherever_a_patch_puts_it() -> None:
    assert events(IMPERSONATED)[0].execution_role == "ft-runner"
    assert events(PYTORCH)[0].execution_role == "ft-runner"


def test_a_generated_name_is_taken_from_the_answer() -> None:
    assert events(IMPERSONATED)[0].job_name == "ft-x7k2p"


def test_a_dry_run_submits_nothing() -> None:
    event = events(DRY_RUN)[0]
    assert (event.action_class, event.outcome_detail) == (ActionClass.OTHER, "dry run: nothing was changed")
    deleted = {**DELETED, "requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}}
    assert events(deleted)[0].action_class is ActionClass.OTHER


def test_deleting_a_job_cancels_it() -> None:
    event = events(DELETED)[0]
    assert event.action_class is ActionClass.CANCEL
    assert event.job_id == "11111111-aaaa-4aaa-8aaa-000000000002"
    assert events(request(DELETED, verb="deletecollection"))[0].action_class is ActionClass.CANCEL


def test_a_refusal_by_quota_is_denied_although_rbac_allowed_it() -> None:
    event = events(QUOTA)[0]
    assert event.outcome is Outcome.DENIED
    assert event.outcome_detail.endswith("exceeded quota: gpus")
    assert event.role


@pytest.mark.parametrize(
    ("code", "decision", "outcome"),
    [
        (201, "allow", Outcome.SUCCESS),
        (101, "allow", Outcome.SUCCESS),
        (401, "forbid", Outcome.DENIED),
        (403, "forbid", Outcome.DENIED),
        (409, "allow", Outcome.FAILED),
        (None, "forbid", Outcome.DENIED),
        (None, "allow", Outcome.UNKNOWN),
        (307, "allow", Outcome.UNKNOWN),
        (True, "allow", Outcome.UNKNOWN),
    ],
)
def test_the_response_code_is_the_outcome(code: Any, decision: str, outcome: Outcome) -> None:
    record = {**TRAINJOB, "responseStatus": {} if code is None else {"code": code},
              "annotations": {"authorization.k8s.io/decision": decision}}  # fmt: skip
    assert events(record)[0].outcome is outcome


def test_what_the_authorizer_said_of_a_refusal_is_kept_but_is_no_role() -> None:
    said = {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "no rule matches"}
    event = events({**METADATA, "annotations": said})[0]
    assert (event.outcome_detail, event.role) == ("403: no rule matches", "")


@pytest.mark.parametrize(
    "resource",
    ["pytorchjobs", "mpijobs", "tfjobs", "xgboostjobs", "paddlejobs", "jaxjobs", "experiments"],
)
def test_every_kind_of_training_job_is_a_submission(resource: str) -> None:
    assert events(request(PYTORCH, resource=resource))[0].action == f"create {resource}.kubeflow.org"


@pytest.mark.parametrize(
    ("resource", "group", "action_class"),
    [
        ("optimizationjobs", "optimizer.kubeflow.org", ActionClass.SUBMIT),
        ("clustertrainingruntimes", "trainer.kubeflow.org", ActionClass.OTHER),
        ("rayjobs", "ray.io", ActionClass.SUBMIT),
        ("inferenceservices", "serving.kserve.io", ActionClass.DEPLOY),
    ],
)
def test_other_resources_that_bear_on_it(resource: str, group: str, action_class: ActionClass) -> None:
    assert events(request(PYTORCH, resource=resource, apiGroup=group))[0].action_class is action_class


@pytest.mark.parametrize(
    "change",
    [
        {"apiGroup": "example.test"},
        {"apiGroup": "notkubeflow.org"},
        {"subresource": "status"},
        {"verb": "get"},
        {"verb": "watch"},
        {"resource": "notebooks"},
    ],
)
def test_requests_that_do_not_matter_are_counted_alone(change: dict[str, str]) -> None:
    drafts, summary = read("kubernetes_audit", lines(request(PYTORCH, **change)))
    assert (drafts, summary.read, summary.relevant) == ([], 1, 0)


def test_jobs_of_the_batch_group_are_counted_unless_asked_for() -> None:
    content = lines(TRAPS[11])
    assert read("kubernetes_audit", content)[1].scope["batch_jobs_created_not_kept"] == 1
    context = ParseContext(file_name="x", extra_operations=("create jobs.batch",))
    assert read("kubernetes_audit", content, context)[1].relevant == 1


@pytest.mark.parametrize(
    "name",
    ["ft-master-0", "ft-worker-12", "ft-launcher-8w6zq", "ft-node-0-1-x7k2p", "ft-dataset-initializer-0-0-abcde",
     "ray-ft-raycluster-7xk2p-head-abcde", "ray-ft-raycluster-7xk2p-gpu-worker-abcde"],
)  # fmt: skip
def test_pods_of_training_jobs_are_known_by_the_names_their_controllers_give(name: str) -> None:
    assert is_training_pod(name)


@pytest.mark.parametrize("name", ["web-6d4b75cb6d-hx2vq", "", "worker", "node-exporter-x7k2p", "postgres-0"])
def test_other_pods_are_not(name: str) -> None:
    assert not is_training_pod(name)


@pytest.mark.parametrize(("verb", "subresource"), [("create", "exec"), ("get", "exec"), ("get", "attach"),
                                                   ("patch", "ephemeralcontainers")])  # fmt: skip
def test_entering_a_training_pod_is_an_event(verb: str, subresource: str) -> None:
    event = events(request(EXEC, verb=verb, subresource=subresource))[0]
    assert (event.action, event.action_class) == (f"{verb} pods/{subresource}", ActionClass.OTHER)


def test_entering_another_pod_is_counted() -> None:
    assert read("kubernetes_audit", lines(OTHER_EXEC))[1].scope["entries_into_other_pods_not_kept"] == 1
    assert events(request(EXEC, subresource="log")) == []


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete"])
@pytest.mark.parametrize("resource", ["roles", "clusterroles", "rolebindings", "clusterrolebindings"])
def test_every_change_of_rights_is_a_grant(verb: str, resource: str) -> None:
    assert events(request(BINDING, verb=verb, resource=resource))[0].action_class is ActionClass.GRANT


def test_a_binding_names_the_role_it_gives() -> None:
    (entry,) = events(BINDING)[0].inputs
    assert (entry.role, entry.uri) == ("granted_role", "Role/trainjob-creator")
    without = {name: value for name, value in BINDING.items() if name != "requestObject"}
    assert "inputs" in events(without)[0].unknown_fields


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"resources": ["trainjobs"], "verbs": ["create"]}, True),
        ({"resources": ["*"], "verbs": ["*"]}, True),
        ({"resources": ["pods/exec"], "verbs": ["create"]}, True),
        ({"resources": ["trainjobs"], "verbs": ["get", "list"]}, False),
        ({"resources": ["configmaps"], "verbs": ["*"]}, False),
    ],
)
def test_a_new_role_matters_if_a_rule_allows_training(rule: dict[str, Any], kept: bool) -> None:
    created = {**request(BINDING, resource="roles"), "requestObject": {"kind": "Role", "rules": [rule]}}
    assert bool(events(created)) is kept
    assert events({**created, "verb": "update"}), "what the role allowed before is not in the record"


@pytest.mark.parametrize("record", [PYTORCH, RAY, PATCH], ids=["PyTorchJob", "RayJob", "patch"])
def test_secrets_of_containers_are_taken_out_wherever_they_stand(record: dict[str, Any]) -> None:
    event = events(record)[0]
    assert "not-a-real" not in json.dumps(event.raw)
    assert "not-a-real" not in str(event.inputs)
    assert event.raw_sha256 == digest_of(record)


def test_a_reference_to_a_secret_is_no_secret() -> None:
    spec = events(PYTORCH)[0].raw["requestObject"]["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    assert spec["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"] == "db"


def test_an_id_the_client_chose_twice_hides_no_event() -> None:
    later = {**TRAINJOB, "requestReceivedTimestamp": "2026-11-20T10:00:00.000000Z"}
    first, again, second = (event.fingerprint for event in events(TRAINJOB, TRAINJOB, later))
    assert first == again != second


def test_without_time_of_receipt_the_time_of_the_stage_counts() -> None:
    record = {name: value for name, value in TRAINJOB.items() if name != "requestReceivedTimestamp"}
    event = events(record)[0]
    assert event.origins["occurred_at"] == "/stageTimestamp"
    assert event.occurred_at == datetime(2026, 11, 20, 9, 14, 7, 180000, tzinfo=UTC)


def test_a_list_of_events_whose_members_repeat_no_kind() -> None:
    bare = {name: value for name, value in TRAINJOB.items() if name not in ("kind", "apiVersion")}
    content = json.dumps(
        {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": [bare]}
    ).encode()
    assert PARSER.identify(content, "x") > NO
    assert [draft.fingerprint for draft in read("kubernetes_audit", content)[0]] == [  # type: ignore[union-attr]
        event.fingerprint for event in events(TRAINJOB)
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"auditID": ""}, "auditID is missing"),
        ({"stage": None}, "stage is missing"),
        ({"requestReceivedTimestamp": "yesterday"}, "is not a time"),
        ({"requestReceivedTimestamp": "2026-11-20T09:14:07"}, "names no time zone"),
        ({"requestReceivedTimestamp": None, "stageTimestamp": None}, "missing or no time"),
    ],
)
def test_a_record_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    drafts, _ = read("kubernetes_audit", lines(METADATA, {**TRAINJOB, **change}))
    assert isinstance(drafts[1], Reject)
    assert drafts[1].reason.startswith("sample.json, line 2: ")
    assert reason in drafts[1].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'{"kind":"List","items":[{"kind":"Role"}]}', "no audit event of Kubernetes that can be read"),
        (lines(TRAINJOB, METADATA)[:-40], "line 2"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read("kubernetes_audit", content)
    assert "sample.json" in str(error.value)


def test_only_audit_events_are_recognised() -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path.parent.name != "kubernetes_audit"]
    assert {PARSER.identify(path.read_bytes()[:65536], path.name) for path in others} == {NO}
    assert PARSER.identify(b'{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[]}', "x") == NO
    assert PARSER.identify(b'{"apiVersion":"v1","kind":"List","items":[{"kind":"Role"}]}', "x") == NO


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_no_fingerprint(chance: random.Random, repeats: int) -> None:
    records = [record for record in TRAPS if "auditID" in record] * (repeats + 1)
    whole = {event.fingerprint for event in events(*records)}
    chance.shuffle(records)
    assert {event.fingerprint for event in events(*records)} == whole
    assert len(whole) == 11
