"""Which remediation items wait for which: within one AI system, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, ItemDependency, RemediationItem, User
from compliance.services.errors import RefusedError
from compliance.services.remediation import check_open, record


@transaction.atomic
def add(*, item: RemediationItem, needs: RemediationItem, actor: User) -> ItemDependency:
    """The item waits for another. Raises RefusedError where that would close a circle.

    The row of the AI system is held meanwhile, so that of two people who write at the same time one sees what the other wrote.
    """
    if item.system_id != needs.system_id:
        raise RefusedError(_("Items wait for items of the same AI system alone."))
    if item.pk == needs.pk:
        raise RefusedError(_("An item cannot wait for itself."))
    AISystem.objects.select_for_update(no_key=True).get(pk=item.system_id)
    check_open(RemediationItem.objects.get(pk=item.pk))
    edges = list(ItemDependency.objects.filter(item__system=item.system_id).values_list("item", "needs"))
    if (item.pk, needs.pk) in edges:
        raise RefusedError(_("“%(item)s” waits for “%(needs)s” already.") % {"item": item, "needs": needs})
    way = _way(edges, start=needs.pk, end=item.pk)
    if way:
        titles = RemediationItem.objects.in_bulk(way)
        circle = " → ".join(titles[pk].title for pk in way)
        told = _("That would be a circle: %(circle)s → %(needs)s. Take one of these dependencies away first.")
        raise RefusedError(told % {"circle": circle, "needs": needs})
    row = ItemDependency.objects.create(item=item, needs=needs, made_by=actor)
    record(item, "dependency_added", actor, {"needs": str(needs.uuid)})
    return row


def _way(edges: Iterable[tuple[int, int]], *, start: int, end: int) -> list[int]:
    """The items on a shortest way from one to another along what each waits for; empty where there is none."""
    waits: dict[int, list[int]] = {}
    for item, needs in edges:
        waits.setdefault(item, []).append(needs)
    came_from, queue = {start: start}, [start]
    for here in queue:
        for there in waits.get(here, ()):
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    if end not in came_from:
        return []
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


@transaction.atomic
def remove(*, dependency: ItemDependency, actor: User) -> None:
    """The item waits no longer."""
    record(dependency.item, "dependency_removed", actor, {"needs": str(dependency.needs.uuid)})
    dependency.delete()
