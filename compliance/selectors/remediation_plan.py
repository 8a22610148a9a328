"""The plan of one remediation item: baseline, updates with their reasons, work log, what it waits for, what it costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.models import AuditFinding, Baseline, ItemDependency, PlanUpdate, RemediationItem, User, WorkEntry
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors.costs import ItemCosts, item_costs
from compliance.types.states import RemediationState

LATEST_ENTRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    """What stands about the plan on an item's page. Elapsed days and effort are apart; entries None: not for this reader."""

    baseline: Baseline | None
    proposal: Baseline | None
    refused: tuple[Baseline, ...]
    updates: tuple[PlanUpdate, ...]
    entries: tuple[WorkEntry, ...] | None
    entry_count: int
    waits_for: tuple[ItemDependency, ...]
    needed_by: tuple[ItemDependency, ...]
    audit_finding: AuditFinding | None
    elapsed_days: int
    owner_left: bool
    owner_without_right: bool
    costs: ItemCosts | None

    @property
    def slips(self) -> tuple[PlanUpdate, ...]:
        """Updates that moved the due date to a later day."""
        return tuple(update for update in self.updates if update.slip_days > 0)

    @property
    def waits_late(self) -> tuple[ItemDependency, ...]:
        """Of what it waits for, what is still open and due after the item itself."""
        return tuple(
            row
            for row in self.waits_for
            if row.needs.state != RemediationState.CLOSED and row.needs.due_on > row.item.due_on
        )


def work_log(item: RemediationItem, user: Asker) -> QuerySet[WorkEntry]:
    """Entries of the work log, newest first, with those that take them back."""
    rows = visible(WorkEntry.objects.filter(item=item), user)
    return rows.select_related("person", "made_by", "reverses", "reversed_by").order_by("-day", "-pk")


def plan_page(item: RemediationItem, user: Asker, *, workers: Collection[User]) -> PlanPage:
    """The plan of one item, as far as the asker may see; workers: who can work on its system."""
    baselines = list(item.baselines.select_related("proposed_by", "decision__decided_by"))
    decided = {row.pk: getattr(row, "decision", None) for row in baselines}
    edges = ItemDependency.objects.filter(Q(item=item) | Q(needs=item)).select_related("item__owner", "needs__owner")
    end = item.closed_at or timezone.now()
    sees_log = may(user, Verb.WORK_REMEDIATION) or may(user, Verb.VIEW_CAPACITY)
    entries = tuple(work_log(item, user)[:LATEST_ENTRIES]) if sees_log else None
    left = not item.owner.is_active
    return PlanPage(
        baseline=next((row for row in baselines if row.pk == item.baseline_id), None),
        proposal=next((row for row in baselines if decided[row.pk] is None), None),
        refused=tuple(row for row in baselines if (said := decided[row.pk]) and not said.is_approved),
        updates=tuple(item.plan_updates.select_related("made_by")),
        entries=entries,
        entry_count=work_log(item, user).count() if entries and len(entries) == LATEST_ENTRIES else len(entries or ()),
        waits_for=tuple(edge for edge in edges if edge.item_id == item.pk),
        needed_by=tuple(edge for edge in edges if edge.needs_id == item.pk),
        audit_finding=visible(AuditFinding.objects.filter(item=item), user).first(),
        elapsed_days=(timezone.localdate(end) - timezone.localdate(item.created_at)).days,
        owner_left=left,
        owner_without_right=not left and item.closed_at is None and item.owner not in workers,
        costs=item_costs(item, user),
    )
