"""What the three figures of completeness say to the question for a job log, and against its answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import Answer, Assessment, CompletenessReading
from compliance.selectors.completeness_page import integrity_of, reading_of_period
from compliance.selectors.completeness_words import coverage_words, integrity_words, reconciliation_words
from compliance.types.completeness import Integrity, Part
from compliance.types.states import AnswerValue


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresSay:
    """lines: (label, value, query of the page) of each figure; contradictions: against the answer."""

    lines: tuple[tuple[str, str, str], ...]
    contradictions: tuple[str, ...] = ()


def figures_say(assessment: Assessment, answer: Answer) -> FiguresSay:
    """The reading over the very period of the assessment, else that none is on record."""
    labels = (
        _("Coverage of what is in scope"),
        _("Integrity of the log files"),
        _("Reconciliation with the platforms"),
    )
    reading = reading_of_period(assessment)
    if reading is None:
        missing = _("not assessed: the period was not read for completeness")
        query = f"system={assessment.system.uuid}"
        return FiguresSay(lines=tuple((one, missing, query) for one in labels))
    integrity = integrity_of(reading)
    words = (
        coverage_words(reading.figures[Part.COVERAGE.value]),
        integrity_words(integrity),
        reconciliation_words(reading.figures[Part.RECONCILIATION.value]),
    )
    lines = tuple(
        (one, told, f"part={part.value}&reading={reading.uuid}")
        for one, told, part in zip(labels, words, Part, strict=True)
    )
    against = _against(reading, integrity.verdict) if answer.value == AnswerValue.YES else ()
    return FiguresSay(lines=lines, contradictions=tuple(against))


def _against(reading: CompletenessReading, verdict: Integrity) -> list[str]:
    """Where a "yes" stands against the figures."""
    found = []
    units = reading.figures[Part.COVERAGE.value]["units"]
    silent = sum(one["in_scope"] - one["delivering"] - one["not_assessed"] for one in units)
    if silent:
        found.append(
            ngettext(
                "You answer yes. %d account, region or other part in scope delivers no logs.",
                "You answer yes. %d accounts, regions or other parts in scope deliver no logs.",
                silent,
            )
            % silent
        )
    if verdict is Integrity.INCONSISTENT:
        found.append(
            _("You answer yes. The log files do not hold together: something was changed or is not what it says.")
        )
    if verdict is Integrity.CONTRADICTED:
        found.append(
            _("You answer yes. An auditor fetched another key than the one by which the log files were verified.")
        )
    families = reading.figures[Part.RECONCILIATION.value]["families"]
    unlogged = sum(one["not_in_log"] for one in families)
    if unlogged:
        found.append(
            ngettext(
                "You answer yes. %d job stands in a platform’s own list or bill and in no log.",
                "You answer yes. %d jobs stand in a platform’s own list or bill and in no log.",
                unlogged,
            )
            % unlogged
        )
    return found
