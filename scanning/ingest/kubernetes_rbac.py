"""Who may do what in a Kubernetes cluster: the List that `kubectl get` writes of roles, cluster roles and their bindings.

Nothing is judged here: scanning.entitlement.kubernetes does that.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts
from scanning.ingest.records import object_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

PLATFORM, KIND = "kubernetes", "kubernetes-rbac"
COMMAND = "kubectl get clusterroles,roles,rolebindings,clusterrolebindings -A -o json"
_KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_ITEM = re.compile(rb'"apiVersion"\s*:\s*"(?:rbac\.authorization\.k8s\.io/|v1")')
_KIND = re.compile(rb'"kind"\s*:\s*"(?:Cluster)?Role(?:Binding)?(?:List)?"')
_LOG = re.compile(rb'"(?:auditID|requestReceivedTimestamp)"')
_KEPT = ("apiVersion", "kind", "rules", "aggregationRule", "roleRef", "subjects")
_NAMES = ("name", "namespace", "labels", "creationTimestamp", "uid")


def _items(value: Any, name: str) -> list[JSON]:
    items = value.get("items") if isinstance(value, dict) else None
    if isinstance(value, dict) and value.get("kind") in _KINDS:
        items = [value]
    if not isinstance(items, list):
        raise BadInputError(f"{name} is no List of roles and bindings; write it with `{COMMAND}`.")
    if isinstance(value, dict) and object_of(value.get("metadata")).get("continue"):
        raise BadInputError(f"{name} is one page of several (`metadata.continue`); write it with `{COMMAND}`.")
    # A list of one kind leaves the kind out of its items.
    listed = str(value.get("kind", "")).removesuffix("List")
    return [_item(one, index, listed, name) for index, one in enumerate(items)]


def _item(one: object, index: int, listed: str, name: str) -> JSON:
    if not isinstance(one, dict) or (one.get("kind") or listed) not in _KINDS:
        raise BadInputError(f"{name}, items[{index}], is no role or binding of RBAC; write it with `{COMMAND}`.")
    kept = {member: one[member] for member in _KEPT if member in one} | {"kind": one.get("kind") or listed}
    metadata = object_of(one.get("metadata"))
    # Annotations hold whole earlier versions of the object; they grant nothing.
    return kept | {"metadata": {member: metadata[member] for member in _NAMES if member in metadata}}


class KubernetesRbac:
    """The parser. Stateless: one instance serves all."""

    name = "kubernetes_rbac"
    label = "Kubernetes roles and bindings (kubectl get, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the API group and kind of RBAC objects, unless it is an audit log that carries them."""
        known = b'"rbac.authorization.k8s.io/' in head and _ITEM.search(head) and _KIND.search(head)
        return CERTAIN if known and not _LOG.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One entitlement document. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        value = decoded(document_text(document_bytes(stream, context), name), name, again=f"write it with `{COMMAND}`")
        items = _items(value, name)
        if not items:
            raise BadInputError(
                f"{name} lists no role and no binding; write it with `{COMMAND}` as someone who may read them."
            )
        section = Section(kind=KIND, scope="", content={"items": items}, locator="document")
        drafts = document_drafts([section], make=EntitlementDraft, platform=PLATFORM, taken_at=None, file_name=name)
        counts = {kind: sum(one["kind"] == kind for one in items) for kind in _KINDS}
        return report_drafts(drafts, producer=self.name, file_name=name, scope={"documents": [KIND], "counts": counts})


PARSER = KubernetesRbac()
