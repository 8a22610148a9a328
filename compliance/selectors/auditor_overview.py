"""What greets an auditor: each open engagement with its scope, the days left, and what happened since their last visit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from compliance.auditor_scope import live_engagements
from compliance.models import AuditorRead, ControlTest, Engagement, TrailEntry, User
from compliance.rights import visible
from compliance.selectors.request_page import RequestFigures, request_figures
from compliance.types.engagements import last_visit

_READS = 2_000
_ENTRIES = 5_000
_KINDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditorOverview:
    """rooms: the open engagements with their requests and the number of their tests. since: the end of the last visit, None on
    the first; changes: kinds of events since then with their numbers, most frequent first.
    """

    rooms: tuple[tuple[Engagement, RequestFigures, int], ...]
    since: datetime | None
    changes: tuple[tuple[str, int], ...]


def auditor_overview(user: User) -> AuditorOverview:
    """The first page of an auditor."""
    rooms = list(live_engagements(user).prefetch_related("systems").order_by("expires_at", "pk"))
    figures = request_figures(rooms)
    tests = Counter(ControlTest.objects.filter(engagement__in=rooms).values_list("engagement", flat=True))
    reads = AuditorRead.objects.filter(reader=user).order_by("-read_at")[:_READS].values_list("read_at", flat=True)
    since = last_visit(reads, timezone.now())
    return AuditorOverview(
        rooms=tuple((room, figures.get(room.pk, RequestFigures()), tests[room.pk]) for room in rooms),
        since=since,
        changes=changes(user, since) if since else (),
    )


def changes(user: User, since: datetime) -> tuple[tuple[str, int], ...]:
    """What others did since then, as far as the auditor may see it: the newest entries of the trail, counted by kind."""
    entries = visible(TrailEntry.objects.exclude(actor=user), user).filter(event__created_at__gt=since)
    kinds = entries.order_by("-pk").values_list("event__kind", flat=True)[:_ENTRIES]
    return tuple(Counter(kinds).most_common(_KINDS))
