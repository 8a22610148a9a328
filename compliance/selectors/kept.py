"""What is costly to compute from the record, kept for as long as the record stays as it is.

Every write to the record leaves an entry in the trail, so the newest entries tell whether anything happened. Entries become
visible in the order of their commits, not of their numbers: the mark therefore counts the last of them besides naming the
newest, and nothing is kept for more than `SECONDS`. Pages read what is kept; what decides or is frozen is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.utils import timezone, translation

from compliance.models import AISystem, TrailEntry
from compliance.rights import Asker, sees_all, visible
from compliance.types.canonical import sha256_hex

SECONDS = 300
_WINDOW = 5_000
_READ: ContextVar[list[str] | None] = ContextVar("what record_mark read within one_mark", default=None)
T = TypeVar("T")


@contextmanager
def one_mark() -> Iterator[None]:
    """Within the block, which must not write, the mark is read once: all that a page shows is of one moment."""
    token = _READ.set([])
    try:
        yield
    finally:
        _READ.reset(token)


def record_mark() -> str:
    """A word that changes when anything is recorded, and with the day, since what is fresh today may be stale tomorrow; ""
    where nothing was ever recorded."""
    read = _READ.get()
    if read is None:
        return _read_mark()
    if not read:
        read.append(_read_mark())
    return read[0]


def _read_mark() -> str:
    newest = TrailEntry.objects.order_by("-pk").values_list("pk", "event__uuid").first()
    if newest is None:
        return ""
    key, event = newest
    lately = TrailEntry.objects.filter(pk__gt=key - _WINDOW).count()
    return f"{event}-{lately}-{timezone.localdate().isoformat()}"


def seen_by(user: Asker) -> str:
    """The part of a name for what depends on its asker: who, and which AI systems they may see at this moment."""
    if sees_all(user):
        return f"{user.pk}|all"
    systems = visible(AISystem.objects.all(), user).order_by("pk").values_list("pk", flat=True)
    return f"{user.pk}|{','.join(map(str, systems))}"


def kept_count(rows: QuerySet[Any], user: Asker) -> int:
    """How many rows there are of those that the asker sees."""
    return kept_of("count", rows, user, rows.count, mark=record_mark())


def kept_of(word: str, rows: QuerySet[Any], user: Asker, compute: Callable[[], T], *, mark: str) -> T:
    """What is computed of these rows as the asker sees them; word: which of such things it is."""
    try:
        sql, values = rows.order_by().query.sql_with_params()
    except EmptyResultSet:
        return compute()
    return kept(f"{word}|{user.pk}|{sql}|{values!r}", compute, mark=mark)


def kept(name: str, compute: Callable[[], T], *, mark: str) -> T:
    """What `compute` gives, kept under its name until the mark changes. The name tells whatever the result depends on."""
    if not mark:
        return compute()
    key = sha256_hex(f"{name}|{translation.get_language()}|{mark}".encode())
    known = cache.get(key)
    if known is None:
        known = (compute(),)
        cache.set(key, known, SECONDS)
    return cast("tuple[T]", known)[0]
