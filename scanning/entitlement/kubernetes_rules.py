"""Kubernetes RBAC rules: what a rule allows, and the roles of one cluster, with those that are put together from others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import JSON
from scanning.entitlement.parts import object_of, objects_of, text_of, texts_of

RBAC = "rbac.authorization.k8s.io"
# (API group, resource) of what runs training code in a cluster.
JOBS = (
    ("trainer.kubeflow.org", "trainjobs"),
    ("trainer.kubeflow.org", "optimizationjobs"),
    ("kubeflow.org", "pytorchjobs"),
    ("kubeflow.org", "tfjobs"),
    ("kubeflow.org", "mpijobs"),
    ("kubeflow.org", "xgboostjobs"),
    ("kubeflow.org", "paddlejobs"),
    ("kubeflow.org", "jaxjobs"),
    ("ray.io", "rayjobs"),
    ("ray.io", "rayclusters"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("", "pods"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role. locator: where it stands in the document; made_of: names of the roles that it was taken from."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    names: tuple[str, ...]
    locator: str
    made_of: tuple[str, ...] = ()

    def speaks_of(self, verb: str, group: str, resource: str) -> bool:
        """Whether verb, API group and resource (with its subresource) are the rule's, its names left aside."""
        parent, _, sub = resource.partition("/")
        wanted = {"*", resource} | ({f"*/{sub}"} if sub and parent else set())
        return bool({"*", verb} & {*self.verbs} and {"*", group} & {*self.groups} and wanted & {*self.resources})

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Whether it allows the verb on objects of any name. A rule for names never allows `create`: a new object has none."""
        return not self.names and self.speaks_of(verb, group, resource)


def rules_of(role: JSON, locator: str) -> Iterator[Rule]:
    """The rules of a role as it is written."""
    for index, one in objects_of(role.get("rules")):
        yield Rule(
            texts_of(one.get("verbs")),
            texts_of(one.get("apiGroups")),
            texts_of(one.get("resources")),
            texts_of(one.get("resourceNames")),
            f"{locator}/rules/{index}",
        )


@dataclass(slots=True)
class Roles:
    """Roles of one cluster by (kind, namespace, name); namespace "" for cluster roles."""

    rules: dict[tuple[str, str, str], list[Rule]] = field(default_factory=dict)
    _labels: dict[str, dict[str, str]] = field(default_factory=dict)
    _selectors: dict[str, list[JSON]] = field(default_factory=dict)

    def add(self, one: JSON, locator: str) -> None:
        """Take a Role or ClusterRole."""
        metadata, kind = object_of(one.get("metadata")), text_of(one.get("kind"))
        name = text_of(metadata.get("name"))
        space = text_of(metadata.get("namespace")) if kind == "Role" else ""
        self.rules.setdefault((kind, space, name), []).extend(rules_of(one, locator))
        if kind == "ClusterRole":
            labels = object_of(metadata.get("labels")).items()
            self._labels[name] = {key: value for key, value in labels if isinstance(value, str)}
            chosen = object_of(one.get("aggregationRule")).get("clusterRoleSelectors")
            self._selectors[name] = [selector for _, selector in objects_of(chosen)]

    def of(self, kind: str, space: str, name: str) -> list[Rule] | None:
        """Rules of a role with those that its labels draw in; None where no such role is written."""
        own = self.rules.get((kind, space, name))
        if own is None or kind != "ClusterRole":
            return own
        known = {(rule.verbs, rule.groups, rule.resources, rule.names) for rule in own}
        drawn = self._drawn(name, frozenset())
        return [*own, *(one for one in drawn if (one.verbs, one.groups, one.resources, one.names) not in known)]

    def _drawn(self, name: str, above: frozenset[str]) -> Iterator[Rule]:
        for other in self._chosen_by(name):
            if other in above or other == name:
                continue
            for rule in self.rules[("ClusterRole", "", other)]:
                yield Rule(rule.verbs, rule.groups, rule.resources, rule.names, rule.locator, (other,))
            for rule in self._drawn(other, above | {name}):
                yield Rule(rule.verbs, rule.groups, rule.resources, rule.names, rule.locator, (other, *rule.made_of))

    def _chosen_by(self, name: str) -> Iterable[str]:
        selectors = self._selectors.get(name, [])
        return [other for other, labels in self._labels.items() if any(_fits(one, labels) for one in selectors)]


def _fits(selector: JSON, labels: dict[str, str]) -> bool:
    wanted = object_of(selector.get("matchLabels"))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for _, one in objects_of(selector.get("matchExpressions")))


def _holds(one: JSON, labels: dict[str, str]) -> bool:
    key, values = text_of(one.get("key")), texts_of(one.get("values"))
    operator = one.get("operator")
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    return operator == "DoesNotExist" and key not in labels
