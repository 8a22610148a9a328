"""What the checks on job events and the access reviews say to an audit question, and against its answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.choices import label
from compliance.models import Answer, Assessment, CheckRun
from compliance.selectors.access_review_page import completed_on, review_figures, review_in_period
from compliance.types.checks import CheckRule
from compliance.types.drafts import JSON
from compliance.types.figure_rules import CHECK
from compliance.types.states import AnswerValue
from compliance.types.verdicts import FileScanVerdict

# Worth a look, and no contradiction of a "yes" by themselves.
_ALONE_NO_CONTRADICTION = {CheckRule.ENTITLED_UNUSED, CheckRule.DENIED_BURST, CheckRule.OUTSIDE_CHANGE_WINDOW}
_SECOND_APPROVAL, _LAST_REVIEW = "second_approval", "last_review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One figure: label, value, address name and query; see question_facts.Fact."""

    label: str
    value: str
    url_name: str
    query: str
    rule: str


def run_of(assessment: Assessment) -> CheckRun | None:
    """The latest checks over exactly the period of an assessment."""
    rows = CheckRun.objects.filter(
        system=assessment.system_id,
        finished_at__isnull=False,
        period_start=assessment.period_start,
        period_end=assessment.period_end,
    )
    return rows.order_by("-finished_at", "-pk").first()


def check_facts(answer: Answer) -> tuple[tuple[Said, ...], tuple[str, ...]]:
    """Figures of the checks that speak to a question, and sentences against its answer."""
    assessment = answer.assessment
    rules = [CheckRule(name) for name in answer.question.facts.get("checks", ())]
    if not rules:
        return (), ()
    query = f"system={assessment.system.uuid}"
    run = run_of(assessment)
    if run is None:
        waiting = _("not run for this period yet")
        about = Said(
            label=_("Checks on job events"), value=waiting, url_name="check-list", query=query, rule="check/not-run"
        )
        return (about,), ()
    found = {CheckRule(result["rule"]): result for result in run.results}
    facts = tuple(
        Said(
            label=str(label(rule)), value=_value(found[rule]), url_name="check-list", query=query, rule=f"{CHECK}{rule}"
        )
        for rule in rules
    )
    return facts, tuple(_against(answer, run, [found[rule] for rule in rules]))


def _value(result: JSON) -> str:
    if result["verdict"] in {FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND}:
        return _("%(exceptions)d of %(population)d") % result
    return str(result["statement"])


def _against(answer: Answer, run: CheckRun, results: list[JSON]) -> list[str]:
    failing = [one for one in results if one["exceptions"] and CheckRule(one["rule"]) not in _ALONE_NO_CONTRADICTION]
    told: list[str] = []
    if answer.value == AnswerValue.YES and failing:
        names = "; ".join(f"{label(CheckRule(one['rule']))} ({_value(one)})" for one in failing)
        told.append(_("You answer yes. The checks on the job events of the period list exceptions: %s.") % names)
    if answer.claims.get(_SECOND_APPROVAL) == "always" and not run.facts.get("approvals") and run.facts["submissions"]:
        told.append(
            ngettext(
                "You state that a second person always approves. No approval of the %d job is on record.",
                "You state that a second person always approves. No approval of any of the %d jobs is on record.",
                run.facts["submissions"],
            )
            % run.facts["submissions"]
        )
    return told


def review_facts(answer: Answer) -> tuple[tuple[Said, ...], tuple[str, ...]]:
    """The access review of the period beside the answer, and what it says against it."""
    review = review_in_period(answer.assessment)
    stated = str(answer.claims.get(_LAST_REVIEW) or "")
    if review is None:
        fact = Said(
            label=_("Access review"),
            value=_("none was completed in the period"),
            url_name="access-review-list",
            query="",
            rule="review/last",
        )
        told = (
            _("You state that access was last reviewed on %s. No completed review of the period is on record.") % stated
        )
        return (fact,), ((told,) if stated else ())
    figures, day = review_figures(review), completed_on(review)
    values = {
        "day": day, "kept": figures.kept, "removed": figures.removed, "confirmed": figures.confirmed,
        "late": figures.late_removals,
    }  # fmt: skip
    value = (
        _("%(day)s: %(kept)d kept, %(removed)d to be removed, of these %(confirmed)d confirmed, %(late)d late") % values
    )
    fact = Said(label=_("Access review"), value=value, url_name="access-review-list", query="", rule="review/last")
    against: list[str] = []
    if stated and stated != str(day):
        against.append(
            _(
                "You state that access was last reviewed on %(stated)s. The last review on record was completed on %(day)s."
            )
            % {"stated": stated, "day": day}
        )
    if answer.value == AnswerValue.YES and figures.still_entitled:
        against.append(
            ngettext(
                "You answer yes. %d principal whose access was to be removed still stands in the latest documents.",
                "You answer yes. %d principals whose access was to be removed still stand in the latest documents.",
                figures.still_entitled,
            )
            % figures.still_entitled
        )
    return (fact,), tuple(against)
