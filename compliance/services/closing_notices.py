"""Who is told of closings that wait, and of findings that are back; in the transaction of what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from django.db.models import QuerySet
from django.urls import reverse

from compliance.models import Closing, Finding, RemediationItem, User
from compliance.rights import TABLE, Verb
from compliance.selectors.closing_workers import confirmable
from compliance.services import notices
from compliance.services.notices import Telling
from compliance.types.notices import NoticeKind
from compliance.types.risk_life import Sighting


def _with(verb: Verb) -> QuerySet[User]:
    """The people whose role carries a verb; machines read no notices."""
    return User.objects.filter(is_active=True, owner=None, role__in=[role.value for role in TABLE[verb]])


def tell(closings: Sequence[Closing]) -> int:
    """Everybody who may confirm one of these, and did not do the work; how many lines were written."""
    return notices.tell_all(list(_of_closings(closings))) if closings else 0


def _of_closings(closings: Sequence[Closing]) -> Iterator[Telling]:
    keys = [closing.pk for closing in closings]
    for user in _with(Verb.CONFIRM_CLOSING).order_by("pk"):
        for uuid in confirmable(user).filter(pk__among=keys).values_list("uuid", flat=True):
            yield Telling(
                user=user,
                kind=NoticeKind.CLOSING_PROPOSED,
                subject_type=Closing._meta.label,
                subject_uuid=uuid,
                place=reverse("closing-list"),
            )


def tell_back(findings: Sequence[Finding]) -> int:
    """Of findings that stand again: whoever had the work on them, and those who give work out; not of what is waived."""
    stand = [finding for finding in findings if not finding.is_waived]
    if not stand:
        return 0
    owners, leads = _owners(stand), list(_with(Verb.OPEN_REMEDIATION).order_by("pk"))
    place = f"{reverse('finding-list')}?sighting={Sighting.REAPPEARED.value}"
    return notices.tell_all(
        [
            Telling(
                user=user,
                kind=NoticeKind.FINDING_BACK,
                subject_type=Finding._meta.label,
                subject_uuid=finding.uuid,
                once=str(finding.reappearances),
                place=place,
            )
            for finding in stand
            for user in [*leads, *owners[finding.pk]]
        ]
    )


def _owners(findings: Sequence[Finding]) -> Mapping[int, list[User]]:
    """Who owns, or owned last, the work on each finding."""
    found: dict[int, list[User]] = defaultdict(list)
    keys = [finding.pk for finding in findings]
    works = RemediationItem.objects.filter(risks__finding_id__among=keys).order_by()
    pairs = set(works.values_list("risks__finding_id", "owner_id"))
    known = User.objects.in_bulk({owner for _, owner in pairs})
    for finding, owner in sorted(pairs):
        found[finding].append(known[owner])
    return found
