"""Packs for external recipients stay in until a second person lets them out; over pages, API and commands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import Assessment, EvidencePack, Freeze, LedgerEvent, PackRelease, User
from compliance.selectors.waiting_decisions import waiting_for
from compliance.services import evidence, freezes, handovers, leases, pack_releases, packs, rehash, stored_files
from compliance.services.errors import RefusedError
from compliance.types.handling import Recipient
from compliance.types.pack_layouts import Layout
from compliance.types.states import Audience, HandoverWay, JobState
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


@pytest.fixture
def pack(frozen: Freeze, officer: User) -> EvidencePack:
    job = leases.run_here(
        job=packs.request_issue(
            assessment=frozen.assessment, actor=officer, audience=Audience.EXTERNAL,
            recipient=Recipient(name="Customer AG"), layout=Layout.SUMMARY, dispatch=False,
        )
    )  # fmt: skip
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    return EvidencePack.objects.get(uuid=job.result["pack"])


def test_nobody_outside_gets_a_pack_before_its_release(
    pack: EvidencePack, officer: User, manager: User, auditor: User, tmp_path: Path
) -> None:
    assert pack_releases.waits(pack)
    for refused in (
        lambda: packs.export(pack=pack, out=tmp_path / "pack.pdf"),
        lambda: handovers.record(
            pack=pack, way=HandoverWay.HANDED_OVER, recipient="Customer AG", purpose="Audit", actor=officer
        ),
        lambda: handovers.downloaded(pack=pack, purpose="", user=officer),
        lambda: handovers.downloaded(pack=pack, purpose="", user=auditor),
    ):
        with pytest.raises(RefusedError, match="waits for its release by a second person"):
            refused()
    assert handovers.downloaded(pack=pack, purpose="", user=manager).purpose == "To decide on its release"
    assert not (tmp_path / "pack.pdf").exists()


def test_a_second_person_releases_it_once_and_the_ledger_says_so(
    pack: EvidencePack, officer: User, manager: User, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="a second person has to release it"):
        pack_releases.release(pack=pack, actor=officer)
    row = pack_releases.release(pack=pack, actor=manager)
    assert (row.outcome, row.is_alone, row.decided_by) == ("released", False, manager)
    with pytest.raises(RefusedError, match="decided already"):
        pack_releases.refuse(pack=pack, actor=manager, reason="Too late.")
    packs.export(pack=pack, out=tmp_path / "pack.pdf")
    assert packs.verify(pack=tmp_path / "pack.pdf", receipt=tmp_path / "pack.receipt.json").is_genuine
    event = LedgerEvent.objects.get(kind="pack.released", subject_uuid=pack.uuid)
    assert event.entry.payload["sha256"] == pack.sha256
    assert "Customer" not in json.dumps(event.entry.payload)


def test_no_name_of_an_account_is_in_the_files_and_the_key_says_who_is_behind_each_mark(
    pack: EvidencePack, officer: User, manager: User, world: World, tmp_path: Path
) -> None:
    pack_releases.release(pack=pack, actor=manager)
    packs.export(pack=pack, out=tmp_path / "pack.pdf")
    with pikepdf.open(tmp_path / "pack.pdf") as pdf:
        files = {name: spec.get_file().read_bytes().decode() for name, spec in pdf.attachments.items()}
    names = {officer.name, manager.name, *(str(event.actor) for event in world.events if event.actor)}
    assert len(names) > 2
    assert not [(name, file) for name in names for file, text in files.items() if name in text]
    with evidence.open_stored(name=pack.marks_storage_name) as stream:
        behind = {one["name"]: one["mark"] for one in json.load(stream)["marks"]}
    assert names <= behind.keys()
    assert all(mark in files["withheld.csv"] for mark in behind.values())
    assert rehash.stored()[pack.marks_storage_name] == pack.marks_sha256
    assert stored_files.is_needed(name=pack.marks_storage_name, sha256=pack.marks_sha256)


def test_a_refused_pack_goes_to_nobody(pack: EvidencePack, manager: User, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        pack_releases.refuse(pack=pack, actor=manager, reason=" ")
    pack_releases.refuse(pack=pack, actor=manager, reason="Page 4 names a customer.")
    for user in (manager, pack.issued_by):
        with pytest.raises(RefusedError, match="was refused"):
            pack_releases.require_readable(pack, user)
    with pytest.raises(RefusedError, match="was refused"):
        packs.export(pack=pack, out=tmp_path / "pack.pdf")
    assert LedgerEvent.objects.filter(kind="pack.refused").count() == 1


def test_whoever_is_alone_releases_with_a_reason_and_a_mark(pack: EvidencePack, officer: User, manager: User) -> None:
    with pytest.raises(RefusedError, match=manager.name):
        pack_releases.release_alone(pack=pack, actor=officer, reason="Holidays.")
    User.objects.exclude(pk=officer.pk).update(is_active=False)
    with pytest.raises(RefusedError, match="nobody else"):
        pack_releases.release_alone(pack=pack, actor=officer, reason="")
    assert pack_releases.release_alone(pack=pack, actor=officer, reason="One-person office.").is_alone
    assert pack_releases.is_out(pack)


def test_a_pack_for_the_organisation_needs_no_release(frozen: Freeze, officer: User, manager: User) -> None:
    job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    pack = EvidencePack.objects.get(uuid=job.result["pack"])
    assert (pack_releases.is_out(pack), pack.marks_storage_name) == (True, "")
    with pytest.raises(RefusedError, match="for the organisation itself"):
        pack_releases.release(pack=pack, actor=manager)


def test_a_statement_of_changes_for_outsiders_says_why_its_signer_is_named(pack: EvidencePack, officer: User) -> None:
    words: Any = {"since": str(pack.uuid), "ends": "2026-11-01", "changes": "None.", "incidents": "None."}
    with pytest.raises(RefusedError, match="say why that person is named"):
        packs.request_issue(
            assessment=pack.freeze.assessment, actor=officer, audience=Audience.EXTERNAL, layout=Layout.CHANGES,
            words=words, dispatch=False,
        )  # fmt: skip


def test_the_page_tells_who_may_release_and_lets_them(
    pack: EvidencePack, officer: User, manager: User, auditor: User, client: Client
) -> None:
    page, act = reverse("pack-detail", args=[pack.uuid]), reverse("pack-release", args=[pack.uuid])
    download, marks = reverse("pack-download", args=[pack.uuid]), reverse("pack-marks", args=[pack.uuid])
    client.force_login(officer)
    text = client.get(page).content.decode()
    assert ("Waits for its release" in text, manager.name in text, download in text, act in text) == (
        True,
        True,
        False,
        False,
    )
    assert client.get(download, follow=True).redirect_chain == [(page, 302)]
    assert client.get(reverse("pack-receipt", args=[pack.uuid])).status_code == 302
    client.force_login(manager)
    assert any(waiting.url == page for waiting in waiting_for(manager))
    assert act in client.get(page).content.decode()
    assert client.get(download, follow=True).streaming
    client.post(act, {"outcome": "refused", "reason": ""})
    assert not PackRelease.objects.exists()
    client.post(act)
    assert pack_releases.is_out(EvidencePack.objects.get())
    assert json.loads(b"".join(client.get(marks, follow=True)))["schema"] == "assay-marks/1"
    assert "Released" in client.get(page).content.decode()
    assert "Released" in client.get(reverse("pack-list")).content.decode()
    assert waiting_for(manager) == []
    client.force_login(auditor)
    assert client.get(marks).status_code == 403


def test_commands_issue_and_release(
    frozen: Freeze, officer: User, manager: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pack.pdf"
    call_command("issue_pack", str(frozen.assessment.uuid), "--external", "--out", str(out), "--json")
    pack = EvidencePack.objects.get(audience=Audience.EXTERNAL)
    told = json.loads(capsys.readouterr().out)
    assert (told["release"], out.exists()) == (None, False)
    with pytest.raises(SystemExit) as ended:
        call_command("release_pack", str(pack.uuid), "--by", officer.email, "--out", str(out))
    assert ended.value.code == 2
    call_command("release_pack", str(pack.uuid), "--by", manager.email, "--out", str(out), "--recipient", "Customer AG")
    assert (out.exists(), pack.handovers.get().recipient) == (True, "Customer AG")


def test_the_command_refuses_in_words_and_tells_it_by_its_exit_code(pack: EvidencePack, manager: User) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("release_pack", str(pack.uuid), "--by", manager.email, "--refuse", "Page 4.")
    assert (ended.value.code, PackRelease.objects.get().reason) == (1, "Page 4.")


def test_the_command_issues_a_statement_of_changes(
    frozen: Freeze, officer: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = leases.run_here(
        job=packs.request_issue(assessment=frozen.assessment, actor=officer, layout=Layout.SUMMARY, dispatch=False)
    ).result["pack"]
    asked = [
        "issue_pack",
        str(frozen.assessment.uuid),
        "--layout",
        "changes",
        "--out",
        str(tmp_path / "c.pdf"),
        "--json",
    ]
    with pytest.raises(SystemExit) as ended:
        call_command(*asked)
    assert ended.value.code == 2
    ended_on = timezone.localdate() - timedelta(days=40)
    Assessment.objects.update(period_start=ended_on - timedelta(days=90), period_end=ended_on)
    ends = (ended_on + timedelta(days=30)).isoformat()
    capsys.readouterr()
    call_command(*asked, "--since", first, "--ends", ends, "--changes", "One model.", "--incidents", "None known.")
    assert json.loads(capsys.readouterr().out)["layout"] == "changes"
