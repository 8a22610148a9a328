"""Who acts for an engagement: the auditors on its team, as long as their access lasts."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Engagement, User
from compliance.rights import Verb, may
from compliance.services.errors import RefusedError


def require_team(*, engagement: Engagement, actor: User) -> None:
    """Raises RefusedError for whoever is not on the team of an engagement now."""
    on_team = engagement.auditors.filter(pk=actor.pk).exists() and engagement.expires_at > timezone.now()
    if not (on_team and may(actor, Verb.TEST_CONTROLS)):
        raise RefusedError(_("Only the auditors of the engagement do this, while their access lasts."))
