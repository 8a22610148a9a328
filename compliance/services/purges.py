"""What was read off a piece of evidence goes with it: words, contents and names; what follows from it stays as a digest.

Rows of these tables never change: a row is taken away and its remainder put in its place, under the same key, in one
transaction. The remainder holds the digest that the row counts as under the Merkle root of its import, so that the root stays
what the ledger says it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import router
from django.db.models import QuerySet
from django.db.models.sql import DeleteQuery
from django.utils.translation import gettext as _

from compliance.models import EntitlementSnapshot, Evidence, Job, Observation, PlatformDocument
from compliance.services import documents, job_log, observations

STEP = 500  # rows of one short transaction: others write between them
# Of what Assay itself noted about an observation, and not the report: by these keys a conclusion stands where it does.
_OURS = ("control", "part_of")


@dataclass(frozen=True, slots=True)
class Purged:
    """How much was purged of a piece, as its tombstone says."""

    records: int
    documents: int
    observations: int
    rejects: int


def purge(*, evidence: Evidence) -> int:
    """Purge some of what was read off a piece, in the caller's transaction; how many rows they were, 0 when nothing is left."""
    return (
        job_log.purge_raw(evidence=evidence, most=STEP)
        or _purge_rows(_contents(PlatformDocument, evidence), _without_content)
        or _purge_rows(_contents(EntitlementSnapshot, evidence), _without_content)
        or _purge_rows(_words(evidence), _without_words)
        or _purge_rejects(evidence)
    )


def counted(*, evidence: Evidence) -> Purged:
    """What has been purged of a piece."""
    kept = (PlatformDocument, EntitlementSnapshot)
    return Purged(
        records=evidence.job_events.exclude(purged_leaf="").count(),
        documents=sum(model.objects.filter(evidence=evidence).exclude(purged_leaf="").count() for model in kept),
        observations=evidence.observations.exclude(purged_leaf="").count(),
        rejects=_rejects(evidence).filter(locator="", reason="").count(),
    )


def forget_name(*, evidence: Evidence, name: str) -> None:
    """Put a name in place of that of the file in what tells of its imports, in the caller's transaction."""
    told = Job.objects.filter(subject_uuid__in=_imports(evidence).values("uuid"))
    told.update(title=_("Import of %s") % name, error="")


def _imports(evidence: Evidence) -> QuerySet[Any]:
    imports: QuerySet[Any] = apps.get_model("scanning", "Import").objects.filter(evidence=evidence)
    return imports


def _contents(model: Any, evidence: Evidence) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.filter(evidence=evidence, purged_leaf="")
    return rows


def _words(evidence: Evidence) -> QuerySet[Observation]:
    """Observations that an import read off the piece. What Assay's own scans measured is no copy of it, and stays."""
    return evidence.observations.filter(purged_leaf="", source_uuid__in=_imports(evidence).values("uuid"))


def _rejects(evidence: Evidence) -> QuerySet[Any]:
    rejects: QuerySet[Any] = apps.get_model("scanning", "ImportReject").objects.all()
    return rejects.filter(document_import__evidence=evidence)


def _purge_rejects(evidence: Evidence) -> int:
    """Where a refused record stood and why it was refused may quote it; that one was refused stays."""
    waiting = _rejects(evidence).exclude(locator="", reason="").order_by("pk")
    keys = list(waiting.values_list("pk", flat=True)[:STEP])
    return _rejects(evidence).filter(pk__in=keys).update(locator="", reason="")


def _purge_rows(waiting: QuerySet[Any], strip: Callable[[Any], None]) -> int:
    rows = list(waiting.order_by("pk")[:STEP])
    for row in rows:
        strip(row)
    _put_in_place(waiting.model, rows)
    return len(rows)


def _put_in_place(model: Any, rows: Sequence[Any]) -> None:
    """Rows in place of those with their keys. What refers to one still does: references are checked at the end."""
    DeleteQuery(model).delete_batch([row.pk for row in rows], router.db_for_write(model))
    model.objects.bulk_create(rows)


def _without_content(document: Any) -> None:
    document.purged_leaf = documents.leaf_of(document)
    document.content, document.locator = {}, ""


def _without_words(seen: Observation) -> None:
    """Rule, verdict, severity, asset and time stay: findings rest on them. A place is told from others by its digest."""
    seen.purged_leaf = observations.leaf_of(seen)
    seen.title, seen.description, seen.native_severity = seen.rule, "", ""
    seen.location = f"sha256:{seen.purged_leaf[:16]}" if seen.location else ""
    seen.facts = {name: seen.facts[name] for name in _OURS if name in seen.facts}
