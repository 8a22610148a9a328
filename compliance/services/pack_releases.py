"""Release of packs for external recipients: a second person reads the pack, then lets it out or keeps it in."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from compliance.models import EvidencePack, PackRelease, User
from compliance.rights import TABLE, Asker, Verb, may
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.states import Audience, ReleaseOutcome


def decision_on(pack: EvidencePack) -> PackRelease | None:
    """What was decided; None where nothing was, or nothing has to be."""
    return PackRelease.objects.select_related("decided_by").filter(pack=pack).first()


def waits(pack: EvidencePack) -> bool:
    """Whether the pack is for external recipients and nobody has decided on it."""
    return pack.audience == Audience.EXTERNAL and decision_on(pack) is None


def is_out(pack: EvidencePack) -> bool:
    """Whether whoever may download packs may have this one."""
    if pack.audience != Audience.EXTERNAL:
        return True
    decision = decision_on(pack)
    return decision is not None and decision.outcome == ReleaseOutcome.RELEASED


def may_read(pack: EvidencePack, user: Asker) -> bool:
    """Whether this person may have the files: all who may download once it is out, before that those who could release it."""
    return is_out(pack) or (may(user, Verb.RELEASE_PACK) and user.pk != pack.issued_by_id and waits(pack))


def require_readable(pack: EvidencePack, user: Asker) -> None:
    """Raises RefusedError where this person may not have the files yet, or ever."""
    if not may_read(pack, user):
        raise RefusedError(_reason(pack))


def require_out(pack: EvidencePack) -> None:
    """Raises RefusedError where nobody outside may have the pack."""
    if not is_out(pack):
        raise RefusedError(_reason(pack))


def _reason(pack: EvidencePack) -> str:
    if waits(pack):
        return _("The pack is for external recipients and waits for its release by a second person.")
    return _("The release of this pack was refused; issue another one.")


def other_deciders(pack: EvidencePack) -> list[User]:
    """Active people who may release packs and did not issue this one."""
    roles = [role.value for role in TABLE[Verb.RELEASE_PACK]]
    return list(User.objects.filter(is_active=True, role__in=roles).exclude(pk=pack.issued_by_id).order_by("name"))


def release(*, pack: EvidencePack, actor: User) -> PackRelease:
    """Let the pack out, as a second person who has read it."""
    if actor.pk == pack.issued_by_id:
        raise RefusedError(_("You issued this pack; a second person has to release it."))
    return _decide(pack, ReleaseOutcome.RELEASED, actor=actor)


def release_alone(*, pack: EvidencePack, actor: User, reason: str) -> PackRelease:
    """Let the pack out where nobody else can: it is marked "not independently released", with the reason."""
    if others := other_deciders(pack):
        named = ", ".join(user.name for user in others[:5])
        raise RefusedError(_("A second person can release this pack; ask one of them: %s.") % named)
    if not reason.strip():
        raise RefusedError(_("Say why nobody else can release it."))
    return _decide(pack, ReleaseOutcome.RELEASED, actor=actor, reason=reason, is_alone=True)


def refuse(*, pack: EvidencePack, actor: User, reason: str) -> PackRelease:
    """Keep the pack in for good, saying why; another one takes its place."""
    if not reason.strip():
        raise RefusedError(_("Say why the pack may not leave, so that the next one can."))
    return _decide(pack, ReleaseOutcome.REFUSED, actor=actor, reason=reason)


def _decide(
    pack: EvidencePack, outcome: ReleaseOutcome, *, actor: User, reason: str = "", is_alone: bool = False
) -> PackRelease:
    if pack.audience != Audience.EXTERNAL:
        raise RefusedError(
            _("Only packs for external recipients are released; this one is for the organisation itself.")
        )
    try:
        with transaction.atomic():
            row = PackRelease.objects.create(
                pack=pack, outcome=outcome, is_alone=is_alone, reason=reason.strip(), decided_by=actor
            )
            ledger.record(
                kind=f"pack.{outcome.value}",
                subject=pack,
                payload={
                    "sha256": pack.sha256,
                    "is_alone": is_alone,
                    "reason_sha256": digest_of(reason.strip()) if reason.strip() else "",
                },
                actor=actor,
                system=pack.freeze.assessment.system,
            )
    except IntegrityError as error:
        raise RefusedError(_("The release of this pack was decided already.")) from error
    return row
