"""`manage.py revoke_seal SHA256 --reason REASON --by EMAIL [--at TIME] [--json]`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.models import User
from compliance.services import seals
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from compliance.types.seals import RevocationReason
from compliance.types.states import Role
from compliance.types.verdicts import ExitCode


def _moment(text: str) -> datetime:
    if not text:
        return timezone.now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"--at {text}: no time such as 2026-11-02T10:05:00Z.") from error
    if moment.tzinfo is None:
        raise BadInputError(f"--at {text}: say which time zone, as in 2026-11-02T10:05:00Z.")
    return moment


def _actor(email: str) -> User:
    user = User.objects.filter(email=email.lower(), is_active=True, role__in=(Role.OFFICER, Role.ADMINISTRATOR)).first()
    if user is None:
        raise RefusedError(_("“%s” is no active compliance officer or administrator here.") % email)
    return user


class Command(AssayCommand):
    """Packs stamped before stay as they are; nothing more is sealed with that certificate."""

    help = "Record that a certificate that sealed packs here is not to be relied on from a moment on."

    def arguments(self, parser: ArgumentParser) -> None:
        """Which certificate, from when, and why."""
        parser.add_argument("sha256", help="SHA-256 of the certificate, as packs and receipts print it")
        parser.add_argument("--reason", required=True, choices=[reason.value for reason in RevocationReason])
        parser.add_argument("--at", default="", help="from when on (default: now)")
        parser.add_argument("--by", required=True, help="e-mail address of the officer or administrator who says so")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Record it."""
        revocation = seals.revoke(
            sha256=options["sha256"],
            at=_moment(options["at"]),
            reason=RevocationReason(options["reason"]),
            actor=_actor(options["by"]),
        )
        document = {
            "certificate_sha256": revocation.certificate.sha256,
            "revoked_at": revocation.revoked_at.isoformat(),
            "reason": revocation.reason,
        }
        line = f"{revocation.certificate.subject} is revoked as of {revocation.revoked_at:%Y-%m-%d %H:%M} UTC."
        return Answer(code=ExitCode.POSITIVE, document=document, lines=[line])
