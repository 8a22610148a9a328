"""Public verification: anybody may drop a pack here; nothing of it is kept."""

from __future__ import annotations

import math
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from rest_framework.throttling import SimpleRateThrottle

from compliance.isolation import IsolationError
from compliance.packs.report import CheckName, seal_words
from compliance.services import packs
from compliance.web.base import public
from compliance.web.uploads import PUBLIC_BYTES

HEADINGS = {
    CheckName.RECEIPT: _("Same bytes as the receipt says"),
    CheckName.INTEGRITY: _("Whole and unaltered since it was sealed"),
    CheckName.CHANGES: _("What was added after sealing"),
    CheckName.SIGNATURE: _("Sealed by one certification signature"),
    CheckName.SIGNER: _("Signer known to this installation"),
    CheckName.TIME_STAMP: _("Time of sealing"),
    CheckName.CONTENTS: _("Attached files match the manifest"),
    CheckName.COMPLETENESS: _("Nothing is missing or cut short"),
    CheckName.LEDGER: _("Issued here, by this installation's ledger"),
}


class VerifyForm(forms.Form):
    """A pack, and its receipt when there is one."""

    pack = forms.FileField(label=_("Evidence pack (PDF)"))
    receipt = forms.FileField(
        label=_("Receipt (JSON)"),
        required=False,
        help_text=_("With the receipt every single byte is checked; ask for it by another way than the pack."),
    )

    def clean_pack(self) -> Any:
        """A pack has a size that can be checked at once."""
        upload = self.cleaned_data["pack"]
        if upload.size > PUBLIC_BYTES:
            raise forms.ValidationError(
                _("The file is larger than the %d MiB that are checked here.") % (PUBLIC_BYTES // 1024**2)
            )
        return upload


class VerifyRate(SimpleRateThrottle):
    """Packs that one address hands in: each costs a process some seconds."""

    scope = "verify"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """By the client's address."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


@public
def verify(request: HttpRequest) -> HttpResponse:
    """The form, and the verdicts in words."""
    rate = VerifyRate()
    if request.method == "POST" and not rate.allow_request(request, None):  # type: ignore[arg-type]  # reads META alone
        return _later(request, math.ceil(rate.wait() or 1))
    form = VerifyForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "organisation": settings.ORGANISATION}
    if request.method == "POST" and form.is_valid():
        upload, beside = form.cleaned_data["pack"], form.cleaned_data["receipt"]
        try:
            report = packs.verify_upload(pack=upload.file, receipt=beside.file if beside else None)
        except IsolationError as error:
            form.add_error("pack", str(error))
        else:
            context |= {
                "report": report,
                "filename": upload.name,
                "seal_words": seal_words(qualified=bool(report.qualified)),
                "checks": [(HEADINGS[check.name], check) for check in report.checks],
            }
    return render(request, "compliance/verify.html", context)


def _later(request: HttpRequest, seconds: int) -> HttpResponse:
    response = render(request, "429.html", {"seconds": seconds}, status=429)
    response["Retry-After"] = str(seconds)
    return response


urls = [path("verify/", verify, name="verify")]
