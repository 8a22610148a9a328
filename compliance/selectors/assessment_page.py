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
from compliance.selectors.coverage import CoverageRow, coverage_table
from compliance.selectors.question_facts import QuestionFacts, question_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """One question in the assessment's list."""

    answer: Answer
    evidence_count: int
    contradictions: tuple[str, ...]
    other_evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentPage:
    """Everything on an assessment's page."""

    lines: tuple[QuestionLine, ...]
    coverage: tuple[CoverageRow, ...]
    freeze: Freeze | None
    packs: tuple[EvidencePack, ...]


def _answers(assessment: Assessment) -> list[Answer]:
    rows = assessment.answers.select_related(
        "question", "author", "approver", "assignee", "delegate", "reviewer", "assessment__technique",
        "assessment__system",
    )  # fmt: skip
    return list(with_basis(rows))


def assessment_page(assessment: Assessment, user: Asker) -> AssessmentPage:
    """The page of one assessment."""
    versions = visible(ModelVersion.objects.filter(model__system=assessment.system_id), user)
    return AssessmentPage(
        lines=tuple(
            QuestionLine(
                answer=answer,
                evidence_count=len(answer.evidence_links.all()),
                contradictions=question_facts(answer).contradictions if answer.value else (),
                other_evidence=basis_changes(answer),
            )
            for answer in _answers(assessment)
        ),
        coverage=tuple(coverage_table(versions, technique=assessment.technique)),
        freeze=Freeze.objects.filter(assessment=assessment).select_related("frozen_by").first(),
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
    says = question_facts(answer)
    return QuestionPage(
        answer=answer,
        siblings=tuple(answers),
        says=says,
        other_evidence=basis_changes(answer),
        unjustified=unjustified(answer, says.contradictions),
        revisions=tuple(answer.revisions.select_related("actor").order_by("-version", "-pk")),
    )
