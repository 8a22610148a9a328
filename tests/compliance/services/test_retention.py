"""Retention: classes with history, when a piece is due, and holds that stop everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from compliance.models import AISystem, Evidence, LedgerEvent, LegalHold, RetentionTerms, User
from compliance.selectors.retention import class_for, due, end_of, holds_on, is_held, terms_in_force, with_starts
from compliance.services import evidence as evidences
from compliance.services import retention
from compliance.services.errors import RefusedError
from compliance.types.retention import SHIPPED, EvidenceKind, RetentionStart, latest_due, months_later
from compliance.types.states import AnswerState, RetentionClass
from tests.compliance.conftest import World
from tests.compliance.records import evidence

pytestmark = pytest.mark.django_db
STANDARD, TRANSIENT = SHIPPED[RetentionClass.STANDARD], SHIPPED[RetentionClass.TRANSIENT]


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2026, 11, 27), 84, date(2033, 11, 27)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 3, 15), -12, date(2025, 3, 15)),
    ],
)
def test_months_are_counted_by_the_calendar(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later


@pytest.mark.parametrize("months", [1, 2, 11, 12, 84])
def test_a_piece_is_due_exactly_from_the_day_on_which_its_time_is_over(months: int) -> None:
    for today in (date(2026, 2, 28), date(2024, 2, 29), date(2026, 4, 30), date(2026, 12, 31)):
        latest = latest_due(today, months)
        assert months_later(latest, months) <= today
        assert months_later(date.fromordinal(latest.toordinal() + 1), months) > today


def old(kept: Evidence, year: int = 2015) -> Evidence:
    """As if it had been received long ago."""
    Evidence.objects.filter(pk=kept.pk).update(created_at=datetime(year, 3, 1, 12, tzinfo=UTC))
    return Evidence.objects.get(pk=kept.pk)


def test_an_installation_begins_with_three_classes_that_say_their_basis_is_not_stated() -> None:
    assert {key: terms.months for key, terms in terms_in_force().items()} == {
        "standard": 84,
        "extended": 120,
        "transient": 12,
    }
    assert all(terms.legal_basis.startswith("Not stated yet") for terms in terms_in_force().values())
    assert {class_for(kind) for kind in EvidenceKind} == {RetentionClass.STANDARD}


def test_a_revision_is_a_new_version_and_moves_kinds_between_classes(administrator: User) -> None:
    terms = replace(TRANSIENT, months=6, legal_basis="Works agreement 7.", kinds=(EvidenceKind.LOG_OR_REPORT,))
    written = retention.revise_terms(key=RetentionClass.TRANSIENT, terms=terms, actor=administrator)
    assert (written.version, written.months) == (2, 6)
    assert class_for(EvidenceKind.LOG_OR_REPORT) is RetentionClass.TRANSIENT
    assert class_for(EvidenceKind.DOCUMENT) is RetentionClass.STANDARD
    assert "log-or-report" not in terms_in_force()["standard"].kinds
    assert RetentionTerms.objects.filter(key="transient").count() == 2
    event = LedgerEvent.objects.filter(kind="retention.revised").latest("pk")
    assert "Works agreement" not in str(event.entry.payload)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": " "}, "name"),
        ({"legal_basis": ""}, "legal basis"),
        ({"months": 0}, "months"),
        ({"months": 1201}, "months"),
        ({"kinds": ()}, "needs a class"),
    ],
)
def test_terms_that_say_too_little_are_refused(administrator: User, change: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        retention.revise_terms(
            key=RetentionClass.STANDARD,
            terms=replace(STANDARD, **change),  # type: ignore[arg-type]
            actor=administrator,
        )
    assert RetentionTerms.objects.count() == 3


def test_new_evidence_gets_the_class_of_its_kind(system: AISystem, administrator: User) -> None:
    terms = replace(TRANSIENT, kinds=(EvidenceKind.DATA,))
    retention.revise_terms(key=RetentionClass.TRANSIENT, terms=terms, actor=administrator)
    kept = evidence(system, b"a", actor=None)
    assert kept.retention_class == "standard"
    evidences.note_kind(evidence=kept, kind=EvidenceKind.DATA)
    assert (kept.kind, kept.retention_class) == ("data", "transient")


def test_a_class_that_a_person_chose_stays(system: AISystem, administrator: User) -> None:
    terms = replace(TRANSIENT, kinds=(EvidenceKind.DATA,))
    retention.revise_terms(key=RetentionClass.TRANSIENT, terms=terms, actor=administrator)
    kept = evidence(system, b"a", actor=None)
    retention.classify(evidence=kept, key=RetentionClass.EXTENDED, reason="Contract.", actor=administrator)
    kept.refresh_from_db()
    evidences.note_kind(evidence=kept, kind=EvidenceKind.DATA)
    assert kept.retention_class == "extended"


def test_classifying_needs_a_reason_and_is_on_record_once(system: AISystem, officer: User) -> None:
    kept = evidence(system, b"a", actor=None)
    with pytest.raises(RefusedError, match="why"):
        retention.classify(evidence=kept, key=RetentionClass.EXTENDED, reason=" ", actor=officer)
    for _again in range(2):
        retention.classify(evidence=kept, key=RetentionClass.EXTENDED, reason="Contract.", actor=officer)
    assert LedgerEvent.objects.filter(kind="evidence.classified").count() == 1


# Due ------------------------------------------------------------------------------------------------------------------


def test_time_runs_from_the_last_audit_that_a_piece_served(world: World, officer: User) -> None:
    answer = world.assessment.answers.all()[0]
    kept = old(evidence(world.assessment.system, b"a", actor=officer))
    assert [one.due_on for one in due(date(2033, 12, 1)) if one.evidence == kept] == [date(2022, 3, 1)]
    evidences.link(evidence=kept, target=answer, actor=officer)
    row = with_starts(Evidence.objects.filter(pk=kept.pk)).get()
    assert end_of(row, terms_in_force()["standard"]) == date(2034, 1, 15)  # seven years after the audit
    assert end_of(row, terms_in_force()["transient"]) == date(2016, 3, 1)  # a year after receipt


def test_a_class_without_an_end_is_never_due(system: AISystem, administrator: User) -> None:
    retention.revise_terms(
        key=RetentionClass.STANDARD,
        terms=replace(STANDARD, months=None, starts=RetentionStart.RECEIPT),
        actor=administrator,
    )
    kept = old(evidence(system, b"a", actor=None), 1990)
    assert list(due(date(2126, 1, 1))) == []
    assert end_of(with_starts(Evidence.objects.filter(pk=kept.pk)).get(), terms_in_force()["standard"]) is None


def test_what_an_open_assessment_rests_on_is_not_due(world: World, officer: User) -> None:
    kept = old(evidence(world.assessment.system, b"a", actor=officer))
    answer = world.assessment.answers.all()[0]
    assert answer.state == AnswerState.OPEN
    evidences.link(evidence=kept, target=answer, actor=officer)
    assert kept.pk not in [one.evidence.pk for one in due(date(2060, 1, 1))]


# Holds ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["everything", "system", "evidence"])
def test_a_hold_stops_what_it_covers_until_it_is_lifted(
    system: AISystem, other_system: AISystem, officer: User, over: str
) -> None:
    kept, other = old(evidence(system, b"a", actor=None)), old(evidence(other_system, b"b", actor=None))
    hold = retention.place_hold(
        title="Case 12/2026",
        reason="A claim is announced.",
        system=system if over == "system" else None,
        evidence=kept if over == "evidence" else None,
        actor=officer,
    )
    left = [one.evidence for one in due(timezone.now().date())]
    assert left == ([] if over == "everything" else [other])
    assert is_held(kept)
    assert list(holds_on(kept)) == [hold]
    assert is_held(other) is (over == "everything")
    retention.lift_hold(hold=hold, reason="Settled.", actor=officer)
    assert not is_held(kept)
    assert len(list(due(timezone.now().date()))) == 2


def test_holds_need_their_words_and_are_lifted_once(officer: User) -> None:
    with pytest.raises(RefusedError, match="matter"):
        retention.place_hold(title="", reason="x", actor=officer)
    hold = retention.place_hold(title="Case", reason="Claim.", actor=officer)
    with pytest.raises(RefusedError, match="why"):
        retention.lift_hold(hold=hold, reason="", actor=officer)
    retention.lift_hold(hold=hold, reason="Settled.", actor=officer)
    with pytest.raises(RefusedError, match="already"):
        retention.lift_hold(hold=hold, reason="Again.", actor=officer)
    assert LegalHold.objects.get().lift_reason == "Settled."
    assert [event.kind for event in LedgerEvent.objects.filter(subject_uuid=hold.uuid).order_by("pk")] == [
        "hold.placed",
        "hold.lifted",
    ]
