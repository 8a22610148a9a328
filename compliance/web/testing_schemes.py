"""How the auditors of an engagement rate findings, and how many instances they test of a control that runs so often."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import Engagement
from compliance.rights import Verb
from compliance.services import control_tests
from compliance.services.errors import RefusedError
from compliance.web.audit_finding_forms import SchemeForm
from compliance.web.base import Request, found, guarded, say


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def engagement_testing(request: Request, uuid: UUID) -> HttpResponse:
    """Ratings and sizes of one engagement."""
    engagement = found(request, Engagement.objects.all(), uuid)
    scheme = control_tests.scheme_of(engagement=engagement)
    form = SchemeForm(request.POST or None, initial=SchemeForm.initial_of(scheme))
    if request.method == "POST" and form.is_valid():
        try:
            control_tests.set_scheme(
                engagement=engagement, ratings=form.cleaned_data["ratings"], sizes=form.cleaned_data["sizes"],
                actor=request.user,
            )  # fmt: skip
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("From now on tests and findings of this engagement follow these."))
            return redirect("control-test-list")
    trail = [
        {"label": _("Tests of controls"), "url": reverse("control-test-list")},
        {"label": engagement.title},
    ]
    context = {"form": form, "engagement": engagement, "trail": trail}
    return render(request, "compliance/testing_scheme.html", context)


urls = [path("engagements/<uuid:uuid>/testing/", engagement_testing, name="engagement-testing")]
