"""What the record says to the question for the integrity of training data: which jobs read verified data, how, and when."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import Answer, JobEvent
from compliance.selectors.verified_data import VERIFIED_EITHER_WAY, WORDS, VerifiedData, verified_data
from compliance.types.figure_rules import DATA
from compliance.types.states import AnswerValue
from compliance.types.verified_data import DataState

_POINT, _EVERY_JOB, _COVERED = "verification_point", "before every job", "datasets_covered"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSay:
    """lines: (label, value, query of the job log, its rows, rule; "" and None where no rows stand behind it);
    contradictions: against the answer."""

    lines: tuple[tuple[str, str, str, int | None, str], ...]
    contradictions: tuple[str, ...]


def data_says(answer: Answer, events: QuerySet[JobEvent], *, query: str) -> DataSay:
    """events: of the assessment's system and period; query: of the job log's list that shows them."""
    found = verified_data(events, system=answer.assessment.system_id)
    share = f"{found.verified / found.total:.0%}" if found.total else "–"
    told = _("%(verified)s of %(total)s (%(share)s)") % {
        "verified": f"{found.verified:,}", "total": f"{found.total:,}", "share": share,
    }  # fmt: skip
    lines: list[tuple[str, str, str, int | None, str]] = [
        (
            _("Submitted jobs whose data was verified before the start"),
            told,
            f"{query}&verified={VERIFIED_EITHER_WAY}",
            found.verified,
            "data/verified",
        )
    ]
    for state in DataState:
        label, n = _("Of the submitted jobs: %s") % WORDS[state.value], found.records[state]
        lines.append((label, f"{n:,}", f"{query}&verified={state.value}", n, f"{DATA}{state}"))
    newest = found.last_compared
    when = newest.strftime("%Y-%m-%d %H:%M UTC") if newest else _("never")
    lines.append((_("Data of these jobs last compared with its manifest"), when, "", None, "data/last-compared"))
    return DataSay(lines=tuple(lines), contradictions=tuple(_against(answer, found)))


def _against(answer: Answer, found: VerifiedData) -> list[str]:
    """Claims that the record does not bear out."""
    told: list[str] = []
    open_jobs = found.total - found.verified
    if answer.claims.get(_POINT) == _EVERY_JOB and open_jobs:
        told.append(
            _(
                "You state that data is verified before every job. Of %(total)s jobs submitted in the period %(open)s "
                "started without a verification on record."
            )
            % {"total": f"{found.total:,}", "open": f"{open_jobs:,}"}
        )
    if answer.value == AnswerValue.YES and found.records[DataState.DIFFERED]:
        told.append(
            ngettext(
                "You answer yes. %d job read data that differed from its manifest when it was last compared.",
                "You answer yes. %d jobs read data that differed from its manifest when it was last compared.",
                found.records[DataState.DIFFERED],
            )
            % found.records[DataState.DIFFERED]
        )
    stated = str(answer.claims.get(_COVERED, "")).strip()
    if stated.isdigit() and int(stated) < found.versions:
        told.append(
            _("You state that %(stated)s data-set versions are under the process. Jobs of the period read %(read)d.")
            % {"stated": stated, "read": found.versions}
        )
    return told
