"""The job log: events of fine-tune jobs on their way from prepared rows to the record, in one statement.

An import of a hundred thousand events must not hold the database's one writer for long. So every value is prepared
while rows are staged, and publishing is a single INSERT … SELECT that the database does by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from compliance.models import AISystem, Evidence, JobEvent, Principal
from compliance.services import bulk_rows
from compliance.types.canonical import canonical_json, merkle_root, sha256_hex
from compliance.types.drafts import JSON, JobEventDraft
from compliance.types.erased_names import committed, erased, is_erased
from compliance.types.job_identity import job_key
from compliance.types.states import RetentionClass

_TABLE = JobEvent._meta.db_table
_FIELDS = {str(field.column): field for field in JobEvent._meta.concrete_fields if not field.primary_key}
_GIVEN_AT_PUBLISH = (
    "created_at", "retention_class", "legal_hold", "system_id", "evidence_id", "source_uuid", "purged_leaf",
)  # fmt: skip
_PREPARED = tuple(column for column in _FIELDS if column not in _GIVEN_AT_PUBLISH)
# Columns that earlier rows do not have: left out of the leaf while empty, so that the roots in the ledger stay true.
_LATER = ("origins", "names_committed")
_SIGNED = tuple(column for column in _PREPARED if column not in ("uuid", "actor_id", "job_key"))
_ALWAYS_SIGNED = tuple(column for column in _SIGNED if column not in ("raw", *_LATER))
# Names of people that may be erased: signed by their commitments, where a row has one of them.
NAMES = ("session", "on_behalf_of")
_ROWS_A_STATEMENT = 200
_LONGEST = [(column, _FIELDS[column].max_length or 0) for column in _SIGNED if _FIELDS[column].max_length]


class RacedError(Exception):
    """Another import recorded some of the same events meanwhile: take a new plan and publish again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing will record: how many rows, how many are known already, and the Merkle root of the new ones."""

    recorded: int
    duplicates: int
    root: str


def prepare(*, draft: JobEventDraft, actor: Principal | None) -> str:
    """A draft as the values of one row, a JSON object in text, with the digest ("leaf") that stands for it in the Merkle root.

    The record itself is written only once: what is hashed is the first part of what is stored.
    """
    values: JSON = {
        "fingerprint": draft.fingerprint,
        "source": draft.source,
        "source_event_id": draft.source_event_id,
        "locator": draft.locator,
        "raw": draft.raw,
        "raw_sha256": draft.raw_sha256,
        "occurred_at": _moment(draft.occurred_at),
        "session": draft.actor.session if draft.actor else "",
        "on_behalf_of": draft.actor.on_behalf_of if draft.actor else "",
        "role": draft.role,
        "execution_role": draft.execution_role,
        "action": draft.action,
        "action_class": draft.action_class.value,
        "outcome": draft.outcome.value,
        "outcome_detail": draft.outcome_detail,
        "source_address": draft.source_address,
        "account": draft.account,
        "region": draft.region,
        "job_id": draft.job_id,
        "job_name": draft.job_name,
        "inputs": [{"role": entry.role, "uri": entry.uri, "digest": entry.digest} for entry in draft.inputs],
        "base_model": draft.base_model,
        "output_uri": draft.output_uri,
        "output_model": draft.output_model,
        "unknown_fields": list(draft.unknown_fields),
        "redacted_fields": list(draft.redacted_fields),
        "origins": dict(draft.origins),
    }
    for column, longest in _LONGEST:
        if len(values[column]) > longest:
            values[column] = values[column][: longest - 1] + "…"
    values["names_committed"] = any(values[column] for column in NAMES)
    signed = _signed(values, actor, draft.raw_text.encode())
    others: JSON = {column: values[column] for column in _LATER if not values[column]}
    if values["names_committed"]:
        others |= {column: values[column] for column in NAMES}
    others |= {
        "uuid": uuid.uuid4().hex,
        "actor_id": actor.pk if actor else None,
        "job_key": job_key(source=draft.source, job_id=values["job_id"]),
        "leaf": sha256_hex(signed),
    }
    return signed[:-1].decode() + "," + bulk_rows.as_json(others)[1:]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _signed(values: JSON, actor: Principal | None, raw: bytes = b"") -> bytes:
    """What the leaf of an event is the digest of, as canonical JSON. raw: that of the record, where it is known."""
    form = {column: values[column] for column in _ALWAYS_SIGNED}
    form |= {column: values[column] for column in _LATER if values[column]}
    form["actor"] = actor.pseudonym if actor else ""
    if values["names_committed"]:
        key = bytes(actor.commitment_key) if actor and actor.commitment_key is not None else None
        form |= {f"{column}_commitment": committed(form.pop(column), key=key) for column in NAMES}
    if not raw:
        return canonical_json(form | {"raw": values["raw"]})
    # The record's own member goes before that of its digest: no other follows which has members of such a name.
    before, after, rest = canonical_json(form).rpartition(b',"raw_sha256":')
    return b"".join((before, b',"raw":', raw, after, rest))


def _root(leaves: Iterable[str]) -> str:
    return merkle_root(bytes.fromhex(leaf) for leaf in leaves)


def plan(*, system: AISystem, staged: QuerySet[Any]) -> Plan:
    """Look, without a lock, at which prepared rows are new. staged: rows with `n`, `fingerprint` and `payload`."""
    known = JobEvent.objects.filter(system=system, fingerprint=OuterRef("fingerprint"))
    fresh = staged.filter(~Exists(known)).order_by("fingerprint", "n").values_list("fingerprint", KT("payload__leaf"))
    leaves = _first_of_each(fresh.iterator(chunk_size=5000))
    return Plan(recorded=len(leaves), duplicates=staged.count() - len(leaves), root=_root(leaves))


def _first_of_each(rows: Iterator[tuple[str, str]]) -> list[str]:
    leaves, last = [], ""
    for fingerprint, leaf in rows:
        if fingerprint != last:
            leaves.append(leaf)
        last = fingerprint
    return leaves


def publish(
    *, system: AISystem, evidence: Evidence, source_uuid: uuid.UUID, staged: QuerySet[Any], expected: Plan
) -> None:
    """Record the prepared rows in the caller's transaction, those already known left out.

    Raises RacedError where the plan no longer holds; the caller's transaction must then be undone.
    """
    given: dict[str, object] = {
        "created_at": timezone.now(),
        "retention_class": RetentionClass.STANDARD.value,
        "legal_hold": False,
        "system_id": system.pk,
        "evidence_id": evidence.pk,
        "source_uuid": source_uuid,
        "purged_leaf": "",
    }
    source, parameters = staged.order_by("n").values("payload").query.sql_with_params()
    columns = ", ".join(f'"{column}"' for column in (*given, *_PREPARED))
    constants = ", ".join(["%s"] * len(given))
    statement = (
        f'INSERT INTO "{_TABLE}" ({columns}) SELECT {constants}, {_extraction(source)} '
        f"WHERE true ON CONFLICT (system_id, fingerprint) DO NOTHING"
    )
    values = [_FIELDS[column].get_db_prep_save(value, connection) for column, value in given.items()]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, *parameters])
        if cursor.rowcount != expected.recorded:
            raise RacedError(f"expected {expected.recorded} new events, found {cursor.rowcount}")


def _extraction(source: str) -> str:
    """The columns out of the JSON payload and where they come from: the end of a SELECT, per database."""
    if connection.vendor == "postgresql":
        picked = ", ".join(f'r."{column}"' for column in _PREPARED)
        return f'{picked} FROM ({source}) s CROSS JOIN LATERAL jsonb_populate_record(NULL::"{_TABLE}", s.payload) r'
    picked = ", ".join(f"json_extract(s.payload, '$.{column}')" for column in _PREPARED)
    return f"{picked} FROM ({source}) s"


def rows_root(*, source_uuid: uuid.UUID) -> str:
    """Merkle root over the events that an import recorded, computed from the record as it is now."""
    events = JobEvent.objects.filter(source_uuid=source_uuid).select_related("actor").order_by("fingerprint")
    return _root(event.purged_leaf or _leaf(event) for event in events.iterator(chunk_size=2000))


def _leaf(event: JobEvent) -> str:
    """The digest that stands for an event under the root, from the record as it is now."""
    values = {column: getattr(event, column) for column in _SIGNED} | {"occurred_at": _moment(event.occurred_at)}
    return sha256_hex(_signed(values, event.actor))


# Purging --------------------------------------------------------------------------------------------------------------


def purge_raw(*, evidence: Evidence, most: int) -> int:
    """Take away, of so many events of a document, the record as it was read, the names in it and the address it came from, in
    the caller's transaction; how many were left to do. The digest that each counts as stays, so no root changes.
    """
    waiting = evidence.job_events.filter(purged_leaf="").select_related("actor").order_by("pk")
    events = list(waiting[:most])
    for event in events:
        event.purged_leaf = _leaf(event)
    JobEvent.objects.bulk_update(events, ("purged_leaf",), batch_size=_ROWS_A_STATEMENT)
    keys = [event.pk for event in events]
    JobEvent.objects.filter(pk__in=keys).update(raw={}, session="", on_behalf_of="", source_address="")
    return len(events)


# Erasure --------------------------------------------------------------------------------------------------------------


def erase_names(*, principal: Principal) -> int:
    """Put the pseudonym in place of a person's names, in the caller's transaction and before the person's own key goes; the
    number of events that named them by session or by on whose behalf.

    All such names in events by the person go; in those by others, the ones that are the person's. An event by another
    principal of the same name stays: that principal is erased by itself, and would betray the pseudonym until then.
    """
    names = [name for name in (principal.identifier, principal.display) if name]
    mentioned = reduce(or_, (Q(**{f"{column}__iexact": name}) for column in NAMES for name in names), Q(pk=None))
    by_others = JobEvent.objects.filter(mentioned, actor__commitment_key__isnull=False).exclude(
        reduce(
            or_, (Q(actor__identifier__icontains=name) | Q(actor__display__iexact=name) for name in names), Q(pk=None)
        )
    )
    by_themselves = principal.job_events.exclude(session="", on_behalf_of="")
    changed = [_without_names(event, principal.pseudonym, None) for event in by_themselves.select_related("actor")]
    folded = {name.casefold() for name in names}
    changed += [
        _without_names(event, principal.pseudonym, folded)
        for event in by_others.exclude(actor=principal).select_related("actor")
    ]
    JobEvent.objects.bulk_update(changed, NAMES, batch_size=_ROWS_A_STATEMENT)
    return len(changed)


def _without_names(event: JobEvent, pseudonym: str, names: set[str] | None) -> JobEvent:
    """The event with the names (None: any) replaced."""
    assert event.actor is not None
    assert event.actor.commitment_key is not None
    for column in NAMES:
        value = getattr(event, column)
        if value and not is_erased(value) and (names is None or value.casefold() in names):
            setattr(event, column, erased(key=bytes(event.actor.commitment_key), name=value, pseudonym=pseudonym))
    return event
