"""How complete a job log is, as a page and a pack show it: three figures apart, what each stands on, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet

from compliance.models import (
    AISystem,
    Assessment,
    CompletenessReading,
    CompletenessRow,
    KeyComparison,
    PlatformDocument,
)
from compliance.rights import Asker, visible
from compliance.types.completeness import EXCEPTIONS, Integrity, Part, RowState
from compliance.types.drafts import JSON

_OTHERS = 20
# What a comparison of keys can raise or lower: a chain that does not hold together stays what it is.
_RAISED = Integrity.CONSISTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsed:
    """A key by which digest files were verified. document: the list that it came in, None where it is gone; comparison: the
    latest by an auditor; file_name, fetched_by, fetched_at: of that list, as far as the importer said."""

    sha256: str
    fingerprint: str
    region: str
    document: PlatformDocument | None
    comparison: KeyComparison | None

    @property
    def file_name(self) -> str:
        """The file that the key came in."""
        return self.document.evidence.filename if self.document else ""

    @property
    def fetched_by(self) -> str:
        """Whoever handed the file in; how it was collected, where a command did."""
        evidence = self.document.evidence if self.document else None
        return str(evidence.received_by or evidence.collected_how) if evidence else ""

    @property
    def fetched_at(self) -> datetime | None:
        """When the list was taken, as it or its importer says."""
        return self.document.taken_at if self.document else None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityFigure:
    """Integrity with what auditors found: by that alone the verdict here differs from the one in the reading's figures."""

    verdict: Integrity
    keys: tuple[KeyUsed, ...]
    figure: JSON

    @property
    def hours(self) -> float:
        """Hours of the period, over all chains."""
        return float(self.figure["seconds"]) / 3600

    @property
    def hours_consistent(self) -> float:
        """Hours of which every digest file and log file fits."""
        return float(self.figure["seconds_consistent"]) / 3600


def integrity_of(reading: CompletenessReading) -> IntegrityFigure:
    """The figure of integrity, with the comparisons of keys that are on record now."""
    figure: JSON = reading.figures[Part.INTEGRITY.value]
    keys = tuple(_keys(reading, figure["keys"]))
    return IntegrityFigure(verdict=_verdict(Integrity(figure["verdict"]), keys), keys=keys, figure=figure)


def _keys(reading: CompletenessReading, used: list[JSON]) -> list[KeyUsed]:
    uuids = [one["document"] for one in used if one["document"]]
    documents = {
        str(document.uuid): document
        for document in PlatformDocument.objects.filter(uuid__in=uuids)
        .select_related("evidence__received_by")
        .defer("content")
    }
    compared: dict[str, KeyComparison] = {}
    rows = KeyComparison.objects.filter(system=reading.system_id, key_sha256__in=[one["sha256"] for one in used])
    for row in rows.select_related("compared_by").order_by("created_at", "pk"):
        compared[row.key_sha256] = row
    return [
        KeyUsed(
            sha256=one["sha256"],
            fingerprint=one["fingerprint"],
            region=one["region"],
            document=documents.get(one["document"]),
            comparison=compared.get(one["sha256"]),
        )
        for one in used
    ]


def _verdict(measured: Integrity, keys: tuple[KeyUsed, ...]) -> Integrity:
    """An auditor who saw another key contradicts everything that was verified by it; only all keys confirmed raise a figure."""
    if any(key.comparison is not None and not key.comparison.matches for key in keys):
        return Integrity.CONTRADICTED
    confirmed = keys and all(key.comparison is not None and key.comparison.matches for key in keys)
    return Integrity.CONFIRMED if measured is _RAISED and confirmed else measured


# Readings -------------------------------------------------------------------------------------------------------------


def readings(user: Asker) -> QuerySet[CompletenessReading]:
    """All readings that the asker may see, latest first."""
    return visible(CompletenessReading.objects.select_related("system"), user)


def asked_reading(user: Asker, *, system: UUID | None = None, uuid: UUID | None = None) -> CompletenessReading | None:
    """The reading that is asked for, else the latest of the system, else the latest of all."""
    rows = readings(user)
    if uuid is not None:
        return rows.filter(uuid=uuid).first()
    return (rows.filter(system__uuid=system) if system is not None else rows).first()


def reading_of_period(assessment: Assessment) -> CompletenessReading | None:
    """The reading over the very period of an assessment that counts."""
    rows = CompletenessReading.objects.filter(
        system=assessment.system_id, period_start=assessment.period_start, period_end=assessment.period_end
    )
    return rows.order_by("-created_at", "-pk").first()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessFilter:
    """What a list of lines is asked for; empty means any. state: one of RowState, or "exceptions"."""

    part: str = Part.COVERAGE
    state: str = ""
    text: str = ""


def completeness_rows(reading: CompletenessReading, asked: CompletenessFilter) -> QuerySet[CompletenessRow]:
    """Lines of one figure, as filtered."""
    rows = reading.rows.filter(part=asked.part).order_by("n")
    if asked.state == "exceptions":
        rows = rows.filter(state__in=EXCEPTIONS)
    elif asked.state:
        rows = rows.filter(state=asked.state)
    if asked.text:
        rows = (
            rows.filter(sentence__icontains=asked.text)
            | rows.filter(place__icontains=asked.text)
            | rows.filter(name__icontains=asked.text)
        )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessPage:
    """One reading with everything beside its lists. exceptions: part -> how many lines somebody has to explain."""

    reading: CompletenessReading
    integrity: IntegrityFigure
    coverage: JSON
    reconciliation: JSON
    exceptions: dict[str, int]
    lines: dict[str, int]
    others: tuple[CompletenessReading, ...]


def completeness_page(reading: CompletenessReading, user: Asker) -> CompletenessPage:
    """Everything beside the lists."""
    counted = reading.rows.order_by().values("part", "state").annotate(n=Count("pk"))
    exceptions = dict.fromkeys((part.value for part in Part), 0)
    lines = dict(exceptions)
    for row in counted:
        lines[row["part"]] += row["n"]
        exceptions[row["part"]] += row["n"] if RowState(row["state"]) in EXCEPTIONS else 0
    others = readings(user).filter(system=reading.system_id).exclude(pk=reading.pk)
    return CompletenessPage(
        reading=reading,
        integrity=integrity_of(reading),
        coverage=reading.figures[Part.COVERAGE.value],
        reconciliation=reading.figures[Part.RECONCILIATION.value],
        exceptions=exceptions,
        lines=lines,
        others=tuple(others[:_OTHERS]),
    )


def latest_of(user: Asker, system: AISystem) -> CompletenessReading | None:
    """The latest reading of a system."""
    return readings(user).filter(system=system).first()
