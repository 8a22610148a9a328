"""Staged rows: parsed, prepared for publishing, seen by nobody yet. Each chunk is one short transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from compliance.models import Principal
from compliance.services import bulk_rows, job_log, people
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import merkle_root
from compliance.types.completeness import CompletenessDraft
from compliance.types.documents import DocumentDraft
from compliance.types.drafts import JSON, AssetRef, JobEventDraft, ObservationDraft, PrincipalDraft, Reject
from compliance.types.entitlements import EntitlementDraft
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.models import Import, ImportReject, StagedRow

JOB_EVENT, OBSERVATION, ENTITLEMENT, COMPLETENESS = "job_event", "observation", "entitlement", "completeness"
_COLUMNS = ("document_import_id", "n", "kind", "fingerprint", "payload")
_OBSERVATION_FIELDS = tuple(field.name for field in fields(ObservationDraft))  # `asdict` would copy all facts
Row = JobEventDraft | ObservationDraft | EntitlementDraft | CompletenessDraft
Draft = Row | Reject
DocumentT = TypeVar("DocumentT", bound=DocumentDraft)
_SWEEP_ROWS = 5_000


def observation_as_json(draft: ObservationDraft) -> JSON:
    """An observation draft as JSON; `observation_from_json` gives it back."""
    vocabulary = "stage" if isinstance(draft.verdict, StageVerdict) else "file"
    return {name: getattr(draft, name) for name in _OBSERVATION_FIELDS} | {
        "asset": {"kind": draft.asset.kind, "name": draft.asset.name, "digest": draft.asset.digest},
        "method": draft.method.value,
        "verdict": [vocabulary, draft.verdict.value],
        "severity": draft.severity.value if draft.severity else None,
        "observed_at": draft.observed_at.isoformat() if draft.observed_at else None,
        "atlas_techniques": list(draft.atlas_techniques),
    }


def observation_from_json(value: JSON) -> ObservationDraft:
    """The draft that `observation_as_json` wrote."""
    vocabulary, verdict = value["verdict"]
    return ObservationDraft(
        producer=value["producer"],
        producer_version=value["producer_version"],
        rule=value["rule"],
        title=value["title"],
        description=value["description"],
        method=Method(value["method"]),
        asset=AssetRef(**value["asset"]),
        fingerprint=value["fingerprint"],
        verdict=StageVerdict(verdict) if vocabulary == "stage" else FileScanVerdict(verdict),
        observed_at=datetime.fromisoformat(value["observed_at"]) if value["observed_at"] else None,
        severity=Severity(value["severity"]) if value["severity"] else None,
        native_severity=value["native_severity"],
        atlas_techniques=tuple(value["atlas_techniques"]),
        location=value["location"],
        facts=value["facts"],
        raw_sha256=value["raw_sha256"],
    )


def document_as_json(draft: DocumentDraft) -> JSON:
    """A document as JSON; `document_from_json` gives it back."""
    return asdict(draft) | {"taken_at": draft.taken_at.isoformat() if draft.taken_at else None}


def document_from_json(make: type[DocumentT], value: JSON) -> DocumentT:
    """The draft that `document_as_json` wrote, as one of its kind."""
    taken_at = datetime.fromisoformat(value["taken_at"]) if value["taken_at"] else None
    return make(**(value | {"taken_at": taken_at}))


class Stager:
    """Writes the drafts of one document in chunks, and goes on where an earlier attempt was cut off.

    A chunk, its rejects and its job step are one transaction: a step that exists has all its rows, no other has any.
    """

    def __init__(self, *, document: Import, keeper: LeaseKeeper, chunk_rows: int) -> None:
        self._document, self._keeper, self._chunk_rows = document, keeper, chunk_rows
        steps = keeper.steps()
        self._step = max(steps, default=0)
        self._resume_at = int(steps[self._step].result["upto"]) if steps else 0
        self._n = 0
        self._waiting: list[tuple[int, Draft]] = []
        self._principals: dict[str, Principal] = {}

    def add(self, draft: Draft) -> None:
        """Take the next draft of the document; those staged by an earlier attempt are passed over."""
        n, self._n = self._n, self._n + 1
        if n >= self._resume_at:
            self._waiting.append((n, draft))
        if len(self._waiting) >= self._chunk_rows:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        drafts = self._resolved()
        rejects = [
            ImportReject(document_import=self._document, n=n, locator=draft.locator[:300], reason=draft.reason)
            for n, draft in self._waiting
            if isinstance(draft, Reject)
        ]
        self._step += 1
        digest = merkle_root(draft.fingerprint.encode() for _, draft in drafts)
        with transaction.atomic():
            self._keeper.checkpoint(n=self._step, digest=digest, result={"upto": self._n})
            bulk_rows.insert_values(
                model=StagedRow, columns=_COLUMNS, rows=(self._row(n, draft) for n, draft in drafts)
            )
            ImportReject.objects.bulk_create(rejects)
        self._waiting.clear()

    def _resolved(self) -> list[tuple[int, Row]]:
        """The rows that wait, once a principal is known for each actor they name."""
        rows = [(n, draft) for n, draft in self._waiting if not isinstance(draft, Reject)]
        named = [draft.actor for _, draft in rows if isinstance(draft, JobEventDraft) and draft.actor]
        unknown = {actor.identifier: actor for actor in named if actor.identifier not in self._principals}
        if unknown:
            self._principals |= _principals(list(unknown.values()))
        return rows

    def _actor_of(self, draft: Draft) -> Principal | None:
        if isinstance(draft, JobEventDraft) and draft.actor:
            return self._principals[draft.actor.identifier]
        return None

    def _row(self, n: int, draft: Row) -> tuple[int, int, str, str, str]:
        """The values of one staged row, in the order of _COLUMNS."""
        if isinstance(draft, JobEventDraft):
            kind, payload = JOB_EVENT, job_log.prepare(draft=draft, actor=self._actor_of(draft))
        elif isinstance(draft, EntitlementDraft):
            kind, payload = ENTITLEMENT, bulk_rows.as_json(document_as_json(draft))
        elif isinstance(draft, CompletenessDraft):
            kind, payload = COMPLETENESS, bulk_rows.as_json(document_as_json(draft))
        else:
            kind, payload = OBSERVATION, bulk_rows.as_json(observation_as_json(draft))
        return self._document.pk, n, kind, draft.fingerprint, payload


def _principals(drafts: Sequence[PrincipalDraft]) -> dict[str, Principal]:
    return people.principals_for(drafts=drafts)


def events_of(document: Import) -> QuerySet[StagedRow]:
    """Staged job events of an import."""
    return StagedRow.objects.filter(document_import=document, kind=JOB_EVENT)


def observations_of(document: Import) -> list[ObservationDraft]:
    """Staged observations of an import, each fingerprint once."""
    rows = StagedRow.objects.filter(document_import=document, kind=OBSERVATION).order_by("n")
    drafts = [observation_from_json(payload) for payload in rows.values_list("payload", flat=True)]
    return list({draft.fingerprint: draft for draft in reversed(drafts)}.values())[::-1]


def entitlements_of(document: Import) -> list[EntitlementDraft]:
    """Staged entitlement documents of an import."""
    rows = StagedRow.objects.filter(document_import=document, kind=ENTITLEMENT).order_by("n")
    return [document_from_json(EntitlementDraft, row.payload) for row in rows]


def completeness_of(document: Import) -> list[CompletenessDraft]:
    """Staged documents on which logs there are, whether they are whole, and which jobs there were."""
    rows = StagedRow.objects.filter(document_import=document, kind=COMPLETENESS).order_by("n")
    return [document_from_json(CompletenessDraft, row.payload) for row in rows]


def remove(document: Import) -> None:
    """Remove the staged rows of an import that is over, in short transactions."""
    staged = StagedRow.objects.filter(document_import=document)
    while batch := list(staged.values_list("pk", flat=True)[:_SWEEP_ROWS]):
        StagedRow.objects.filter(pk__among=batch).delete()
