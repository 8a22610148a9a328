"""Mapping pairs: shipped as drafts or added by people, approved by a named person who is not the author, retired."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Framework, MappingPair, ReferenceControl, User
from compliance.oscal.catalog_checks import RELATIONS, STRENGTHS
from compliance.services import framework_ids, ledger
from compliance.services.catalog_rows import RETIRED, pair_substance
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.states import MappingState

BY_A_PERSON = "person"  # how the id of a pair was seen: by who wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTerms:
    """What a pair says. relation: one of OSCAL's; strength: direct, supporting or context; kind: article, clause …"""

    relation: str
    strength: str
    rationale: str
    kind: str = ""
    applies_to: str = ""


@transaction.atomic
def add(
    *, control: ReferenceControl, framework: Framework, requirement_id: str, terms: PairTerms, actor: User
) -> MappingPair:
    """A new draft; who adds it is its author. Raises RefusedError, among others for an id of the wrong form."""
    requirement_id = requirement_id.strip()
    framework_ids.require_form(framework, requirement_id)
    _require_terms(terms)
    if control.facts.get(RETIRED) or framework.facts.get(RETIRED):
        raise RefusedError(_("The control or the framework is no longer in the catalogue."))
    if control.pairs.filter(framework=framework, requirement_id=requirement_id).exists():
        raise RefusedError(_("The catalogue has this pair already; revise it instead."))
    pair = MappingPair(
        control=control,
        framework=framework,
        requirement_id=requirement_id,
        checked=BY_A_PERSON,
        facts=_facts(terms, {}),
    )
    return _write(pair, terms, kind="mapping.added", actor=actor)


@transaction.atomic
def revise(*, pair: MappingPair, terms: PairTerms, actor: User) -> MappingPair:
    """Other words, relation or strength: a draft again, whose author is who revised it."""
    fresh = _locked(pair)
    _require_terms(terms)
    if fresh.facts.get(RETIRED):
        raise RefusedError(_("The catalogue no longer has this pair; add another."))
    before = pair_substance(fresh)
    fresh.facts = _facts(terms, fresh.facts)
    if pair_substance(_said(fresh, terms)) == before and fresh.state != MappingState.RETIRED:
        raise RefusedError(_("Nothing differs from what the pair says already."))
    return _write(fresh, terms, kind="mapping.revised", actor=actor)


@transaction.atomic
def decide(*, pair: MappingPair, state: MappingState, actor: User) -> MappingPair:
    """A named person who is not the author approves or rejects a pair, or takes a decision back."""
    fresh = _locked(pair)
    if fresh.facts.get(RETIRED) and state == MappingState.APPROVED:
        raise RefusedError(_("The catalogue no longer has this pair, so it cannot be approved."))
    if MappingState.RETIRED in {state, fresh.state}:
        raise RefusedError(_("A retired pair is not decided; revise it to make it a draft again."))
    if state == MappingState.APPROVED and fresh.author_id == actor.pk:
        raise RefusedError(_("You wrote this pair; a second person has to approve it."))
    if fresh.state == state:
        return fresh
    is_open = state == MappingState.DRAFT
    fresh.state = state
    fresh.decided_by, fresh.decided_at = (None, None) if is_open else (actor, timezone.now())
    fresh.save(update_fields=["state", "decided_by", "decided_at"])
    record(fresh, kind="mapping.decided", actor=actor)
    return fresh


@transaction.atomic
def retire(*, pair: MappingPair, reason: str, actor: User) -> MappingPair:
    """The pair does not count any more and is not offered; it stays on record with the reason."""
    fresh = _locked(pair)
    if not reason.strip():
        raise RefusedError(_("Say why the pair is retired."))
    if fresh.state == MappingState.RETIRED:
        return fresh
    fresh.state, fresh.decided_by, fresh.decided_at = MappingState.RETIRED, actor, timezone.now()
    fresh.reason = reason.strip()
    fresh.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    record(fresh, kind="mapping.retired", actor=actor)
    return fresh


def record(pair: MappingPair, *, kind: str, actor: User | None) -> None:
    """The digest says on which wording it was decided."""
    payload = {"state": MappingState(pair.state).value, "substance_sha256": digest_of(pair_substance(pair))}
    ledger.record(kind=kind, subject=pair, payload=payload, actor=actor, system=None)


def _locked(pair: MappingPair) -> MappingPair:
    rows = MappingPair.objects.select_for_update(of=("self",)).select_related("control", "framework")
    return rows.get(pk=pair.pk)


def _require_terms(terms: PairTerms) -> None:
    if terms.relation not in RELATIONS:
        raise RefusedError(_("The relation is one of %s.") % ", ".join(RELATIONS))
    if terms.strength not in STRENGTHS:
        raise RefusedError(_("The strength is one of %s.") % ", ".join(STRENGTHS))
    if not terms.rationale.strip():
        raise RefusedError(_("Say in the rationale why the control and the requirement belong together."))


def _facts(terms: PairTerms, before: JSON) -> JSON:
    facts = {name: value for name, value in before.items() if name not in {"kind", "applies_to", "caution"}}
    said = {"kind": terms.kind.strip(), "applies_to": terms.applies_to.strip()}
    return {**facts, **{name: value for name, value in said.items() if value}}


def _said(pair: MappingPair, terms: PairTerms) -> MappingPair:
    pair.relation, pair.strength, pair.rationale = terms.relation, terms.strength, terms.rationale.strip()
    return pair


def _write(pair: MappingPair, terms: PairTerms, *, kind: str, actor: User) -> MappingPair:
    _said(pair, terms)
    pair.author, pair.state, pair.reason = actor, MappingState.DRAFT, ""
    pair.decided_by = pair.decided_at = None
    pair.save()
    record(pair, kind=kind, actor=actor)
    return pair
