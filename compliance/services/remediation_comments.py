"""Comments on remediation items: written once, shown in order, never changed."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import RemediationComment, RemediationItem, User
from compliance.services import ledger, notices
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.notices import NoticeKind

LONGEST = 5_000


@transaction.atomic
def write(*, item: RemediationItem, text: str, actor: User) -> RemediationComment:
    """Add a comment. It is kept as it was written; a closed item takes comments as well."""
    said = text.replace("\x00", "").strip()
    if not said:
        raise RefusedError(_("Write the comment first."))
    if len(said) > LONGEST:
        raise RefusedError(_("A comment has at most %d characters; attach longer texts as evidence.") % LONGEST)
    comment = RemediationComment.objects.create(item=item, author=actor, text=said)
    ledger.record(
        kind="remediation.commented",
        subject=item,
        payload={"said": str(comment.uuid), "words": digest_of(said)},
        actor=actor,
        system=item.system,
    )
    wrote = User.objects.filter(
        pk__in=RemediationComment.objects.filter(item=item).values("author")
    ) | User.objects.filter(pk=item.owner_id)
    others = wrote.exclude(pk=actor.pk).distinct()
    notices.tell(kind=NoticeKind.COMMENT, subject=item, people=others, once=str(comment.uuid))
    return comment
