"""Baselines of remediation items: proposed as the plan stands, approved by another person, then kept for ever."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import Baseline, BaselineDecision, RemediationItem, User
from compliance.services.errors import RefusedError
from compliance.services.remediation import check_open, locked, record
from compliance.types.canonical import digest_of


@transaction.atomic
def propose(*, item: RemediationItem, scope: str, actor: User) -> Baseline:
    """Propose the plan as it stands now as the one to hold the work against. Raises RefusedError."""
    fresh = locked(item)
    check_open(fresh)
    if fresh.baseline_id is not None:
        raise RefusedError(_("The item has an approved baseline, which is kept for ever; update its plan instead."))
    if fresh.baselines.filter(decision=None).exists():
        raise RefusedError(_("A baseline of this item waits for a decision already."))
    if not scope.strip():
        raise RefusedError(_("Say what is in scope, and what is not."))
    row = Baseline.objects.create(
        item=fresh,
        number=fresh.baselines.count() + 1,
        scope=scope.strip(),
        effort_low=fresh.estimate_low,
        effort_likely=fresh.estimate_likely,
        effort_high=fresh.estimate_high,
        due_on=fresh.due_on,
        proposed_by=actor,
    )
    facts = {
        "baseline": str(row.uuid),
        "effort": [f"{row.effort_low:.2f}", f"{row.effort_likely:.2f}", f"{row.effort_high:.2f}"],
        "due_on": row.due_on.isoformat(),
        "scope_sha256": digest_of(row.scope),
    }
    record(fresh, "baseline_proposed", actor, facts)
    return row


@transaction.atomic
def decide(*, baseline: Baseline, approves: bool, note: str, actor: User) -> Baseline:
    """Approve or refuse a proposed baseline; never by whoever proposed it. Raises RefusedError."""
    item = locked(baseline.item)
    if BaselineDecision.objects.filter(baseline=baseline).exists():
        raise RefusedError(_("The baseline was decided already."))
    check_open(item)
    if baseline.proposed_by_id == actor.pk:
        raise RefusedError(_("Whoever proposed the baseline cannot decide on it; another person has to."))
    if not approves and not note.strip():
        raise RefusedError(_("Say why the baseline is refused."))
    if approves and (baseline.effort != item.estimate or baseline.due_on != item.due_on):
        raise RefusedError(
            _("The plan changed since the baseline was proposed; refuse it, and have the new plan proposed.")
        )
    BaselineDecision.objects.create(baseline=baseline, is_approved=approves, note=note.strip(), decided_by=actor)
    if approves:
        item.baseline, item.effort_planned, item.version = baseline, baseline.effort_likely, item.version + 1
        item.save(update_fields=["baseline", "effort_planned", "version"])
    act = "baseline_approved" if approves else "baseline_refused"
    record(item, act, actor, {"baseline": str(baseline.uuid), "note_sha256": digest_of(note.strip())})
    return baseline
