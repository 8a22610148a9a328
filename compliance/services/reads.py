"""The log of what auditors read: one row for each page, list and file that one of them had."""

from __future__ import annotations

from uuid import UUID

from compliance.auditor_scope import rooms_of
from compliance.models import AuditorRead, User
from compliance.types.engagements import ReadAct


def record(*, reader: User, act: ReadAct, what: str, named: dict[str, object], by_token: bool) -> None:
    """Writes what an auditor had. named: the parts of the address by their names, as Django resolved them.

    At most two statements, whatever was read. An error is not caught: what cannot be logged is not handed out.
    """
    rooms = {room.uuid: room.key for room in rooms_of(reader)}
    AuditorRead.objects.create(
        reader=reader,
        engagement_id=_room(rooms, named.get("uuid")),
        act=act,
        what=what[:100],
        subject="/".join(str(part) for part in named.values())[:200],
        by_token=by_token,
    )


def _room(rooms: dict[UUID, int], named: object) -> int | None:
    """For which engagement: the one that the address names, or the only one there is."""
    if isinstance(named, UUID) and named in rooms:
        return rooms[named]
    return next(iter(rooms.values())) if len(rooms) == 1 else None
