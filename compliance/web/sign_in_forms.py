"""Forms of the sign-in pages: allauth's rules under our labels, and codes that are counted and used once."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as codes
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn import forms as webauthn
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from compliance.web.sign_in_lock import count_wrong_code, refuse_locked

Form = Any  # allauth ships no types; what its forms are is written in each subclass


def _labelled(form: Form, **labels: Any) -> None:
    """Our label and help; no placeholder, which would vanish while one types."""
    for name, (label, help_text) in labels.items():
        field = form.fields[name]
        field.label, field.help_text = label, help_text
        field.widget.attrs.pop("placeholder", None)


_TWELVE = _("At least twelve characters.")
_NEW = {"password1": (_("New password"), _TWELVE), "password2": (_("New password, once more"), "")}


class SignInForm(account.LoginForm):
    """Address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, login=(_("E-mail address"), ""), password=(_("Password"), ""))
        self.fields["login"].widget.attrs["autocomplete"] = "username webauthn"


class ChangePasswordForm(account.ChangePasswordForm):
    """The present password and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, oldpassword=(_("Present password"), ""), **_NEW)

    def clean_oldpassword(self) -> str:
        """Counted by the lock like a sign-in."""
        refuse_locked(context.request, self.user)
        try:
            return str(super().clean_oldpassword())
        except ValidationError:
            count_wrong_code(context.request, self.user)
            raise


class ForgottenPasswordForm(account.ResetPasswordForm):
    """The address to which a link is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, email=(_("E-mail address"), _("The one you sign in with.")))


class NewPasswordForm(account.ResetPasswordKeyForm):
    """A new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, **_NEW)


class ConfirmPasswordForm(account.ReauthenticateForm):
    """The password again, before a factor is changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, password=(_("Your password"), ""))


class _CountedCode:
    """A code of the app or a recovery code: wrong ones are counted by the lock, right ones of the app work once."""

    user: Any
    authenticator: Authenticator

    def clean_code(self) -> str:
        """The code as allauth reads it. Raises ValidationError."""
        refuse_locked(context.request, self.user)
        try:
            code = str(super().clean_code())  # type: ignore[misc]  # the form it is mixed into
        except ValidationError:
            count_wrong_code(context.request, self.user)
            raise
        if self.authenticator.type == Authenticator.Type.TOTP and not _claimed(self.authenticator, code):
            count_wrong_code(context.request, self.user)
            raise get_adapter().validation_error("incorrect_code")
        return code


def _claimed(authenticator: Authenticator, code: str) -> bool:
    """Takes the code's period for this sign-in, in the database and so once among all web processes.

    Only the present period and the one before are taken: a code of the period to come could be used twice.
    """
    secret, period = decrypt(authenticator.data["secret"]), app_settings.TOTP_PERIOD
    present = int(time.time()) // period
    for counter in (present, present - 1):
        if constant_time_compare(format_hotp_value(hotp_value(secret, counter)), code.strip()):
            begins = datetime.fromtimestamp(counter * period, tz=UTC)
            unused = Authenticator.objects.filter(
                Q(last_used_at=None) | Q(last_used_at__lt=begins), pk=authenticator.pk
            )
            return bool(unused.update(last_used_at=timezone.now()))
    return False


def _code_words(form: Form) -> None:
    _labelled(form, code=(_("Code"), _("Six digits of your authenticator app, or one of your recovery codes.")))
    form.fields["code"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "one-time-code"}


class CodeForm(_CountedCode, codes.AuthenticateForm):
    """The code that sign-in asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code_words(self)


class ConfirmCodeForm(_CountedCode, codes.ReauthenticateForm):
    """The code again, before a factor is changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code_words(self)


class AddAppForm(totp.ActivateTOTPForm):
    """The first code of a new authenticator app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _labelled(self, code=(_("Code"), _("The six digits that the app shows now.")))
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "one-time-code"}


def _named(form: Form) -> None:
    """Names fit on the page."""
    form.fields["name"].validators.append(MaxLengthValidator(100))


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    """A new passkey: its name, and whether it signs in by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _named(self)
        _labelled(
            self,
            name=(_("Name"), _("So that you know it again, for example: work laptop.")),
            passwordless=(
                _("Sign in with this passkey alone"),
                _("Needs a device that checks you by finger, face or PIN. Otherwise it comes after the password."),
            ),
        )
        self.fields["passwordless"].initial = True


class RenamePasskeyForm(webauthn.EditWebAuthnForm):
    """Another name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _named(self)
        _labelled(self, name=(_("Name"), ""))
