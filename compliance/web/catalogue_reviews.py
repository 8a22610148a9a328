"""Reviews that a new release of ATLAS or of a framework asks for: the list, and closing one by name."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import ControlReview
from compliance.rights import Verb, may
from compliance.services import control_reviews
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, page_of, refuse, say


@guarded(Verb.VIEW)
def catalogue_reviews(request: Request) -> HttpResponse:
    """Controls that a release touches, open ones first."""
    rows = ControlReview.objects.select_related("control", "release", "closed_by").order_by(
        F("closed_at").desc(nulls_first=True), "-release__created_at", "control__control_id"
    )
    title = _("Controls to review")
    context = {
        "page": page_of(request, rows),
        "title": title,
        "may_close": may(request.user, Verb.DECIDE_MAPPINGS),
        "trail": [{"label": _("Catalogue"), "url": reverse("catalogue")}, {"label": title}],
    }
    return render(request, "compliance/catalogue_reviews.html", context)


@guarded(Verb.DECIDE_MAPPINGS, methods=("POST",))
def catalogue_review_close(request: Request, uuid: UUID) -> HttpResponse:
    """Close a review, saying what follows."""
    review = get_object_or_404(ControlReview, uuid=uuid)
    try:
        control_reviews.close_review(review=review, note=request.POST.get("note", ""), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Your conclusion is recorded."))
    return redirect("catalogue-reviews")


urls = [
    path("catalogue/reviews/", catalogue_reviews, name="catalogue-reviews"),
    path("catalogue/reviews/<uuid:uuid>/", catalogue_review_close, name="catalogue-review-close"),
]
