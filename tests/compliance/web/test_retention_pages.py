"""Retention on the pages: classes revised, holds placed and lifted, runs decided by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from compliance.models import AISystem, DisposalItem, DisposalRun, Evidence, LegalHold, RetentionTerms, User
from compliance.selectors.retention import terms_in_force
from compliance.services import disposals, leases
from compliance.types.canonical import sha256_hex
from compliance.types.retention import RunState
from compliance.types.states import EvidenceState
from tests.compliance.conftest import Browse
from tests.compliance.records import evidence, state_bases

pytestmark = pytest.mark.django_db
TERMS = {
    "title": "Logs", "months": "18", "starts": "receipt", "legal_basis": "Works agreement 7, section 3.",
    "kinds": ["log-or-report"],
}  # fmt: skip


@pytest.fixture
def old(system: AISystem, officer: User) -> Evidence:
    kept = evidence(system, b"old", actor=officer, title="Log of 2015")
    Evidence.objects.filter(pk=kept.pk).update(created_at=datetime(2015, 3, 1, tzinfo=UTC))
    return Evidence.objects.get(pk=kept.pk)


def test_an_administrator_revises_a_class_and_the_history_shows_both(browse: Browse, administrator: User) -> None:
    client = browse(administrator)
    assert client.get(reverse("retention-revise", args=["transient"])).status_code == 200
    answer = client.post(reverse("retention-revise", args=["transient"]), TERMS, follow=True)
    said = answer.content.decode()
    assert "Works agreement 7" in said
    assert "shipped with Assay" in said
    assert terms_in_force()["transient"].version == 2


@pytest.mark.parametrize(
    ("field", "value"), [("months", "0"), ("title", ""), ("legal_basis", " "), ("starts", "never")]
)
def test_a_wrong_wording_is_said_at_its_field_and_nothing_is_written(
    browse: Browse, administrator: User, field: str, value: str
) -> None:
    answer = browse(administrator).post(reverse("retention-revise", args=["transient"]), TERMS | {field: value})
    assert answer.status_code == 422
    assert RetentionTerms.objects.count() == 3


def test_an_unknown_class_is_not_found(browse: Browse, administrator: User) -> None:
    assert browse(administrator).get(reverse("retention-revise", args=["eternal"])).status_code == 404


def test_a_piece_says_until_when_it_is_kept_and_why(browse: Browse, officer: User, old: Evidence) -> None:
    said = browse(officer).get(reverse("evidence-detail", args=[old.uuid])).content.decode()
    assert "2022-03-01" in said or "1 Mar" in said or "1 March" in said
    assert "Not stated yet" in said


def test_another_class_for_one_piece_needs_a_reason(browse: Browse, officer: User, old: Evidence) -> None:
    client, url = browse(officer), reverse("evidence-classify", args=[old.uuid])
    client.post(url, {"key": "extended", "reason": ""})
    old.refresh_from_db()
    assert old.retention_class == "standard"
    client.post(url, {"key": "extended", "reason": "The customer's contract."})
    old.refresh_from_db()
    assert old.retention_class == "extended"


def test_a_hold_on_a_piece_is_placed_shown_and_lifted(browse: Browse, officer: User, old: Evidence) -> None:
    client = browse(officer)
    client.post(reverse("evidence-hold", args=[old.uuid]), {"title": "Claim 12", "reason": "Announced."})
    hold = LegalHold.objects.get()
    assert "Claim 12" in client.get(reverse("evidence-detail", args=[old.uuid])).content.decode()
    assert disposals.propose(actor=None) is None
    client.post(reverse("hold-lift", args=[hold.uuid]), {"reason": ""})
    assert LegalHold.objects.get().lifted_at is None
    client.post(reverse("hold-lift", args=[hold.uuid]), {"reason": "Settled."})
    assert "Settled." in client.get(reverse("hold-list")).content.decode()
    assert disposals.propose(actor=None) is not None


def test_a_hold_on_everything(browse: Browse, officer: User, old: Evidence) -> None:
    answer = browse(officer).post(
        reverse("hold-new"), {"title": "Inquiry", "reason": "Letter of 3 March.", "system": ""}
    )
    assert answer.status_code == 302
    assert disposals.propose(actor=None) is None


def test_from_proposal_to_certificate(browse: Browse, officer: User, manager: User, old: Evidence) -> None:
    state_bases(officer)
    client = browse(officer)
    answer = client.post(reverse("disposal-propose"), follow=True)
    assert "somebody else decides" in answer.content.decode()
    run = DisposalRun.objects.get()
    url = reverse("disposal-detail", args=[run.uuid])
    client.post(reverse("disposal-approve", args=[run.uuid]))
    run.refresh_from_db()
    assert run.state == RunState.PROPOSED
    other = browse(manager)
    assert "Approve, and dispose of the rest" in other.get(url).content.decode()
    other.post(reverse("disposal-approve", args=[run.uuid]))
    run.refresh_from_db()
    assert run.state == RunState.APPROVED
    assert other.get(reverse("disposal-certificate", args=[run.uuid])).status_code == 404
    assert run.job is not None
    leases.run_here(job=run.job)
    run.refresh_from_db()
    certificate = other.get(reverse("disposal-certificate", args=[run.uuid]))
    assert sha256_hex(certificate.content) == run.certificate_sha256
    said = client.get(reverse("evidence-detail", args=[old.uuid])).content.decode()
    assert "Disposed of under “Standard”" in said
    assert "missing" not in said.casefold()
    assert "Log of 2015" not in said
    for act in ("evidence-check", "evidence-download"):
        method = client.post if act == "evidence-check" else client.get
        told = method(reverse(act, args=[old.uuid]), follow=True).content.decode()
        assert "disposed of on" in told
        assert "missing" not in told.casefold()


def test_pieces_taken_out_are_kept(browse: Browse, officer: User, old: Evidence) -> None:
    run = disposals.propose(actor=None)
    assert run is not None
    url = reverse("disposal-approve", args=[run.uuid])
    client = browse(officer)
    client.post(url, {"keep": [str(old.uuid)], "note": "Asked for by the auditor."})
    run.refresh_from_db()
    assert run.job is not None
    leases.run_here(job=run.job)
    old.refresh_from_db()
    assert old.state == EvidenceState.ACCEPTED
    assert "Asked for by the auditor." in client.get(reverse("disposal-detail", args=[run.uuid])).content.decode()


def test_a_refusal_needs_words(browse: Browse, officer: User, old: Evidence) -> None:
    run = disposals.propose(actor=None)
    assert run is not None
    url = reverse("disposal-refuse", args=[run.uuid])
    browse(officer).post(url, {"note": " "})
    run.refresh_from_db()
    assert run.state == RunState.PROPOSED
    browse(officer).post(url, {"note": "Not before the audit."})
    run.refresh_from_db()
    assert run.state == RunState.REFUSED


def test_nothing_due_is_said(browse: Browse, officer: User) -> None:
    assert "Nothing is due" in browse(officer).post(reverse("disposal-propose"), follow=True).content.decode()


@pytest.mark.parametrize("name", ["retention", "hold-list", "disposal-list", "disposal-detail"])
def test_lists_take_few_queries(
    browse: Browse, officer: User, system: AISystem, old: Evidence, name: str,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:  # fmt: skip
    run = disposals.propose(actor=None)
    assert run is not None
    terms = RetentionTerms.objects.all()[0]
    for n in range(40):
        kept = evidence(system, f"{n}".encode(), actor=officer)
        DisposalItem.objects.create(run=run, evidence=kept, terms=terms, due_on=run.due_by)
        LegalHold.objects.create(title=f"{n}", reason="-", evidence=kept, placed_by=officer)
        DisposalRun.objects.create(due_by=run.due_by, proposed_by=officer)
    client = browse(officer)
    url = reverse(name, args=[run.uuid] if name == "disposal-detail" else [])
    assert count_queries(lambda: client.get(url)) <= 20
