"""What a freeze holds for auditors, and the layouts that are issued from it, over real tables."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from compliance.models import Assessment, EvidencePack, Freeze, User
from compliance.selectors.assertion import assertion_words
from compliance.selectors.since_freeze import since_freeze
from compliance.services import freeze_documents, freezes, leases, packs
from compliance.services.errors import RefusedError
from compliance.types.pack_layouts import SUMMARY_PAGES, Layout, StatementWords
from compliance.types.states import Audience, JobState
from tests.compliance.conftest import World
from tests.compliance.records import evidence
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def issued(freeze: Freeze, actor: User, layout: Layout, words: StatementWords | None = None) -> EvidencePack:
    job = packs.request_issue(
        assessment=freeze.assessment,
        actor=actor,
        audience=Audience.INTERNAL,
        layout=layout,
        words=words,
        dispatch=False,
    )
    job = leases.run_here(job=job)
    assert job.state == JobState.SUCCEEDED, job.error
    return EvidencePack.objects.get(uuid=job.result["pack"])


def words_since(pack: EvidencePack, **changes: str) -> StatementWords:
    period_end = pack.freeze.assessment.period_end
    ends = min(timezone.localdate(), period_end + timedelta(days=30)).isoformat()
    said = {
        "since": str(pack.uuid),
        "ends": ends,
        "changes": "One model version.",
        "incidents": "None known.",
        **changes,
    }
    return StatementWords(**said)  # type: ignore[typeddict-item]  # parts of the same shape


def test_freezing_signs_the_assertion_and_keeps_the_custody_of_each_piece(frozen: Freeze, officer: User) -> None:
    document = freeze_documents.read(freeze=frozen)
    assert document["assertion"]["statements"] == assertion_words()
    assert document["assertion"]["by"]["name"] == officer.name
    acts = {record["uuid"]: [act["act"] for act in record["custody"]] for record in document["evidence"]}
    assert acts
    assert all(done[0] == "received" for done in acts.values())
    assert any("linked" in done or "accepted" in done for done in acts.values())
    assert all("techniques" in control for control in document["reference_controls"])


def test_what_is_recorded_after_the_freeze_is_counted_by_kind(frozen: Freeze, world: World, officer: User) -> None:
    assert since_freeze(frozen, timezone.now())["events"] == 0
    evidence(world.assessment.system, b"later", actor=officer, title="A later piece")
    told = since_freeze(frozen, timezone.now())
    assert [(act["kind"], act["count"]) for act in told["acts"] if act["kind"] == "evidence.received"] == [
        ("evidence.received", 1)
    ]
    assert told["events"] == sum(act["count"] for act in told["acts"])


def test_each_layout_is_superseded_by_its_own_kind_alone(
    frozen: Freeze, officer: User, settings: Settings, tmp_path: Path
) -> None:
    settings.PACK_PAPER = "letter"
    full, summary = issued(frozen, officer, Layout.FULL), issued(frozen, officer, Layout.SUMMARY)
    again = issued(frozen, officer, Layout.SUMMARY)
    assert (full.layout, summary.layout) == (Layout.FULL, Layout.SUMMARY)
    assert (summary.supersedes, again.supersedes) == (None, summary)
    assert summary.pages <= SUMMARY_PAGES < full.pages
    packs.export(pack=summary, out=tmp_path / "summary.pdf")
    with pikepdf.open(tmp_path / "summary.pdf") as pdf:
        assert round(float(pdf.pages[0].mediabox[2])) == 612
        manifest = json.loads(pdf.attachments["manifest.json"].get_file().read_bytes())
    assert manifest["issue"]["layout"] == "summary"
    assert manifest["issue"]["later"]["events"] == 0
    assert packs.verify(pack=tmp_path / "summary.pdf", receipt=None).is_genuine


def test_a_paper_that_is_none_is_refused_in_words(frozen: Freeze, officer: User, settings: Settings) -> None:
    settings.PACK_PAPER = "A3"
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False)
    job = leases.run_here(job=job)
    assert job.state == JobState.FAILED
    assert "PACK_PAPER is “A3”" in job.error


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"changes": " "}, "State the changes and the incidents"),
        ({"ends": "2999-01-01"}, "days that are still to come"),
        ({"ends": "2000-01-01"}, "after the period of the assessment"),
        ({"since": "0f4d3a52-3a3f-4c7e-9d9e-2f9f0f5f7a01"}, "Name the pack of this assessment"),
    ],
)
def test_a_statement_that_may_not_be_made_is_refused(
    frozen: Freeze, officer: User, changes: dict[str, str], told: str
) -> None:
    pack = issued(frozen, officer, Layout.SUMMARY)
    with pytest.raises(RefusedError, match=told):
        packs.request_issue(
            assessment=frozen.assessment, actor=officer, layout=Layout.CHANGES, words=words_since(pack, **changes)
        )


def test_words_and_layout_go_together(frozen: Freeze, officer: User) -> None:
    with pytest.raises(RefusedError, match="needs the words of whoever signs it"):
        packs.request_issue(assessment=frozen.assessment, actor=officer, layout=Layout.CHANGES)


def test_a_statement_is_signed_by_whoever_asks_for_it(
    world: World, officer: User, manager: User, tmp_path: Path
) -> None:
    ended = timezone.localdate() - timedelta(days=20)
    Assessment.objects.filter(pk=world.assessment.pk).update(period_start=ended - timedelta(days=90), period_end=ended)
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    pack = issued(frozen, officer, Layout.SUMMARY)
    statement = issued(frozen, officer, Layout.CHANGES, words_since(pack))
    packs.export(pack=statement, out=tmp_path / "changes.pdf")
    with pikepdf.open(tmp_path / "changes.pdf") as pdf:
        told = json.loads(pdf.attachments["manifest.json"].get_file().read_bytes())["issue"]["statement"]
    assert (told["signer"]["name"], told["since_number"]) == (officer.name, pack.number)
