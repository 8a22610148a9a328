"""Statements of changes: what a named person states for management about the time since a pack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import Assessment, EvidencePack, Freeze, User
from compliance.services.errors import RefusedError
from compliance.types.pack_layouts import LONGEST_GAP, ChangeStatement, Layout, StatementWords, gap_fault
from compliance.types.states import Role


def check(*, assessment: Assessment, words: StatementWords) -> EvidencePack:
    """The pack that a statement follows. Raises RefusedError where it may not be made."""
    packs = EvidencePack.objects.filter(freeze__assessment=assessment).exclude(layout=Layout.CHANGES)
    pack = packs.filter(uuid=words["since"]).first()
    if pack is None:
        raise RefusedError(_("Name the pack of this assessment since which the statement tells of changes."))
    if not words["changes"].strip() or not words["incidents"].strip():
        raise RefusedError(_("State the changes and the incidents; where there is none, say so in words."))
    fault = gap_fault(
        period_end=assessment.period_end, ends=date.fromisoformat(words["ends"]), today=timezone.localdate()
    )
    told = {
        "future": _("The statement cannot speak of days that are still to come."),
        "before": _("The last day has to lie after the period of the assessment."),
        "too_long": _("A statement may speak of %d days after the period at most; open a new assessment instead.")
        % LONGEST_GAP.days,
    }
    if fault:
        raise RefusedError(told[fault])
    return pack


def told(*, freeze: Freeze, words: StatementWords, signer: User) -> ChangeStatement:
    """The statement as it is printed, signed now. Raises RefusedError as `check`."""
    pack = check(assessment=freeze.assessment, words=words)
    return ChangeStatement(
        since_pack=str(pack.uuid),
        since_number=pack.number,
        since_sha256=pack.sha256,
        since_issued_at=pack.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        starts=(freeze.assessment.period_end + timedelta(days=1)).isoformat(),
        ends=words["ends"],
        changes=words["changes"].strip(),
        incidents=words["incidents"].strip(),
        signer={"name": signer.name, "role": str(label(Role(signer.role)))},
        signed_at=timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def words_of(given: Mapping[str, Any]) -> StatementWords:
    """The words as a form or a request gives them."""
    return StatementWords(
        since=str(given["since"]),
        ends=given["ends"].isoformat(),
        changes=given["changes"],
        incidents=given["incidents"],
    )
