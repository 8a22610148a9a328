"""Waivers: a rule of a scanner that Assay does not count until a day, asked for by one person and decided by another.

What the scanner says is recorded and drawn as before; a finding under the rule is set aside and shown so, and stands again when
the waiver is over. A waiver never makes a finding satisfied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Finding, Observation, User, Waiver
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.services.finding_marks import in_force, is_covered
from compliance.services.risk_acceptances import check_end
from compliance.services.risk_steps import said
from compliance.types.canonical import digest_of
from compliance.types.risk_life import LIVE, AgreementState


@transaction.atomic
def request(
    *, system: AISystem, producer: str, rule: str, assets: str, reason: str, ends_on: date, actor: User
) -> Waiver:
    """Ask for a rule to be set aside. Raises RefusedError; the rule has to be one that the scanner reported on the system."""
    check_end(ends_on)
    told = said(reason)
    if not Observation.objects.filter(system=system, producer=producer, rule=rule).exists():
        raise RefusedError(_("No report of “%s” on this AI system names the rule “%s”.") % (producer, rule))
    same = Waiver.objects.filter(system=system, producer=producer, rule=rule, assets=assets.strip())
    if same.filter(state__in=sorted(LIVE), ends_on__gte=timezone.localdate()).exists():
        raise RefusedError(_("A waiver of this rule on these assets is asked for, or in force, already."))
    waiver = Waiver.objects.create(
        system=system,
        producer=producer,
        rule=rule,
        assets=assets.strip(),
        reason=told,
        ends_on=ends_on,
        requested_by=actor,
    )
    _record(waiver, "requested", actor, told)
    return waiver


def approve(*, waiver: Waiver, words: str, actor: User) -> Waiver:
    """Set the rule aside until the last day. Raises RefusedError; whoever asked does not decide."""
    with _taken(waiver, AgreementState.REQUESTED) as fresh:
        _refuse_own(fresh, actor)
        _decide(fresh, AgreementState.APPROVED, words.strip(), actor)
        _mark(fresh)
        return fresh


def refuse(*, waiver: Waiver, words: str, actor: User) -> Waiver:
    """The rule goes on counting."""
    with _taken(waiver, AgreementState.REQUESTED) as fresh:
        _refuse_own(fresh, actor)
        _decide(fresh, AgreementState.REFUSED, said(words), actor)
        return fresh


def withdraw(*, waiver: Waiver, actor: User) -> Waiver:
    """Take back what one asked for."""
    with _taken(waiver, AgreementState.REQUESTED) as fresh:
        if fresh.requested_by_id != actor.pk:
            raise RefusedError(_("Only whoever asked for it withdraws it; others refuse it."))
        _end(fresh, AgreementState.WITHDRAWN, "", actor)
        return fresh


def revoke(*, waiver: Waiver, words: str, actor: User) -> Waiver:
    """The rule counts again before the last day."""
    with _taken(waiver, AgreementState.APPROVED) as fresh:
        _end(fresh, AgreementState.REVOKED, said(words), actor)
        return fresh


def expire(now: datetime) -> int:
    """End what is past its last day; how many ended."""
    over = Waiver.objects.filter(state__in=sorted(LIVE), ends_on__lt=timezone.localdate(now))
    ended = 0
    for key in over.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            waiver = Waiver.objects.select_for_update(of=("self",)).select_related("system").get(pk=key)
            if waiver.state in LIVE:
                _end(waiver, AgreementState.EXPIRED, "", None)
                ended += 1
    return ended


@contextmanager
def _taken(waiver: Waiver, state: AgreementState) -> Iterator[Waiver]:
    """The waiver as it stands now, locked. What is over is ended in a transaction of its own."""
    if waiver.is_over:
        expire(timezone.now())
    with transaction.atomic():
        fresh = Waiver.objects.select_for_update(of=("self",)).select_related("system").get(pk=waiver.pk)
        if fresh.state != state:
            raise RefusedError(_("That waiver is “%s”; that is not possible now.") % fresh.get_state_display())
        yield fresh


def _refuse_own(waiver: Waiver, actor: User) -> None:
    if waiver.requested_by_id == actor.pk:
        raise RefusedError(_("You asked for this waiver; somebody else has to decide on it."))


def _decide(waiver: Waiver, state: AgreementState, words: str, actor: User) -> None:
    waiver.state, waiver.decision = state, words
    waiver.decided_by, waiver.decided_at = actor, timezone.now()
    waiver.save(update_fields=["state", "decision", "decided_by", "decided_at"])
    _record(waiver, state.value, actor, words)


def _end(waiver: Waiver, state: AgreementState, words: str, actor: User | None) -> None:
    """It is over: its findings stand again, unless another waiver covers them."""
    waiver.state, waiver.ended_by, waiver.ended_at = state, actor, timezone.now()
    waiver.save(update_fields=["state", "ended_by", "ended_at"])
    _record(waiver, state.value, actor, words)
    Finding.objects.filter(waiver=waiver).update(waiver=None, waived_until=None)
    for other in in_force(waiver.system):
        if (other.producer, other.rule) == (waiver.producer, waiver.rule):
            _mark(other)


def _mark(waiver: Waiver) -> None:
    """Set aside the findings on record that it covers, where none that lasts longer does."""
    seen = Observation.objects.filter(system=waiver.system, producer=waiver.producer, rule=waiver.rule)
    covered = [row.pk for row in seen.only("producer", "rule", "asset_name") if is_covered(waiver, row)]
    through = Finding.observations.through
    keys = set(through.objects.filter(observation_id__among=covered).values_list("finding_id", flat=True))
    rows = Finding.objects.filter(pk__among=sorted(keys)).exclude(waived_until__gte=waiver.ends_on)
    rows.update(waiver=waiver, waived_until=waiver.ends_on)


def _record(waiver: Waiver, act: str, actor: User | None, words: str) -> None:
    payload = {
        "producer_sha256": digest_of(waiver.producer),
        "rule_sha256": digest_of(waiver.rule),
        "assets_sha256": digest_of(waiver.assets),
        "ends_on": waiver.ends_on.isoformat(),
        "words_sha256": digest_of(words),
    }
    ledger.record(kind=f"waiver.{act}", subject=waiver, payload=payload, actor=actor, system=waiver.system)
