"""What django-allauth asks the product: how to speak, what to encrypt, and who a single sign-on's person is."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import User
from compliance.services import single_sign_on
from compliance.services.errors import RefusedError
from compliance.web.sign_in_lock import client_address

# allauth names what happened by a template; what is not listed here needs no word.
SAID = {
    "account/messages/password_changed.txt": gettext_lazy("Your password is changed; your other sessions have ended."),
    "mfa/messages/totp_activated.txt": gettext_lazy("The authenticator app is added: sign-in asks for its code now."),
    "mfa/messages/totp_deactivated.txt": gettext_lazy("The authenticator app is removed."),
    "mfa/messages/webauthn_added.txt": gettext_lazy("The passkey is added."),
    "mfa/messages/webauthn_removed.txt": gettext_lazy("The passkey is removed."),
    "mfa/messages/recovery_codes_generated.txt": gettext_lazy(
        "New recovery codes are made. They are shown once: write them down or store them."
    ),
}
# The same for what is told by mail, so that a person learns of a change that was not theirs.
TOLD = {
    "account/email/password_changed": gettext_lazy("The password of your account was changed."),
    "account/email/password_reset": gettext_lazy("The password of your account was set anew by a link from a mail."),
    "mfa/email/totp_activated": gettext_lazy("An authenticator app was added to your account."),
    "mfa/email/totp_deactivated": gettext_lazy("The authenticator app of your account was removed."),
    "mfa/email/webauthn_added": gettext_lazy("A passkey was added to your account."),
    "mfa/email/webauthn_removed": gettext_lazy("A passkey of your account was removed."),
    "mfa/email/recovery_codes_generated": gettext_lazy("New recovery codes were made for your account."),
    "socialaccount/email/account_connected": gettext_lazy("Your account can be opened by single sign-on from now on."),
}
ERRORS = {
    "account_inactive": gettext_lazy("This access has ended. Ask an administrator if that is wrong."),
    "email_password_mismatch": gettext_lazy("The e-mail address or the password is wrong. Check both and try again."),
    "enter_current_password": gettext_lazy("This is not your present password."),
    "incorrect_password": gettext_lazy("This is not your password. Try again."),
    "incorrect_code": gettext_lazy("This code is wrong, used or expired. Wait for the next one and type it."),
    "invalid_password_reset": gettext_lazy("This link was used or is too old. Ask for a new one."),
    "too_many_login_attempts": gettext_lazy("Too many attempts. Wait a quarter of an hour and try again."),
    "rate_limited": gettext_lazy("Too many attempts. Wait a minute and try again."),
    "cannot_delete_authenticator": gettext_lazy("Your role needs a second factor: add another before this one goes."),
    "cannot_generate_recovery_codes": gettext_lazy("Add an authenticator app or a passkey first."),
}


class AccountAdapter(DefaultAccountAdapter):
    """Accounts have one address, which an administrator wrote; nobody signs up."""

    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | ERRORS

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that the lock counts by, too."""
        return client_address(request) or ""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to one's own settings."""
        return reverse("settings")

    def reauthenticate(self, user: User, password: str) -> bool:
        """Counted by the lock like a sign-in."""
        return bool(self.authenticate(self.request, email=user.email, password=password) == user)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """In the product's own words, or not at all."""
        words = message or SAID.get(message_template or "")
        if words:
            messages.add_message(request, level, str(words), extra_tags=extra_tags)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """A link for whoever signs in by password; machines and people of the single sign-on have none to reset."""
        if user.has_usable_password():
            self._send(user, _("Set a new password"), context | {"link": context["password_reset_url"]})

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tells a person what changed about their account, where mail leaves this installation."""
        if settings.MAIL_LEAVES and template_prefix in TOLD:
            self._send(user, _("Your account was changed"), {"what": TOLD[template_prefix]})

    def _send(self, user: User, subject: str, context: dict[str, Any]) -> None:
        shown = context | {"person": user, "organisation": settings.ORGANISATION, "address": settings.BASE_URL}
        body = render_to_string("registration/mail.txt", shown)
        EmailMessage(f"Assay: {subject}", body, settings.DEFAULT_FROM_EMAIL, [user.email]).send()


class FactorAdapter(DefaultMFAAdapter):
    """Second factors. Secrets are kept encrypted under SECRET_KEY, so that a copy of the database opens no account."""

    error_messages: ClassVar[dict[str, Any]] = DefaultMFAAdapter.error_messages | ERRORS

    def get_totp_issuer(self) -> str:
        """What an authenticator app shows."""
        return f"Assay – {settings.ORGANISATION}"

    def _get_site_name(self) -> str:
        return f"Assay – {settings.ORGANISATION}"

    def encrypt(self, text: str) -> str:
        """Under the present key."""
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Under the present key or one of SECRET_KEY_FALLBACKS; "" where neither fits, which no code answers."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return ""

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Where the role needs a factor, the last one stays."""
        if authenticator.user.role not in settings.SECOND_FACTOR_ROLES:
            return True
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """A name to begin with."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return str(_("Passkey %d") % number)


def _keys() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    derived = (
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"assay second factors").derive(secret.encode())
        for secret in secrets
    )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: the provider says who somebody is; whether they get in is decided here."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Never: `pre_social_login` finds or makes the person, or refuses."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Leads the provider's person to their account. What the provider told of them is not kept."""
        told = single_sign_on.Told.of(sociallogin.account.extra_data)
        sociallogin.account.extra_data = {}
        if sociallogin.account.pk:
            sociallogin.account.save(update_fields=["extra_data"])
        try:
            if sociallogin.state.get("process") not in {None, "login"}:
                raise RefusedError(_("Single sign-on only signs in; it links no accounts."))
            known = sociallogin.user if sociallogin.is_existing else None
            user = single_sign_on.admit(known=known, told=told)
        except RefusedError as error:
            refused = render(request, "socialaccount/refused.html", {"reason": str(error)}, status=403)
            raise ImmediateHttpResponse(refused) from error
        if not sociallogin.is_existing:
            with transaction.atomic():
                sociallogin.connect(request, user)
        sociallogin.user = user

    def send_notification_mail(self, *given: Any, **named: Any) -> None:
        """As for the account itself."""
        AccountAdapter(self.request).send_notification_mail(*given, **named)
