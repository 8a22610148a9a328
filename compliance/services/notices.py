"""Telling people: a line in the inbox of everyone whom a thing concerns, once, as far as they may see it and want to know.

Many things of a kind that concern one person at one time become one line that leads to their list; each of them is kept as
told, with a count of 0, and never shown by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import Notice, NoticeChoice, User
from compliance.rights import RELEASED, SYSTEM_PATH, sees_all, visible
from compliance.types.notices import GROUP_ABOVE, NoticeKind

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One thing to tell one person. once: what makes it the same thing when it is told again, such as the day it is due;
    place: where the list is, should there be many of the kind."""

    user: User
    kind: NoticeKind
    subject_type: str
    subject_uuid: UUID
    once: str = ""
    due_on: date | None = None
    place: str = ""

    @property
    def key(self) -> str:
        """One notice for each."""
        return f"{self.kind}:{self.subject_uuid}:{self.once}"


def tell(*, kind: NoticeKind, subject: Any, people: Iterable[User], once: str = "", place: str = "") -> int:
    """Tells people of one record; how many were told anew. In the transaction of what happened."""
    label, uuid = subject._meta.label, subject.uuid
    return tell_all(
        [
            Telling(user=user, kind=kind, subject_type=label, subject_uuid=uuid, once=once, place=place)
            for user in people
        ]
    )


@transaction.atomic
def tell_all(tellings: Sequence[Telling], *, remembers: bool = True) -> int:
    """Tells everything at once; how many lines were written. remembers: keeps of each thing that it was told; False where the
    caller knows by itself, and tells of nothing twice."""
    groups: dict[tuple[int, NoticeKind], list[Telling]] = defaultdict(list)
    people = {one.user.pk: one.user for one in tellings}
    choices = {row.user_id: row for row in NoticeChoice.objects.filter(user__in=people)}
    for one in {(one.user.pk, one.key): one for one in tellings}.values():
        groups[one.user.pk, one.kind].append(one)
    rows: list[Notice] = []
    for (user_id, kind), group in groups.items():
        choice = choices.get(user_id)
        is_wanted = choice is None or not ({kind.value} <= set(choice.not_shown) & set(choice.not_mailed))
        if people[user_id].is_active and is_wanted:
            seen = _permitted(people[user_id], group)
            fresh = _untold(people[user_id], seen) if remembers else seen
            rows += _lines(people[user_id], kind, fresh, choice, remembers=remembers)
    Notice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_CHUNK)
    return sum(row.count > 0 for row in rows)


def _permitted(user: User, group: Sequence[Telling]) -> list[Telling]:
    """What the person may see at this moment."""
    by_type: dict[str, list[Telling]] = defaultdict(list)
    for one in group:
        by_type[one.subject_type].append(one)
    return [
        one
        for label, of_type in by_type.items()
        for seen in [seen_of(user, label, {one.subject_uuid for one in of_type})]
        for one in of_type
        if one.subject_uuid in seen
    ]


def seen_of(user: User, label: str, uuids: set[UUID]) -> set[UUID]:
    """Which of these records exist for a person."""
    if sees_all(user) and label in SYSTEM_PATH and label not in RELEASED:
        return uuids
    rows: QuerySet[Any] = QuerySet(apps.get_model(label))
    wanted = list(uuids)
    return {
        uuid
        for start in range(0, len(wanted), _CHUNK)
        for uuid in visible(rows.filter(uuid__in=wanted[start : start + _CHUNK]), user).values_list("uuid", flat=True)
    }


def _untold(user: User, group: Sequence[Telling]) -> list[Telling]:
    keys = [one.key for one in group]
    told: set[str] = set()
    for start in range(0, len(keys), _CHUNK):
        rows = Notice.objects.filter(user=user, key__in=keys[start : start + _CHUNK])
        told.update(rows.values_list("key", flat=True))
    return [one for one in group if one.key not in told]


def _lines(
    user: User, kind: NoticeKind, group: Sequence[Telling], choice: NoticeChoice | None, *, remembers: bool
) -> list[Notice]:
    """A line each; of many, one line, and a mark for each that it was told."""
    now = timezone.now()
    read_at = now if choice and kind.value in choice.not_shown else None
    mailed_at = now if choice and kind.value in choice.not_mailed else None
    if len(group) <= GROUP_ABOVE:
        return [_line(one, read_at=read_at, mailed_at=mailed_at) for one in group]
    within = [_line(one, read_at=now, mailed_at=now, count=0) for one in group] if remembers else []
    place = next((one.place for one in group if one.place), "")
    whole = Notice(
        user=user, kind=kind, key=f"many:{uuid4()}", count=len(group), place=place, read_at=read_at, mailed_at=mailed_at
    )
    return [*within, whole]


def _line(one: Telling, *, read_at: datetime | None, mailed_at: datetime | None, count: int = 1) -> Notice:
    return Notice(
        user=one.user,
        kind=one.kind,
        key=one.key,
        subject_type=one.subject_type,
        subject_uuid=one.subject_uuid,
        count=count,
        due_on=one.due_on,
        place=one.place,
        read_at=read_at,
        mailed_at=mailed_at,
    )
