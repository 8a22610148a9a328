"""Pre-audit checks on the record around an assessment: tests, mappings, ATLAS ids, the job log, risks, the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import (
    Assessment,
    Finding,
    LedgerEvent,
    MappingPair,
    ModelVersion,
    Observation,
    Risk,
    Technique,
)
from compliance.selectors.completeness_page import integrity_of, reading_of_period
from compliance.selectors.coverage import CoverageRow, coverage_table
from compliance.selectors.file_checks import bad_evidence
from compliance.types.completeness import Integrity, Part
from compliance.types.states import MappingState, RiskState
from compliance.types.verdicts import CoverageState, StageVerdict

_NAMED = 20  # of many things of one kind so many are named, and the rest counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One thing that is open, in a sentence, with the page on which it is mended: URL name, arguments, query."""

    sentence: str
    url_name: str
    args: tuple[str, ...] = ()
    query: str = ""

    @property
    def url(self) -> str:
        """The address of that page."""
        address = reverse(self.url_name, args=self.args)
        return f"{address}?{self.query}" if self.query else address


def _coverage(assessment: Assessment) -> list[CoverageRow]:
    versions = ModelVersion.objects.filter(model__system=assessment.system_id)
    return coverage_table(versions, technique=assessment.technique)


def _of_version(row: CoverageRow, sentence: str) -> Open:
    told = _("%(model)s: %(sentence)s") % {"model": row.version, "sentence": sentence}
    return Open(sentence=told, url_name="model-version", args=(str(row.version.uuid),))


def stale_scans(assessment: Assessment) -> Iterator[Open]:
    """Model versions with a cell whose test is too old, or of another file."""
    for row in _coverage(assessment):
        stale = [cell.technique_id for cell in row.cells if cell.state is CoverageState.STALE]
        if stale:
            yield _of_version(row, _("the test against %s is stale.") % ", ".join(stale))


def negatives_without_power(assessment: Assessment) -> Iterator[Open]:
    """Cells that count as covered by a detection stage whose report states no power."""
    rows = _coverage(assessment)
    resting = {
        cell.observation.pk: row
        for row in rows
        for cell in row.cells
        if cell.observation and cell.state is CoverageState.COVERED
    }
    negative = Observation.objects.filter(pk__in=resting, verdict=StageVerdict.NO_EVIDENCE_AT_POWER)
    for seen in negative.only("pk", "producer", "rule", "facts"):
        told = ((seen.facts.get("stage") or {}).get("facts") or {}).get("calibration") or {}
        if not told.get("power"):
            yield _of_version(
                resting[seen.pk],
                _("%(test)s found nothing and states no power.") % {"test": f"{seen.producer} {seen.rule}"},
            )


def draft_mappings(assessment: Assessment) -> Iterator[Open]:
    """Mappings of controls behind the questions that nobody decided."""
    pairs = MappingPair.objects.filter(
        state=MappingState.DRAFT, control__questions__in=assessment.answers.values("question")
    )
    counted = pairs.order_by().values_list("control__control_id").annotate(n=Count("pk", distinct=True))
    for control, n in counted.order_by("control__control_id"):
        told = ngettext("%(control)s: %(n)d mapping is a draft.", "%(control)s: %(n)d mappings are drafts.", n)
        yield Open(sentence=told % {"control": control, "n": n}, url_name="catalogue-control", args=(control,))


def retired_ids(assessment: Assessment) -> Iterator[Open]:
    """Techniques in use that a release of ATLAS retired: of the assessment, and of findings of the system."""
    technique = assessment.technique
    used = {technique.atlas_id, *technique.subtechniques.values_list("atlas_id", flat=True)}
    for named in Finding.objects.filter(system=assessment.system_id).values_list("techniques", flat=True):
        used.update(named)
    for row in Technique.objects.filter(atlas_id__in=used, facts__retired=True).order_by("atlas_id"):
        newer = row.facts.get("replaced_by") or _("nothing")
        told = _("%(id)s was retired by ATLAS and replaced by %(newer)s.") % {"id": row.atlas_id, "newer": newer}
        yield Open(sentence=told, url_name="catalogue-reviews")


def log_gaps(assessment: Assessment) -> Iterator[Open]:
    """What the three figures of completeness leave open over the assessment's period."""
    reading = reading_of_period(assessment)
    if reading is None:
        told = _("The completeness of the job log was not read for the period.")
        yield Open(sentence=told, url_name="completeness", query=f"system={assessment.system.uuid}")
        return

    def at(part: Part, sentence: str) -> Open:
        return Open(sentence=sentence, url_name="completeness", query=f"part={part.value}&reading={reading.uuid}")

    units = reading.figures[Part.COVERAGE.value]["units"]
    silent = sum(one["in_scope"] - one["delivering"] for one in units)
    if silent:
        told = ngettext(
            "%d part in scope delivers no logs, or nobody knows whether it does.",
            "%d parts in scope deliver no logs, or nobody knows whether they do.",
            silent,
        )
        yield at(Part.COVERAGE, told % silent)
    if integrity_of(reading).verdict not in {Integrity.CONFIRMED, Integrity.CONSISTENT}:
        yield at(Part.INTEGRITY, _("The integrity of the log files is not shown for the whole period."))
    families = reading.figures[Part.RECONCILIATION.value]["families"]
    apart = sum(one["not_in_log"] + one["not_listed"] for one in families)
    if apart:
        told = ngettext(
            "%d job stands in a log or in a platform’s list alone.",
            "%d jobs stand in a log or in a platform’s list alone.",
            apart,
        )
        yield at(Part.RECONCILIATION, told % apart)


def expired_acceptances(assessment: Assessment) -> Iterator[Open]:
    """Risks that were accepted until a day that is over."""
    over = Risk.objects.filter(
        finding__system=assessment.system_id,
        state=RiskState.DEVIATION_APPROVED,
        accepted_until__lt=timezone.localdate(),
    )
    for risk in over.select_related("finding").order_by("accepted_until", "pk")[:_NAMED]:
        told = _("“%(risk)s” was accepted until %(day)s.") % {"risk": risk.title, "day": risk.accepted_until}
        yield Open(sentence=told, url_name="finding-detail", args=(str(risk.finding.uuid),))


def altered_files(assessment: Assessment) -> Iterator[Open]:
    """Evidence of the system whose file was found altered or missing when it was hashed again."""
    for piece, check in islice(bad_evidence(assessment.system), _NAMED):
        told = _("“%(piece)s”: the stored file was found %(state)s on %(day)s.")
        words = {"piece": piece.title, "state": check.get_state_display().lower(), "day": check.checked_at.date()}
        yield Open(sentence=told % words, url_name="evidence-detail", args=(str(piece.uuid),))


def ledger_gaps() -> Iterator[Open]:
    """Events that no block holds, and a ledger that nobody outside attests."""
    if LedgerEvent.objects.filter(place__isnull=True).exists():
        told = _("Events of the ledger are not sealed into a block yet; the next run of the sealer takes them.")
        yield Open(sentence=told, url_name="trail")
    if not settings.TSA_URL:
        told = _(
            "No time-stamp authority is set (TSA_URL), so nobody outside attests when the ledger stood as it does."
        )
        yield Open(sentence=told, url_name="settings")
