"""Pre-audit checks of an assessment: a standing list of what an auditor would ask about, each with the way to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Answer, Assessment
from compliance.selectors import pre_audit_record as record
from compliance.selectors.answer_basis import basis_changes, successor_of, with_basis
from compliance.selectors.day_words import day_words
from compliance.selectors.kept import kept, record_mark
from compliance.selectors.pre_audit_record import Open
from compliance.selectors.question_facts import QuestionFacts, question_facts
from compliance.types.pre_audit import PreAuditCheck
from compliance.types.states import AnswerState, AnswerValue, EvidenceState

C = PreAuditCheck
TITLES: Mapping[PreAuditCheck, str | Promise] = {
    C.ANSWER_OPEN: gettext_lazy("Every question is answered and approved"),
    C.ANSWER_WITHOUT_EVIDENCE: gettext_lazy("“Yes” and “partly” rest on evidence"),
    C.EVIDENCE_OUTSIDE_PERIOD: gettext_lazy("Evidence speaks of the period, and nothing newer took its place"),
    C.EVIDENCE_NOT_DESCRIBED: gettext_lazy("Evidence says where it comes from"),
    C.EVIDENCE_ALTERED: gettext_lazy("The stored bytes of evidence are what they were"),
    C.OTHER_EVIDENCE: gettext_lazy("Answers rest on the evidence on which they were approved"),
    C.CONTRADICTION_NOT_JUSTIFIED: gettext_lazy("What the record says against an answer is mended or justified"),
    C.APPROVER_IS_AUTHOR: gettext_lazy("Answers were approved by somebody who did not write them"),
    C.STALE_SCAN: gettext_lazy("Tests of model versions are fresh"),
    C.NEGATIVE_WITHOUT_POWER: gettext_lazy("Tests without a finding state their power"),
    C.MAPPING_DRAFT: gettext_lazy("Mappings of the controls behind the questions are decided"),
    C.RETIRED_ATLAS_ID: gettext_lazy("ATLAS ids in use are in force"),
    C.LOG_GAP: gettext_lazy("The job log is complete by its three figures"),
    C.ACCEPTANCE_EXPIRED: gettext_lazy("Accepted risks are within their date"),
    C.LEDGER_NOT_ANCHORED: gettext_lazy("The ledger is sealed and attested from outside"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLine:
    """One check with what is open, nothing where nothing is."""

    check: PreAuditCheck
    title: str
    open: tuple[Open, ...]


@dataclass(frozen=True, slots=True)
class _Answered:
    """Answers of an assessment with what the record says to each, read once."""

    assessment: UUID
    answers: tuple[Answer, ...]
    says: dict[int, QuestionFacts]

    def open(self, answer: Answer, sentence: str) -> Open:
        number = answer.question.number
        told = _("Question %(n)d: %(sentence)s") % {"n": number, "sentence": sentence}
        return Open(sentence=told, url_name="question-detail", args=(str(self.assessment), str(number)))


def _open_answers(given: _Answered) -> Iterator[Open]:
    for answer in given.answers:
        if answer.state != AnswerState.APPROVED:
            yield given.open(answer, _("is not approved yet.") if answer.value else _("is not answered yet."))


def _without_evidence(given: _Answered) -> Iterator[Open]:
    for answer in given.answers:
        standing = [one for one in answer.evidence_links.all() if one.evidence.state != EvidenceState.REJECTED]
        if answer.value in {AnswerValue.YES, AnswerValue.PARTLY} and not standing:
            yield given.open(answer, _("no evidence stands behind the answer."))


def _outside_period(assessment: Assessment, given: _Answered) -> Iterator[Open]:
    start, end = assessment.period_start, assessment.period_end
    for answer in given.answers:
        for link in answer.evidence_links.all():
            piece, newer = link.evidence, successor_of(link.evidence)
            first, last = piece.effective_from, piece.effective_to
            if newer is not None:
                told = _("“%(piece)s” was superseded by “%(newer)s”.")
                yield given.open(answer, told % {"piece": piece.title, "newer": newer.title})
            if (last and last < start) or (first and first > end):
                yield given.open(answer, _("“%s” speaks of other days than the period.") % piece.title)
            elif last and last < end:
                told = _("“%(piece)s” speaks of days until %(day)s only, and the period ends later.")
                yield given.open(answer, told % {"piece": piece.title, "day": day_words(last)})


def _not_described(given: _Answered) -> Iterator[Open]:
    pieces = {link.evidence.pk: link.evidence for answer in given.answers for link in answer.evidence_links.all()}
    for piece in pieces.values():
        missing = piece.provenance.missing
        if missing:
            words = ", ".join(name.replace("_", " ") for name in missing)
            told = _("“%(piece)s” does not state: %(what)s.") % {"piece": piece.title, "what": words}
            yield Open(sentence=told, url_name="evidence-describe", args=(str(piece.uuid),))


def _other_evidence(given: _Answered) -> Iterator[Open]:
    for answer in given.answers:
        for told in basis_changes(answer):
            yield given.open(answer, told)


def _not_justified(given: _Answered) -> Iterator[Open]:
    for answer in given.answers:
        for told in given.says[answer.pk].contradictions if answer.value else ():
            if answer.state != AnswerState.APPROVED or told not in answer.justified:
                yield given.open(answer, told)


def _not_independent(given: _Answered) -> Iterator[Open]:
    for answer in given.answers:
        if answer.state == AnswerState.APPROVED and (answer.alone_reason or answer.approver_id == answer.author_id):
            yield given.open(answer, _("was approved by a person who worked on it."))


def pre_audit_checks(assessment: Assessment) -> tuple[CheckedLine, ...]:
    """All checks in their order, as the record stands now."""
    rows = assessment.answers.select_related("question", "assessment__system", "assessment__technique")
    answers = tuple(with_basis(rows))
    given = _Answered(assessment.uuid, answers, {answer.pk: question_facts(answer) for answer in answers})
    asked: dict[PreAuditCheck, Callable[[], Iterator[Open]]] = {
        C.ANSWER_OPEN: lambda: _open_answers(given),
        C.ANSWER_WITHOUT_EVIDENCE: lambda: _without_evidence(given),
        C.EVIDENCE_OUTSIDE_PERIOD: lambda: _outside_period(assessment, given),
        C.EVIDENCE_NOT_DESCRIBED: lambda: _not_described(given),
        C.EVIDENCE_ALTERED: lambda: record.altered_files(assessment),
        C.OTHER_EVIDENCE: lambda: _other_evidence(given),
        C.CONTRADICTION_NOT_JUSTIFIED: lambda: _not_justified(given),
        C.APPROVER_IS_AUTHOR: lambda: _not_independent(given),
        C.STALE_SCAN: lambda: record.stale_scans(assessment),
        C.NEGATIVE_WITHOUT_POWER: lambda: record.negatives_without_power(assessment),
        C.MAPPING_DRAFT: lambda: record.draft_mappings(assessment),
        C.RETIRED_ATLAS_ID: lambda: record.retired_ids(assessment),
        C.LOG_GAP: lambda: record.log_gaps(assessment),
        C.ACCEPTANCE_EXPIRED: lambda: record.expired_acceptances(assessment),
        C.LEDGER_NOT_ANCHORED: record.ledger_gaps,
    }
    return tuple(
        CheckedLine(check=check, title=str(TITLES[check]), open=tuple(asked[check]())) for check in PreAuditCheck
    )


def kept_checks(assessment: Assessment) -> tuple[CheckedLine, ...]:
    """As pre_audit_checks, kept."""
    return kept(f"pre-audit|{assessment.uuid}", lambda: pre_audit_checks(assessment), mark=record_mark())
