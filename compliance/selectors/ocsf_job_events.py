"""The job log as OCSF API Activity (class 6003, schema 1.8.0, profile ai_operation, and cloud where the source is one).

The schema has no place for training jobs, data sets and their digests: they are resources, with types of our own. What the
source does not give is said, never left empty, where the schema requires a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from django.db.models import QuerySet

from compliance.models import JobEvent
from compliance.selectors.ocsf import NOT_RECORDED, PRODUCT, classified, milliseconds, stated
from compliance.types.erased_names import in_words
from compliance.types.states import ActionClass, Outcome

VERSION = "1.8.0"
UID, NAME = 6003, "API Activity"
_CATEGORY = (6, "Application Activity")
_CHUNK = 2000
_ACTIVITIES = {
    ActionClass.SUBMIT: (1, "Create"),
    ActionClass.REGISTER: (1, "Create"),
    ActionClass.IMPORT: (1, "Create"),
    ActionClass.DEPLOY: (1, "Create"),
    ActionClass.APPROVE: (3, "Update"),
    ActionClass.GRANT: (3, "Update"),
    ActionClass.CANCEL: (4, "Delete"),
}
_STATUS = {Outcome.SUCCESS: (1, "Success"), Outcome.DENIED: (2, "Failure"), Outcome.FAILED: (2, "Failure")}
_PROVIDERS = {"cloudtrail": "AWS", "gcp_audit": "GCP", "azure": "Azure"}
_INPUT_TYPES = {"train": "dataset", "validation": "dataset", "base_model": "model", "code": "code"}


def job_event_records(rows: QuerySet[JobEvent]) -> Iterator[dict[str, Any]]:
    """Each event of the rows, read in chunks."""
    chosen = rows.select_related("system", "evidence", "actor")
    return (job_event_record(event) for event in chosen.iterator(chunk_size=_CHUNK))


def job_event_record(event: JobEvent) -> dict[str, Any]:
    """One event as API Activity."""
    action = ActionClass(event.action_class)
    status_id, status = _STATUS.get(Outcome(event.outcome), (0, "Unknown"))
    provider = next((name for source, name in _PROVIDERS.items() if event.source.startswith(source)), "")
    return classified(
        category=_CATEGORY, uid=UID, name=NAME, activity=_ACTIVITIES.get(action, (99, event.action))
    ) | stated(
        {
            "time": milliseconds(event.occurred_at),
            "severity_id": 1,
            "severity": "Informational",
            "status_id": status_id,
            "status": status,
            "status_code": event.outcome,
            "status_detail": event.outcome_detail,
            "message": f"{event.action} {event.job_name or event.job_id}".strip(),
            "metadata": _metadata(event, is_cloud=bool(provider)),
            "actor": _actor(event),
            "api": {"operation": event.action, "service": {"name": event.source}},
            "src_endpoint": _endpoint(event.source_address),
            "resources": list(_resources(event)),
            "ai_model": _base_model(event),
            "cloud": _cloud(event, provider),
            "unmapped": {"assay": _own(event)},
        }
    )


def _metadata(event: JobEvent, *, is_cloud: bool) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": PRODUCT,
        "profiles": ["ai_operation", *(["cloud"] if is_cloud else [])],
        "uid": str(event.uuid),
        "log_name": event.evidence.filename,
        "log_provider": event.source,
        "logged_time": milliseconds(event.created_at),
    }


def _actor(event: JobEvent) -> dict[str, Any]:
    """Who acted; one that no log names, by that fact. Whoever was erased is named by a pseudonym alone."""
    person = event.actor
    if person is None:
        return {"app_name": NOT_RECORDED}
    if person.erased_at is not None:
        return {"user": {"uid": person.pseudonym, "name": "erased"}}
    user = stated({"uid": person.identifier, "name": person.display or person.identifier, "type": person.kind})
    session = stated({"uid": in_words(event.session), "issuer": event.role})
    return stated({"user": user, "session": session, "app_name": in_words(event.on_behalf_of)})


def _endpoint(address: str) -> dict[str, str]:
    """Where the call came from: an address, the name of a service that called, or that the source does not say."""
    try:
        return {"ip": str(ip_address(address))}
    except ValueError:
        return {"svc_name": address} if address else {"name": NOT_RECORDED}


def _resources(event: JobEvent) -> Iterator[dict[str, Any]]:
    """The job, what it read and what it makes; the first label says which."""
    if event.job_id or event.job_name:
        yield stated({"type": "training job", "uid": event.job_id, "name": event.job_name, "labels": ["target"]})
    for entry in event.inputs:
        kind, digest = _INPUT_TYPES.get(entry["role"], entry["role"]), stated({"sha256": entry["digest"]})
        yield stated({"type": kind, "uid": entry["uri"], "labels": ["input", entry["role"]], "data": digest})
    if event.output_uri or event.output_model:
        output = {"type": "model", "uid": event.output_uri or event.output_model, "name": event.output_model}
        yield stated({**output, "labels": ["output"]})


def _base_model(event: JobEvent) -> dict[str, str]:
    """The model that the job starts from; no log says who provides it."""
    return {"name": event.base_model, "ai_provider": NOT_RECORDED} if event.base_model else {}


def _cloud(event: JobEvent, provider: str) -> dict[str, Any]:
    if not provider:
        return {}
    account = {"uid": event.account} if event.account else {}
    return stated({"provider": provider, "account": account, "region": event.region})


def _own(event: JobEvent) -> dict[str, Any]:
    """What the schema has no place for."""
    return stated(
        {
            "system": {"uid": str(event.system.uuid), "name": event.system.name},
            "source_event_id": event.source_event_id,
            "action_class": event.action_class,
            "execution_role": event.execution_role,
            "account": event.account,
            "region": event.region,
            "document_sha256": event.evidence.sha256,
            "place": event.locator,
            "raw_sha256": event.raw_sha256,
            "not_given_by_the_source": event.unknown_fields,
            "removed_on_import": event.redacted_fields,
        }
    )
