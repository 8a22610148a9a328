"""Which resources of Kubernetes bear on model training, and what names of pods and rules of roles show of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from compliance.types.states import ActionClass
from scanning.ingest.records import Record, escaped, list_of, object_of

RBAC = "rbac.authorization.k8s.io"
KUBEFLOW = "kubeflow.org"
_JOBS = frozenset(
    {
        "trainjobs",
        "pytorchjobs",
        "mpijobs",
        "tfjobs",
        "xgboostjobs",
        "paddlejobs",
        "jaxjobs",
        "optimizationjobs",
        "experiments",
    }
)
# Templates that decide with which image, account and command a TrainJob runs.
_RUNTIMES = frozenset({"trainingruntimes", "clustertrainingruntimes"})
_WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_RIGHTS = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})
_ENTERING = frozenset({"exec", "attach", "ephemeralcontainers"})
# Names that the controllers of training jobs give to their pods: NAME-worker-0, NAME-node-0-1-x7k2p, NAME-launcher-8w6zq.
_TRAINING_POD = re.compile(
    r".+-(?:master|worker|chief|ps|evaluator)-\d+"
    r"|.+-(?:node|dataset-initializer|model-initializer|launcher)-\d+-\d+(?:-[a-z0-9]{5})?"
    r"|.+-launcher(?:-[a-z0-9]{5})?"
    r"|.+-raycluster-[a-z0-9]{5}-(?:head|.+-worker)(?:-[a-z0-9]{5})?"
)
_RULED = _JOBS | _RUNTIMES | {"rayjobs", "jobs", "pods", "pods/exec", "*"}


def class_of(group: str, resource: str, subresource: str, verb: str) -> ActionClass | None:
    """What a request did, None where it has nothing to do with training. Whether a pod trains is for `is_training_pod`."""
    if resource == "pods" and subresource in _ENTERING and not group:
        opens = verb == "get" and subresource != "ephemeralcontainers"  # exec and attach over WebSocket are a GET
        return ActionClass.OTHER if opens or verb in _WRITING else None
    if verb not in _WRITING or subresource:
        return None
    if group == RBAC and resource in _RIGHTS:
        return ActionClass.GRANT
    if group == "serving.kserve.io" and resource == "inferenceservices":
        return ActionClass.OTHER if verb.startswith("delete") else ActionClass.DEPLOY
    kubeflow = group == KUBEFLOW or group.endswith(f".{KUBEFLOW}")
    if kubeflow and resource in _RUNTIMES:
        return ActionClass.OTHER
    if (kubeflow and resource in _JOBS) or (group == "ray.io" and resource == "rayjobs"):
        return {"create": ActionClass.SUBMIT, "update": ActionClass.OTHER, "patch": ActionClass.OTHER}.get(
            verb, ActionClass.CANCEL
        )
    return None


def is_training_pod(name: str) -> bool:
    """Whether a pod is named as the controllers of training jobs name theirs. The record says no more about a pod."""
    return _TRAINING_POD.fullmatch(name) is not None


def gives_no_training_right(role: Record) -> bool:
    """Whether a role states its rules, and none of them allows to change what trains."""
    rules = role.get("rules")
    return isinstance(rules, list) and not any(_allows_training(object_of(rule)) for rule in rules)


def _allows_training(rule: Record) -> bool:
    verbs, resources = (set(map(str, list_of(rule.get(name)))) for name in ("verbs", "resources"))
    return not verbs.isdisjoint(_WRITING | {"*"}) and not resources.isdisjoint(_RULED)


def named_members(value: object, names: frozenset[str], place: str) -> Iterator[tuple[str, str, Any]]:
    """(place, name, value) of every member with one of the names at any depth, in the order of the document."""
    waiting: list[tuple[str, str, object]] = [(place, "", value)]
    while waiting:
        at, name, holder = waiting.pop()
        if name in names:
            yield at, name, holder
        if isinstance(holder, dict):
            members = [(f"{at}/{escaped(str(key))}", str(key), member) for key, member in holder.items()]
        elif isinstance(holder, list):
            members = [(f"{at}/{index}", "", member) for index, member in enumerate(holder)]
        else:
            continue
        waiting.extend(reversed(members))
