"""Sign-ins, failures and sign-outs go to the security log. The only signal receivers in the product."""

from __future__ import annotations

import structlog
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

log = structlog.get_logger("assay.signin")


@receiver(user_logged_in)
def signed_in(sender: object, user: object, **_rest: object) -> None:
    """A person signed in."""
    log.info("signed_in", user=str(getattr(user, "uuid", "")))


@receiver(user_logged_out)
def signed_out(sender: object, user: object, **_rest: object) -> None:
    """A person signed out."""
    log.info("signed_out", user=str(getattr(user, "uuid", "")))


@receiver(user_login_failed)
def sign_in_failed(sender: object, **_rest: object) -> None:
    """Somebody gave a wrong address or password; neither is logged."""
    log.warning("sign_in_failed")
