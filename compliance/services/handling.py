"""Handling: labels and regions on evidence and AI systems, and whether a person may have a file now."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.choices import label as words
from compliance.models import AISystem, Evidence, User
from compliance.selectors.handling import label_of, may_have, region_of, rule_of
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.handling import HandlingLabel


class UnconfirmedError(RefusedError):
    """The label asks whoever takes the file to confirm first that they will handle it so."""


@transaction.atomic
def label(*, target: Evidence | AISystem, handling: HandlingLabel, region: str, reason: str, actor: User) -> None:
    """Put a label and a region on a piece or an AI system, with a reason. The same again is no act. Raises RefusedError."""
    fresh = type(target).objects.select_for_update(of=("self",)).get(pk=target.pk)
    region = region.strip()[:64]
    if (fresh.handling, fresh.region) == (handling, region):
        return
    if not reason.strip():
        raise RefusedError(_("Say why it is to be handled so."))
    if handling is HandlingLabel.REGION and not region:
        raise RefusedError(_("Name the region in which it has to stay."))
    before = fresh.handling
    fresh.handling, fresh.region = handling, region
    fresh.save(update_fields=["handling", "region"])
    system = fresh.system if isinstance(fresh, Evidence) else fresh
    payload = {
        "before": before,
        "after": handling.value,
        "region_sha256": digest_of(region),
        "because_sha256": digest_of(reason.strip()),
    }
    kind = "evidence.labelled" if isinstance(fresh, Evidence) else "system.labelled"
    ledger.record(kind=kind, subject=fresh, payload=payload, actor=actor, system=system)


def require(*, evidence: Evidence, user: User, confirmed: bool) -> None:
    """The label lets this person have the file, and they confirmed where it asks; a confirmation is on record.

    Raises RefusedError where it does not, UnconfirmedError where it asks.
    """
    found, rule = label_of(evidence), rule_of(evidence)
    if not may_have(user, evidence):
        told = _("The file carries the label “%(label)s”, which does not let the role “%(role)s” have it.")
        raise RefusedError(told % {"label": words(found), "role": user.get_role_display()})
    if rule.asks and not confirmed:
        raise UnconfirmedError(_("Confirm first that you will handle the file by its label “%s”.") % words(found))
    if rule.asks:
        with transaction.atomic():
            payload = {"sha256": evidence.sha256, "label": found.value, "region_sha256": digest_of(region_of(evidence))}
            ledger.record(
                kind="evidence.handed_out", subject=evidence, payload=payload, actor=user, system=evidence.system
            )
