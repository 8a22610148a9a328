"""Who can submit training jobs on Kubernetes, as RBAC says: roles, cluster roles and their bindings of each cluster.

A service account is no person: whoever holds one of its tokens, or runs a pod as it, can do what it can. So its grants are
`SHARED_KEY`. A group is shown as itself, because RBAC does not say who is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.entitlements import (
    Entitled,
    EntitlementAnswer,
    EntitlementDocument,
    NotAssessed,
    PathStep,
    Reach,
)
from scanning.entitlement.kubernetes_rules import JOBS, RBAC, Roles, Rule
from scanning.entitlement.parts import object_of, objects_of, of_kind, settled, step, text_of

PLATFORM = "kubernetes"
DOCUMENT = "kubernetes-rbac"
LIMITS = (
    "RBAC alone is read: admission policies, quotas and other authorizers may refuse what it allows, or allow more.",
    "Workloads that make pods by a controller (deployments, stateful sets, workflows) are not listed as a way to submit.",
    "Not followed: entering a running pod (pods/exec), and reading tokens kept in secrets.",
    "RBAC has no denials: what is not granted by a binding is refused by RBAC.",
)
_MASTERS = "system:masters"
_KINDS = {
    "ClusterRole": "What bindings to cluster roles grant is not seen.",
    "Role": "What bindings to roles of a namespace grant is not seen.",
    "ClusterRoleBinding": "People who may submit in every namespace are not seen.",
    "RoleBinding": "People who may submit in one namespace are not seen.",
}
_COMMAND = "kubectl get clusterroles,roles,rolebindings,clusterrolebindings -A"


@dataclass(frozen=True, slots=True)
class _Held:
    """One rule that one subject holds in one namespace, "" for the whole cluster."""

    principal: PrincipalDraft
    space: str
    rule: Rule
    path: tuple[PathStep, ...]


class _Cluster:
    def __init__(self, scope: str, documents: Sequence[EntitlementDocument]) -> None:
        self.scope = scope
        self.roles = Roles()
        self.bindings: list[tuple[JSON, str]] = []
        self.kinds: set[str] = set()
        self.missing_roles: set[str] = set()
        self.people: dict[str, PrincipalDraft] = {}
        for document in documents:
            for index, one in objects_of(document.content.get("items")):
                self._take(one, f"/items/{index}")
        self.held = [held for one, locator in self.bindings for held in self._bound(one, locator)]

    def _take(self, one: JSON, locator: str) -> None:
        kind = text_of(one.get("kind"))
        self.kinds.add(kind)
        if kind in ("Role", "ClusterRole"):
            self.roles.add(one, locator)
        elif kind in ("RoleBinding", "ClusterRoleBinding"):
            self.bindings.append((one, locator))

    def _bound(self, one: JSON, locator: str) -> Iterator[_Held]:
        metadata, reference = object_of(one.get("metadata")), object_of(one.get("roleRef"))
        whole = one.get("kind") == "ClusterRoleBinding"
        space = "" if whole else text_of(metadata.get("namespace"))
        if not (whole or space):
            return
        kind, name = text_of(reference.get("kind")), text_of(reference.get("name"))
        subjects = [(n, person) for n, s in objects_of(one.get("subjects")) if (person := _subject(s, space))]
        self.people.update((person.identifier, person) for _, person in subjects)
        rules = None if whole and kind == "Role" else self.roles.of(kind, "" if kind == "ClusterRole" else space, name)
        if rules is None:
            if subjects:
                self.missing_roles.add(f"{kind} {space + '/' if kind == 'Role' else ''}{name}")
            return
        for place, person in subjects:
            binding = step("assignment", f"{one['kind']} {_full(metadata)}", DOCUMENT, f"{locator}/subjects/{place}")
            for rule in rules:
                drawn = tuple(step("aggregated role", other, DOCUMENT, rule.locator) for other in rule.made_of)
                role = step("role", f"{kind} {name}", DOCUMENT, rule.locator)
                yield _Held(person, space, rule, (binding, role, *drawn))

    def entitled(self) -> Iterator[Entitled]:
        """Every way: what subjects hold, and what they reach as others or by giving themselves more."""
        direct = [self._row(held, f"create {_named(*job)}") for held in self.held for job in JOBS
                  if held.rule.allows("create", *job)]  # fmt: skip
        yield from direct
        for held in self.held:
            yield from self._as_others(held, direct)
            yield from self._by_more_rights(held)

    def _row(self, held: _Held, action: str, **changes: object) -> Entitled:
        account = held.principal.kind == "ServiceAccount"
        key = (step("shared key", f"token of {held.principal.display}", DOCUMENT, ""),) if account else ()
        row = Entitled(
            principal=held.principal,
            platform=PLATFORM,
            scope=self.scope,
            action=action,
            reach=Reach.SHARED_KEY if account else Reach.NOW,
            path=(*key, *held.path),
            resources=(f"namespace/{held.space}" if held.space else "*",),
        )
        return replace(row, **changes) if changes else row  # type: ignore[arg-type]

    def _as_others(self, held: _Held, direct: Sequence[Entitled]) -> Iterator[Entitled]:
        for way in direct:
            word = _becomes(held, way.principal)
            if word and way.principal != held.principal and not _gives_itself(held, way):
                path = (*held.path, step("role", f"{word} {way.principal.display}", DOCUMENT, ""), *way.path)
                yield self._step(held, way.action, path=path, resources=way.resources)
        for group, resource in (("", "users"), ("", "groups")):
            if not held.space and held.rule.allows("impersonate", group, resource):
                yield self._step(held, f"impersonate {resource}")
        if not held.space and _MASTERS in held.rule.names and held.rule.speaks_of("impersonate", "", "groups"):
            yield self._step(held, f"impersonate groups {_MASTERS}")

    def _by_more_rights(self, held: _Held) -> Iterator[Entitled]:
        bindings = ("rolebindings",) if held.space else ("rolebindings", "clusterrolebindings")
        for resource in ("clusterroles", "roles"):
            for verb, through in (("escalate", (resource,)), ("bind", bindings)):
                if verb == "escalate" and held.space and resource == "clusterroles":
                    continue  # cluster roles stand in no namespace
                if held.rule.speaks_of(verb, RBAC, resource):
                    able = any(self._may_write(held, one) for one in through)
                    missing = () if able else (f"create or update {' or '.join(through)}",)
                    names = tuple(f"{resource}/{name}" for name in held.rule.names)
                    where = f"namespace/{held.space}" if held.space else "*"
                    action = f"{verb} {resource}.{RBAC}"
                    yield self._step(held, action, missing=missing, resources=names or (where,))

    def _may_write(self, held: _Held, resource: str) -> bool:
        return any(
            other.rule.speaks_of(verb, RBAC, resource)
            for other in self.held
            if other.principal == held.principal and (not held.space or other.space in ("", held.space))
            for verb in ("create", "update", "patch")
        )

    def _step(self, held: _Held, action: str, **changes: object) -> Entitled:
        """A row for what takes a step first; by a token it stays by a token."""
        reach = Reach.SHARED_KEY if held.principal.kind == "ServiceAccount" else Reach.AFTER_STEP
        return self._row(held, action, reach=reach, **changes)

    def gaps(self) -> Iterator[NotAssessed]:
        """What the documents of this cluster leave open."""
        for kind, effect in _KINDS.items():
            if kind not in self.kinds:
                yield NotAssessed(document=f"{_COMMAND}: {kind}", scope=self.scope, effect=effect)
        for name in self.missing_roles:
            effect = f"What {name} grants to those bound to it is not known: the role is not in the documents."
            yield NotAssessed(document=DOCUMENT, scope=self.scope, effect=effect)
        for group in {_MASTERS, *(one.display for one in self.people.values() if one.kind == "Group")}:
            yield NotAssessed(document=f"members of {group}", scope=self.scope, effect=_members(group))


def _members(group: str) -> str:
    if group == _MASTERS:
        return "People whose certificate names this group may do everything, whatever RBAC says, and are not seen."
    return f"Who is in the group {group} is not known; the group stands for them."


def _subject(one: JSON, space: str) -> PrincipalDraft | None:
    kind, name = text_of(one.get("kind")), text_of(one.get("name"))
    if not name or kind not in ("User", "Group", "ServiceAccount"):
        return None
    parts = name.split(":")
    if kind == "User" and parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        return PrincipalDraft(identifier=name, display=f"{parts[2]}/{parts[3]}", kind="ServiceAccount")
    if kind != "ServiceAccount":
        return PrincipalDraft(identifier=f"group:{name}" if kind == "Group" else name, display=name, kind=kind)
    home = text_of(one.get("namespace")) or space
    account = f"system:serviceaccount:{home}:{name}"
    return PrincipalDraft(identifier=account, display=f"{home}/{name}", kind=kind) if home else None


def _becomes(held: _Held, other: PrincipalDraft) -> str:
    """By which verb a holder of the rule may act as another principal, "" if by none."""
    rule, name = held.rule, other.display.rpartition("/")[2] if other.kind == "ServiceAccount" else other.display
    if rule.names and name not in rule.names:
        return ""
    if other.kind == "ServiceAccount":
        if held.space not in ("", other.display.partition("/")[0]):
            return ""
        if rule.speaks_of("create", "", "serviceaccounts/token"):
            return "request a token of"
        return "impersonate" if rule.speaks_of("impersonate", "", "serviceaccounts") else ""
    resource = "groups" if other.kind == "Group" else "users"
    # Users and groups stand in no namespace, so only a cluster-wide binding lets anyone act as them.
    return "impersonate" if not held.space and rule.speaks_of("impersonate", "", resource) else ""


def _gives_itself(held: _Held, way: Entitled) -> bool:
    """Whether the rule that lets a holder act as another already gives what the other has."""
    here = held.space in ("", way.resources[0].removeprefix("namespace/"))
    return here and any(held.rule.allows("create", *job) for job in JOBS if way.action == f"create {_named(*job)}")


def _named(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def _full(metadata: JSON) -> str:
    space, name = text_of(metadata.get("namespace")), text_of(metadata.get("name"))
    return f"{space}/{name}" if space else name


def evaluate(documents: Sequence[EntitlementDocument]) -> EntitlementAnswer:
    """Who can submit in each cluster that documents speak of; the clusters are kept apart."""
    found = of_kind(documents, DOCUMENT)
    scopes = sorted({document.scope for document in found}) or [""]
    clusters = [_Cluster(scope, [one for one in found if one.scope == scope]) for scope in scopes]
    return settled(
        [row for cluster in clusters for row in cluster.entitled()],
        [gap for cluster in clusters for gap in cluster.gaps()],
        principals=sum(len(cluster.people) for cluster in clusters),
        limits=LIMITS,
    )
