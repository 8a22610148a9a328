"""Reviews of reference controls that a new release of ATLAS or of a framework touches: opened by Assay, closed by a person."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import CatalogRelease, ControlReview, ReferenceControl, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON

LONGEST_NOTE = 5_000


def open_reviews(*, release: CatalogRelease, by_control: dict[str, list[JSON]], actor: User | None) -> None:
    """A review for each control, in the caller's transaction; one that this release opened before is left as it is."""
    there = set(ControlReview.objects.filter(release=release).values_list("control__control_id", flat=True))
    controls = ReferenceControl.objects.filter(control_id__in=by_control.keys() - there)
    for control in controls:
        review = ControlReview.objects.create(control=control, release=release, changes=by_control[control.control_id])
        payload = {"control": control.control_id, "release_sha256": release.sha256, "changes": len(review.changes)}
        ledger.record(kind="control_review.opened", subject=review, payload=payload, actor=actor, system=None)


@transaction.atomic
def close_review(*, review: ControlReview, note: str, actor: User) -> ControlReview:
    """A named person has looked at the control against the release and says what follows. Raises RefusedError."""
    review = ControlReview.objects.select_for_update().get(pk=review.pk)
    if not review.is_open:
        raise RefusedError(_("The review is closed already."))
    if not note.strip():
        raise RefusedError(_("Write what follows from the change for the control, even if nothing does."))
    if len(note) > LONGEST_NOTE:
        raise RefusedError(_("The conclusion is longer than %d characters; shorten it.") % LONGEST_NOTE)
    review.note, review.closed_by, review.closed_at = note.strip(), actor, timezone.now()
    review.save(update_fields=["note", "closed_by", "closed_at"])
    payload = {"note_sha256": digest_of(review.note)}
    ledger.record(kind="control_review.closed", subject=review, payload=payload, actor=actor, system=None)
    return review
