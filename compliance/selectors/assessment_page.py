"""One assessment as its page shows it, and one question with what the evidence says."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.models import (
    Answer,
    AnswerRevision,
    Assessment,
    EvidencePack,
    Freeze,
    ModelVersion,
)
from compliance.rights import Asker, visible
from compliance.selectors.answer_basis import basis_changes, unjustified, with_basis
from compliance.selectors.comparison_page import candidates
from compliance.selectors.coverage import CoverageRow, coverage_table, kept_states
from compliance.selectors.kept import record_mark
from compliance.selectors.question_facts import QuestionFacts, kept_facts
from compliance.types.verdicts import CoverageState

COVERAGE_IN_BRIEF = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """One question in the assessment's list."""

    answer: Answer
    evidence_count: int
    contradictions: tuple[str, ...]
    other_evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentPage:
    """Everything on an assessment's page. coverage: of the `versions` of the system, those with the most cells that no test
    concluded on, at most COVERAGE_IN_BRIEF."""

    versions: int
    lines: tuple[QuestionLine, ...]
    coverage: tuple[CoverageRow, ...]
    freeze: Freeze | None
    others_frozen: bool
    packs: tuple[EvidencePack, ...]


def _answers(assessment: Assessment) -> list[Answer]:
    rows = assessment.answers.select_related(
        "question", "author", "approver", "assignee", "delegate", "reviewer", "assessment__technique",
        "assessment__system",
    )  # fmt: skip
    return list(with_basis(rows))


def _conclusive(cells: tuple[CoverageState, ...]) -> int:
    """How many cells a test concluded on."""
    return sum(state in {CoverageState.COVERED, CoverageState.FINDING} for state in cells)


def assessment_page(assessment: Assessment, user: Asker) -> AssessmentPage:
    """The page of one assessment."""
    mark = record_mark()
    rows = visible(ModelVersion.objects.filter(model__system=assessment.system_id), user)
    states = kept_states(assessment.technique, mark=mark)
    open_first = sorted(rows.values_list("pk", flat=True), key=lambda key: _conclusive(states.get(key, ())))
    return AssessmentPage(
        lines=tuple(
            QuestionLine(
                answer=answer,
                evidence_count=len(answer.evidence_links.all()),
                contradictions=kept_facts(answer, mark=mark).contradictions if answer.value else (),
                other_evidence=basis_changes(answer),
            )
            for answer in _answers(assessment)
        ),
        versions=len(open_first),
        coverage=tuple(
            coverage_table(rows.filter(pk__in=open_first[:COVERAGE_IN_BRIEF]), technique=assessment.technique)
        ),
        freeze=Freeze.objects.filter(assessment=assessment).select_related("frozen_by").first(),
        others_frozen=candidates(assessment, user).exists(),
        packs=tuple(EvidencePack.objects.filter(freeze__assessment=assessment).select_related("issued_by")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPage:
    """Everything on a question's page.

    other_evidence, unjustified: why an approval no longer holds, one sentence each.
    """

    answer: Answer
    siblings: tuple[Answer, ...]
    says: QuestionFacts
    other_evidence: tuple[str, ...]
    unjustified: tuple[str, ...]
    revisions: tuple[AnswerRevision, ...]


def question_page(assessment: Assessment, number: int) -> QuestionPage | None:
    """The page of one question, or None when the assessment has no such question."""
    answers = _answers(assessment)
    answer = next((row for row in answers if row.question.number == number), None)
    if answer is None:
        return None
    says = kept_facts(answer, mark=record_mark())
    return QuestionPage(
        answer=answer,
        siblings=tuple(answers),
        says=says,
        other_evidence=basis_changes(answer),
        unjustified=unjustified(answer, says.contradictions),
        revisions=tuple(answer.revisions.select_related("actor").order_by("-version", "-pk")),
    )
