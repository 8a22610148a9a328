"""What every page needs: the way around, whose installation this is, and whether its data is demonstration data."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

import compliance
from compliance.models import User
from compliance.rights import Verb, may
from compliance.selectors.inbox import masthead

MAIN = (
    ("overview", _("Overview"), Verb.VIEW),
    ("assessment-list", _("Assessments"), Verb.VIEW),
    ("engagement-list", _("Engagements"), Verb.VIEW_ENGAGEMENTS),
    ("request-list", _("Requests"), Verb.VIEW),
    ("control-list", _("Controls"), Verb.VIEW),
    ("control-test-list", _("Tests of controls"), Verb.VIEW),
    ("system-list", _("AI systems"), Verb.VIEW),
    ("evidence-list", _("Evidence"), Verb.VIEW),
    ("job-log", _("Job log"), Verb.VIEW),
    ("completeness", _("Completeness"), Verb.VIEW),
    ("check-list", _("Checks"), Verb.VIEW),
    ("entitlements", _("Who can submit"), Verb.VIEW),
    ("model-list", _("Models and data"), Verb.VIEW),
    ("supplier-list", _("Third parties"), Verb.VIEW),
    ("scan-list", _("Scans"), Verb.VIEW),
    ("coverage", _("Coverage"), Verb.VIEW),
    ("finding-list", _("Findings"), Verb.VIEW),
    ("acceptance-list", _("Risk decisions"), Verb.VIEW),
    ("remediation-list", _("Remediation"), Verb.VIEW),
    ("pack-list", _("Packs"), Verb.VIEW),
    ("catalogue", _("Catalogue"), Verb.VIEW),
)
SECONDARY = (
    ("inbox", _("Inbox"), Verb.OWN_NOTICES),
    ("import-list", _("Imports"), Verb.VIEW_JOBS),
    ("job-list", _("Jobs"), Verb.VIEW_JOBS),
    ("work-paper-list", _("Work papers"), Verb.KEEP_NOTES),
    ("trail", _("Trail"), Verb.VIEW_TRAIL),
    ("time-limits", _("Time limits"), Verb.VIEW_LIMITS),
    ("retention", _("Retention"), Verb.VIEW_RETENTION),
    ("webhook-list", _("Webhooks"), Verb.MANAGE_WEBHOOKS),
    ("people", _("People"), Verb.VIEW_PEOPLE),
    ("settings", _("Settings"), Verb.OWN_TOKENS),
    ("verify", _("Verify a pack"), Verb.VIEW),
)
# Where a page belongs whose address does not begin with that of its place.
BELONGS = {
    "/unmatched/": "check-list",
    "/access-reviews/": "entitlements",
    "/data/": "model-list",
    "/waivers/": "acceptance-list",
    "/closings/": "acceptance-list",
    "/teams/": "people",
    "/statements/": "system-list",
    "/instances/": "control-test-list",
    "/populations/": "control-test-list",
    "/audit-findings/": "control-test-list",
    "/column-mappings/": "import-list",
    "/reference-banks/": "scan-list",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    name: str
    label: object
    url: str
    active: bool


def _places(request: HttpRequest, entries: tuple[tuple[str, object, Verb], ...]) -> list[Place]:
    places = []
    belongs = BELONGS.get(f"/{request.path.split('/')[1]}/")
    for name, label, verb in entries:
        if not may(request.user, verb):
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        active = name == belongs or request.path == url or (url != "/" and request.path.startswith(url))
        places.append(Place(name, label, url, active))
    return places


def assay(request: HttpRequest) -> dict[str, object]:
    """Context of every page."""
    shared: dict[str, object] = {
        "organisation": settings.ORGANISATION,
        "version": compliance.__version__,
        "navigation": [],
        "navigation_secondary": [],
        "demonstration": False,
    }
    user = getattr(request, "user", None)
    if isinstance(user, User):
        shared["navigation"] = _places(request, MAIN)
        shared["navigation_secondary"] = _places(request, SECONDARY)
        shared["unread"], shared["demonstration"] = masthead(user)
    return shared
