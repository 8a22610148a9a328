"""Kubernetes audit log: training jobs, their pods, and changes of the rights to them.

Carriers: one event a line (as the API server writes it), an EventList `{"items": [...]}` (as it sends it), a list, one event.
Member names: audit.k8s.io/v1 Event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import SUBMISSION, Told, job_event, job_input, note_inputs, without_secrets
from scanning.ingest.kubernetes_audit_resources import (
    RBAC,
    class_of,
    gives_no_training_right,
    is_training_pod,
    named_members,
)
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import (
    Fields,
    Record,
    RejectedError,
    clipped,
    each,
    list_of,
    moment,
    object_of,
    raw_digest,
    text_of,
)

SOURCE = "kubernetes_audit"
_NOTE = (
    "An audit log holds what the cluster's audit policy let through, and does not name the cluster; it cannot show that "
    "nothing is missing."
)
_FINAL = ("ResponseComplete", "Panic")
_DECISION = "/annotations/authorization.k8s.io~1decision"
_REASON = "/annotations/authorization.k8s.io~1reason"
_SESSION = "/user/extra/authentication.kubernetes.io~1credential-id/0"
_SPEC = "/requestObject/spec"
_NAMES = ("/objectRef/name", "/responseObject/metadata/name", "/requestObject/metadata/name")
_IDS = ("/objectRef/uid", "/responseObject/metadata/uid", "/responseObject/details/uid", "/responseStatus/details/uid")
_INPUTS = (
    ("train", f"{_SPEC}/initializer/dataset/storageUri"),
    ("train", f"{_SPEC}/datasetConfig/storageUri"),
    ("base_model", f"{_SPEC}/initializer/model/storageUri"),
    ("base_model", f"{_SPEC}/modelConfig/input/storageUri"),
    ("code", f"{_SPEC}/runtimeRef/name"),
    ("code", f"{_SPEC}/entrypoint"),
)
_ROLE_REFERENCE = ("/requestObject/roleRef", "/responseObject/roleRef")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how many requests were passed over although they may bear on the matter."""

    batch_jobs: int = 0
    other_pods: int = 0
    other_stages: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {
            "batch_jobs_created_not_kept": self.batch_jobs,
            "entries_into_other_pods_not_kept": self.other_pods,
            "earlier_stages_not_kept": self.other_stages,
        }


def _kind(name: str) -> str:
    """Kind of a user, from the prefix that Kubernetes reserves for it."""
    for prefix, kind in (("system:serviceaccount:", "ServiceAccount"), ("system:node:", "Node"), ("system:", "System")):
        if name.startswith(prefix):
            return kind
    return "User"


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who sent the request. With impersonation the request was judged as if `on_behalf_of` had sent it."""
    name = fields.text("actor", "/user/username")
    if not name:
        return None
    return PrincipalDraft(
        identifier=name,
        display=name,
        kind=_kind(name),
        session=text_of(fields.peek(_SESSION)),
        on_behalf_of=text_of(fields.peek("/impersonatedUser/username")),
    )


def _outcome(fields: Fields) -> tuple[Outcome, str]:
    status, code = object_of(fields.record.get("responseStatus")), fields.peek("/responseStatus/code")
    forbidden = fields.peek(_DECISION) == "forbid"
    if isinstance(code, int) and not isinstance(code, bool) and code < 300:
        return Outcome.SUCCESS, "dry run: nothing was changed" if _is_dry_run(fields) else ""
    refusal = text_of(fields.peek(_REASON)) if forbidden else ""
    words = (text_of(code), text_of(status.get("reason")), text_of(status.get("message")), refusal)
    detail = clipped(": ".join(dict.fromkeys(filter(None, words))))
    if code in (401, 403) or (forbidden and code is None):
        fields.origins["outcome"] = "/responseStatus/code" if code else _DECISION
        return Outcome.DENIED, detail
    if isinstance(code, int) and code >= 400:
        fields.origins["outcome"] = "/responseStatus/code"
        return Outcome.FAILED, detail
    return Outcome.UNKNOWN, detail


def _is_dry_run(fields: Fields) -> bool:
    if fields.peek("/requestObject/dryRun"):
        return True
    try:
        return bool(parse_qs(urlsplit(text_of(fields.record.get("requestURI"))).query).get("dryRun"))
    except ValueError:
        return False


def _role(fields: Fields) -> str:
    """The grant that allowed the request, in the authorizer's words. A refusal has none."""
    return fields.text("role", _REASON) if fields.peek(_DECISION) == "allow" else ""


def _inputs(fields: Fields) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for role, pointer in _INPUTS:
        for place, value in each(fields.record, pointer):
            if uri := text_of(value):
                found.setdefault(job_input(role, uri), place)
    for place, name, value in named_members(fields.peek(_SPEC), frozenset({"image", "storageUri"}), _SPEC):
        uri = text_of(value)
        if uri and place not in found.values():
            found.setdefault(job_input("code" if name == "image" else "model", uri), place)
    note_inputs(fields, found.values())
    return tuple(found)


def _granted(fields: Fields) -> tuple[JobInputDraft, ...]:
    """The role that a binding gives. To whom stands in the record alone."""
    for pointer in _ROLE_REFERENCE:
        reference = object_of(fields.peek(pointer))
        if name := text_of(reference.get("name")):
            note_inputs(fields, (f"{pointer}/name",))
            return (JobInputDraft(role="granted_role", uri=f"{text_of(reference.get('kind'))}/{name}"),)
    return ()


def _execution_role(fields: Fields) -> str:
    for place, _, value in named_members(fields.peek(_SPEC), frozenset({"serviceAccountName"}), _SPEC):
        if name := text_of(value):
            fields.origins["execution_role"] = place
            return name
    return ""


