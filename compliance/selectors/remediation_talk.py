"""What was said about a remediation item, and what is attached to it."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.models import EvidenceLink, RemediationComment, RemediationItem
from compliance.rights import Asker, visible

LATEST, MOST = 50, 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Comments, oldest first, of which `earlier` ones are left out; and the evidence attached."""

    comments: tuple[RemediationComment, ...]
    earlier: int
    links: tuple[EvidenceLink, ...]


def talk(item: RemediationItem, user: Asker, *, everything: bool = False) -> Talk:
    """What the reader may see of it: the latest comments, or up to MOST of them."""
    rows = visible(RemediationComment.objects.filter(item=item), user).select_related("author")
    latest = list(rows.order_by("-created_at", "-pk")[: MOST if everything else LATEST])
    earlier = rows.count() - len(latest) if len(latest) in (LATEST, MOST) else 0
    links = visible(EvidenceLink.objects.filter(remediation=item), user).select_related("evidence", "linked_by")
    return Talk(comments=tuple(reversed(latest)), earlier=earlier, links=tuple(links))
