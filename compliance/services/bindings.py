"""Bindings of job events to models and data: made for new events, made again where a version, a rule or a person says more.

A binding is a row that is superseded and never changed. Each run is one ledger event with the Merkle root of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, BindingRule, DatasetVersion, JobBinding, JobEvent, ModelVersion, User
from compliance.services import ledger
from compliance.services.binding_matches import (
    NOTHING,
    Known,
    Match,
    NamedPlace,
    dataset_keys,
    known,
    model_keys,
    named_places,
)
from compliance.services.errors import RefusedError
from compliance.types.bindings import BoundBy, Named
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.states import ActionClass, Outcome

_CHUNK = 2000
_BATCH = 500
_PARAMETERS = 400
# What a refused or failed attempt names went into nothing.
_CLASSES = (ActionClass.SUBMIT, ActionClass.REGISTER, ActionClass.IMPORT, ActionClass.DEPLOY)
_OUTCOMES = (Outcome.SUCCESS, Outcome.UNKNOWN)


def bind_new(*, system: AISystem) -> int:
    """Bind what events of a system name that were not looked at yet; how many places. Short transactions of its own."""
    looked_at = JobBinding.objects.filter(event=OuterRef("pk"))
    names_nothing = Q(base_model="", output_uri="", output_model="", inputs=[])
    fresh = JobEvent.objects.filter(
        ~Exists(looked_at), system=system, action_class__in=_CLASSES, outcome__in=_OUTCOMES
    ).exclude(names_nothing)
    registered, count, last = known(system), 0, 0
    while events := list(fresh.filter(pk__gt=last).order_by("pk").defer("raw", "origins")[:_CHUNK]):
        rows = [_row(event, place, registered.match(place, event)) for event in events for place in named_places(event)]
        with transaction.atomic():
            # Another worker may bind the same events at the same moment: then its rows stand.
            JobBinding.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
            _tell(system, rows, actor=None)
        count, last = count + len(rows), events[-1].pk
    return count


def _row(event: JobEvent, place: NamedPlace, match: Match) -> JobBinding:
    return JobBinding(
        system_id=event.system_id,
        event=event,
        place=place.place,
        named=place.named,
        name=place.name,
        name_digest=place.digest,
        bound_by=match.how,
        model_version_id=match.model,
        dataset_version_id=match.data,
        rule_id=match.rule,
    )


def _leaf(row: JobBinding) -> bytes:
    said = [str(row.uuid), row.event_id, row.place, row.bound_by, row.model_version_id, row.dataset_version_id]
    return bytes.fromhex(digest_of(said))


def _tell(system: AISystem, rows: Sequence[JobBinding], *, actor: User | None) -> None:
    if rows:
        counts = {how.value: sum(row.bound_by == how for row in rows) for how in BoundBy}
        payload = {"rows": len(rows), "rows_root": merkle_root(map(_leaf, rows)), "bound_by": counts}
        ledger.record(kind="bindings.made", subject=system, payload=payload, actor=actor, system=system)


def in_force(system: AISystem) -> QuerySet[JobBinding]:
    """The bindings of a system that no other superseded."""
    return JobBinding.objects.filter(system=system, superseded_at__isnull=True)


def waiting(system: AISystem) -> QuerySet[JobBinding]:
    """What waits for a person."""
    return in_force(system).filter(bound_by=BoundBy.NOTHING)


def _replace(
    olds: QuerySet[JobBinding], *, system: AISystem, actor: User | None, person: Match | None, reason: str = ""
) -> int:
    """Supersede rows by what a person said, or by what matches now; rows that would say the same stay. The number replaced."""
    registered = None if person else known(system)
    rows = olds.select_related("event").defer("event__raw", "event__origins").select_for_update(of=("self",))
    count, last = 0, 0
    with transaction.atomic():
        while part := list(rows.filter(pk__gt=last).order_by("pk")[:_CHUNK]):
            said = [(old, person or _match(registered, old)) for old in part]
            changed = [(old, match) for old, match in said if _differs(old, match)]
            news = [_successor(old, match, actor=actor if person else None, reason=reason) for old, match in changed]
            _supersede([old.pk for old, _new in changed])
            JobBinding.objects.bulk_create(news, batch_size=_BATCH)
            _tell(system, news, actor=actor)
            count, last = count + len(news), part[-1].pk
    return count


def _place(row: JobBinding) -> NamedPlace:
    return NamedPlace(row.place, Named(row.named), row.name, row.name_digest)


def _match(registered: Known | None, row: JobBinding) -> Match:
    return registered.match(_place(row), row.event) if registered else NOTHING


def _successor(old: JobBinding, match: Match, *, actor: User | None, reason: str) -> JobBinding:
    new = _row(old.event, _place(old), match)
    new.person, new.reason = actor, reason
    return new


def _differs(old: JobBinding, match: Match) -> bool:
    said = (old.bound_by, old.model_version_id, old.dataset_version_id, old.rule_id)
    return said != (match.how, match.model, match.data, match.rule)


def _supersede(keys: Sequence[int]) -> None:
    now = timezone.now()
    for start in range(0, len(keys), _PARAMETERS):
        JobBinding.objects.filter(pk__in=keys[start : start + _PARAMETERS]).update(superseded_at=now)


def version_registered(*, version: ModelVersion | DatasetVersion, actor: User | None) -> int:
    """Bind what waits for a version that is new on record, in the caller's transaction; how many places."""
    kinds: tuple[Named, ...]
    if isinstance(version, ModelVersion):
        system, keys, kinds = version.model.system, model_keys(version), (Named.BASE, Named.OUTPUT)
    else:
        system, keys, kinds = version.dataset.system, dataset_keys(version), (Named.DATASET,)
    chosen = list(keys)[:_PARAMETERS]
    of_name = Q(name__in=chosen) | Q(name_digest__in=chosen)
    of_job = Q(named=Named.OUTPUT) & (Q(event__job_id__in=chosen) | Q(event__job_name__in=chosen))
    rows = waiting(system).filter(of_name | of_job, named__in=kinds)
    return _replace(rows, system=system, actor=actor, person=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The rule that a person saves with a decision: names that begin so, for jobs of these days (None is open)."""

    prefix: str
    applies_from: date | None
    applies_to: date | None


@transaction.atomic
def decide(
    *,
    system: AISystem,
    named: Named,
    name: str,
    name_digest: str,
    target: ModelVersion | DatasetVersion | None,
    reason: str,
    actor: User,
    learned: Learned | None = None,
) -> int:
    """Bind everything that waits under one name, as a person says; target None: none of ours, with a reason.

    learned: a rule that is saved with it, both or neither. Answers how many places are bound under the name.
    """
    _check_target(system, named, target, reason)
    rows = waiting(system).filter(named=named, name=name, name_digest=name_digest)
    count = _replace(rows, system=system, actor=actor, person=_match_of(target), reason=reason)
    if not count:
        raise RefusedError(_("Nothing waits under this name any more; reload the page."))
    if learned is not None:
        save_rule(
            system=system,
            named=named,
            prefix=learned.prefix,
            target=target,
            reason=reason,
            applies_from=learned.applies_from,
            applies_to=learned.applies_to,
            actor=actor,
        )
    return count


def _match_of(target: ModelVersion | DatasetVersion | None) -> Match:
    if target is None:
        return Match(BoundBy.NOT_OURS)
    if isinstance(target, DatasetVersion):
        return Match(BoundBy.PERSON, data=target.pk)
    return Match(BoundBy.PERSON, model=target.pk)


def _check_target(system: AISystem, named: Named, target: ModelVersion | DatasetVersion | None, reason: str) -> None:
    if target is None:
        if not reason.strip():
            raise RefusedError(_("Say why it is none of ours."))
        return
    is_data = isinstance(target, DatasetVersion)
    if is_data != (named is Named.DATASET):
        raise RefusedError(_("A data set is bound to a data-set version, a model to a model version."))
    owner = target.dataset.system_id if isinstance(target, DatasetVersion) else target.model.system_id
    if owner != system.pk:
        raise RefusedError(_("The version belongs to another AI system."))


@transaction.atomic
def reopen(*, system: AISystem, named: Named, name: str, name_digest: str, actor: User) -> int:
    """Take back what a person said of a name; what matches by digest, provenance or rule is bound again, the rest waits."""
    by_person = Q(bound_by=BoundBy.PERSON) | Q(bound_by=BoundBy.NOT_OURS, rule__isnull=True)
    rows = in_force(system).filter(by_person, named=named, name=name, name_digest=name_digest)
    return _replace(rows, system=system, actor=actor, person=None)


@transaction.atomic
def save_rule(
    *,
    system: AISystem,
    named: Named,
    prefix: str,
    target: ModelVersion | DatasetVersion | None,
    reason: str,
    applies_from: date | None,
    applies_to: date | None,
    actor: User,
) -> BindingRule:
    """Save what a person learned, and bind what waits by it. target None: names that begin so are none of ours."""
    if len(prefix.strip()) < 3:
        raise RefusedError(_("Give at least three characters of what the names begin with."))
    if applies_from and applies_to and applies_to < applies_from:
        raise RefusedError(_("The last day lies before the first."))
    _check_target(system, named, target, reason)
    rule = BindingRule.objects.create(
        system=system,
        named=named,
        prefix=prefix.strip(),
        model_version=target if isinstance(target, ModelVersion) else None,
        dataset_version=target if isinstance(target, DatasetVersion) else None,
        not_ours=target is None,
        reason=reason,
        applies_from=applies_from,
        applies_to=applies_to,
        made_by=actor,
    )
    payload = {
        "named": named.value,
        "prefix_sha256": digest_of(rule.prefix),
        "target": str(target.uuid) if target else None,
        "from": applies_from.isoformat() if applies_from else None,
        "to": applies_to.isoformat() if applies_to else None,
    }
    ledger.record(kind="binding_rule.saved", subject=rule, payload=payload, actor=actor, system=system)
    rows = waiting(system).filter(named=named, name__startswith=rule.prefix)
    _replace(rows, system=system, actor=actor, person=None)
    return rule


@transaction.atomic
def withdraw_rule(*, rule: BindingRule, actor: User) -> BindingRule:
    """Withdraw a rule: what it bound is matched anew without it."""
    rule = BindingRule.objects.select_for_update().select_related("system").get(pk=rule.pk)
    if rule.withdrawn_at is not None:
        raise RefusedError(_("The rule is withdrawn already."))
    rule.withdrawn_at, rule.withdrawn_by = timezone.now(), actor
    rule.save(update_fields=["withdrawn_at", "withdrawn_by"])
    ledger.record(kind="binding_rule.withdrawn", subject=rule, payload={}, actor=actor, system=rule.system)
    _replace(in_force(rule.system).filter(rule=rule), system=rule.system, actor=actor, person=None)
    return rule