def _last_address(fields: Fields) -> str:
    """The address the API server saw itself. Those before it are what the client or a proxy claimed."""
    count = len(list_of(fields.record.get("sourceIPs")))
    return fields.text("source_address", f"/sourceIPs/{count - 1}") if count else ""


def _told(fields: Fields, when: datetime, action: str, action_class: ActionClass) -> Told:
    outcome, detail = _outcome(fields)
    grants = action_class is ActionClass.GRANT
    dry = outcome is Outcome.SUCCESS and bool(detail)
    return Told(
        occurred_at=when,
        action=action,
        action_class=ActionClass.OTHER if dry else action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(fields),
        role=_role(fields),
        source_address=_last_address(fields),
        account=fields.text("account", "/objectRef/namespace"),
        job_id=fields.text("job_id", *_IDS),
        job_name=fields.text("job_name", *_NAMES, "/requestObject/metadata/generateName"),
        inputs=_granted(fields) if grants else _inputs(fields),
        base_model=without_secrets(
            fields.text("base_model", *(place for role, place in _INPUTS if role == "base_model"))
        ),
        output_uri=fields.text("output_uri", f"{_SPEC}/modelConfig/output/storageUri"),
        execution_role="" if grants else _execution_role(fields),
    )


def _expected(told: Told, resource: str) -> tuple[str, ...]:
    """What such a request should tell, and what no Kubernetes log tells (`region`)."""
    always = ("actor", "source_address", "source_event_id", "account", "region")
    allowed = () if told.outcome is Outcome.DENIED else ("role",)
    if told.action_class is ActionClass.GRANT:
        return (*always, *allowed, *(("inputs",) if resource.endswith("bindings") else ()))
    if told.action_class is ActionClass.DEPLOY:
        return (*always, *allowed, "inputs")
    if told.action_class is not ActionClass.SUBMIT:
        return (*always, *allowed)
    made = told.outcome is Outcome.SUCCESS
    return (*always, *allowed, *(name for name in SUBMISSION if name != "job_id" or made))


def _draft(fields: Fields, action: str, action_class: ActionClass, locator: str) -> JobEventDraft:
    record = fields.record
    when, fields.origins["occurred_at"] = _time(record)
    fields.origins["action"] = "/verb"
    event_id = fields.text("source_event_id", "/auditID")
    told = _told(fields, when, action, action_class)
    # A client may choose the id of its request and choose it twice: only with the time of receipt is it one event's.
    received = text_of(record.get("requestReceivedTimestamp"))
    key = (event_id, text_of(record.get("stage")), received or raw_digest(record))
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=key,
        locator=locator,
        expected=_expected(told, text_of(fields.peek("/objectRef/resource"))),
        searched=("requestURI", "requestObject", "responseObject", "responseStatus", "annotations"),
    )


def _time(record: Record) -> tuple[datetime, str]:
    for name in ("requestReceivedTimestamp", "stageTimestamp"):
        if record.get(name):
            return moment(record[name], name), f"/{name}"
    raise RejectedError("requestReceivedTimestamp is missing or no time")


def _is_passed_over(fields: Fields, action: str, scope: _Scope) -> bool:
    """Whether a request of a kind that may matter does not, as far as its record shows; such are counted."""
    reference = object_of(fields.record.get("objectRef"))
    if reference.get("resource") == "pods" and not is_training_pod(text_of(reference.get("name"))):
        scope.other_pods += 1
        return True
    rules = object_of(fields.record.get("requestObject"))
    return reference.get("apiGroup") == RBAC and action.startswith("create ") and gives_no_training_right(rules)


def _action(verb: str, reference: Record) -> str:
    group, subresource = text_of(reference.get("apiGroup")), text_of(reference.get("subresource"))
    resource = text_of(reference.get("resource"))
    return f"{verb} {resource}{'/' if subresource else ''}{subresource}{'.' if group else ''}{group}"


def _read(value: object, locator: str, extra: tuple[str, ...], scope: _Scope) -> JobEventDraft | None:
    """The draft of an event, or None when it is of another stage or resource. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    for name in ("auditID", "stage", "verb"):
        if not text_of(value.get(name)):
            raise RejectedError(f"it is no audit event of Kubernetes: {name} is missing")
    reference = object_of(value.get("objectRef"))
    when, _ = _time(value)
    sortable = f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    scope.add(text_of(reference.get("namespace")), "", sortable)
    if value["stage"] not in _FINAL:
        scope.other_stages += 1
        return None
    group, resource, subresource = (text_of(reference.get(name)) for name in ("apiGroup", "resource", "subresource"))
    verb, action = text_of(value["verb"]), _action(text_of(value["verb"]), reference)
    fields = Fields(value)
    if action in extra:
        return _draft(fields, action, ActionClass.OTHER, locator)
    if action == "create jobs.batch":
        scope.batch_jobs += 1
    action_class = class_of(group, resource, subresource, verb)
    if action_class is None or _is_passed_over(fields, action, scope):
        return None
    return _draft(fields, action, action_class, locator)


class KubernetesAudit:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Kubernetes audit log (audit.k8s.io events)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when events, or a list of them, are of the audit API group."""
        if not head.lstrip().startswith((b"{", b"[")) or b'"audit.k8s.io/' not in head:
            return NO
        return CERTAIN if b'"auditID"' in head or b'"EventList"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Training events as drafts, every other request counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, context.extra_operations, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="audit event of Kubernetes",
            array_keys=("items",),
            first_keys=("kind", "apiVersion", "level", "auditID"),
            scope=scope,
            read_record=read_record,
        )


PARSER = KubernetesAudit()
