"""Filters of the remediation table that a person keeps under a name, for themselves or for everybody."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import SavedFilter, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of

LONGEST_NAME = 100
LONGEST_QUERY = 1_000
MOST = 50


@transaction.atomic
def save(*, name: str, query: str, is_shared: bool, actor: User) -> SavedFilter:
    """Keep a filter; the same name again takes the place of the earlier one. query: of the table's address."""
    name = " ".join(name.replace("\x00", "").split())
    if not name or len(name) > LONGEST_NAME:
        raise RefusedError(_("Give the filter a name of at most %d characters.") % LONGEST_NAME)
    if len(query) > LONGEST_QUERY:
        raise RefusedError(
            _("The filter is longer than %d characters; narrow the list by fewer words.") % LONGEST_QUERY
        )
    known = SavedFilter.objects.select_for_update().filter(owner=actor, name=name).first()
    if known is None and SavedFilter.objects.filter(owner=actor).count() >= MOST:
        raise RefusedError(_("You keep %d filters already; delete one first.") % MOST)
    kept = known or SavedFilter(owner=actor, name=name)
    kept.query, kept.is_shared = query, is_shared
    kept.save()
    _record(kept, "saved", actor, {"is_shared": is_shared, "query": digest_of(query)})
    return kept


@transaction.atomic
def delete(*, kept: SavedFilter, actor: User) -> None:
    """Delete a filter of one's own."""
    if kept.owner_id != actor.pk:
        raise RefusedError(_("Only %s can delete this filter; save your own beside it.") % kept.owner.name)
    _record(kept, "deleted", actor, {})
    kept.delete()


def _record(kept: SavedFilter, act: str, actor: User, facts: dict[str, object]) -> None:
    ledger.record(kind=f"saved_filter.{act}", subject=kept, payload=facts, actor=actor, system=None)
