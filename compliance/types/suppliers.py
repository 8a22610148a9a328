"""Third parties: what the report of one speaks of, and which days of a period it leaves uncovered. Frozen, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_DAY = timedelta(days=1)


class ReportType(StrEnum):
    """What a third party hands over about its controls. Type 1 reports and certificates speak of a day, not of a period."""

    SOC_1_TYPE_1 = "soc1-type1"
    SOC_1_TYPE_2 = "soc1-type2"
    SOC_2_TYPE_1 = "soc2-type1"
    SOC_2_TYPE_2 = "soc2-type2"
    ISAE_3402_TYPE_1 = "isae3402-type1"
    ISAE_3402_TYPE_2 = "isae3402-type2"
    CERTIFICATE = "certificate"
    QUESTIONNAIRE = "questionnaire"
    MODEL_CARD = "model-card"
    TEST_REPORT = "test-report"
    OTHER = "other"
    NONE = "none"


class Opinion(StrEnum):
    """What the report's author concludes."""

    UNQUALIFIED = "unqualified"
    QUALIFIED = "qualified"
    ADVERSE = "adverse"
    DISCLAIMER = "disclaimer"
    NO_OPINION = "no-opinion"


@dataclass(frozen=True, slots=True)
class Days:
    """Days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def count(self) -> int:
        return (self.end - self.start).days + 1


def uncovered(period: Days, start: date | None, end: date | None) -> tuple[Days, ...]:
    """The days of `period` of which a report over `start` to `end` says nothing, in order.

    A report without a period (both None) covers no day; one that speaks of a day alone (start None) covers that day.
    """
    if end is None:
        return (period,)
    first = max(start or end, period.start)
    last = min(end, period.end)
    if first > last:
        return (period,)
    parts = (Days(period.start, first - _DAY), Days(last + _DAY, period.end))
    return tuple(part for part in parts if part.start <= part.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerControlDraft:
    """A complementary customer control that a report asks for.

    reference: its id in the report, or ""; controls: uuids of the own controls that meet it; note: why none is needed, or "".
    """

    reference: str
    statement: str
    controls: tuple[str, ...]
    note: str
