"""The certificates that sealed packs here: since when, kept where, how long valid, revoked or not, and how many packs."""

from __future__ import annotations

from operator import attrgetter

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import EvidencePack, SealCertificate, User
from compliance.rights import Verb, sees_all, visible
from compliance.web.base import Request, guarded, page_of
from compliance.web.exports import Column, exported, table_of, wanted

KEPT_IN = {
    "file": gettext_lazy("a file (PEM)"),
    "pkcs12": gettext_lazy("a file with a passphrase (PKCS#12)"),
    "pkcs11": gettext_lazy("a token (PKCS#11)"),
}


def certificates(user: User) -> QuerySet[SealCertificate]:
    """Those that exist for the asker, newest first: all for who sees every AI system, else those of packs that they see."""
    packs = visible(EvidencePack.objects.all(), user)
    sealed = packs.filter(signer_sha256=OuterRef("sha256")).order_by().values("signer_sha256")
    rows = visible(SealCertificate.objects.select_related("revocation"), user).annotate(
        packs=Coalesce(Subquery(sealed.annotate(n=Count("pk")).values("n")), 0)
    )
    return rows if sees_all(user) else rows.filter(packs__gt=0)


TABLE = (
    Column(gettext_lazy("subject"), attrgetter("subject")),
    Column(gettext_lazy("certificate (SHA-256)"), attrgetter("sha256")),
    Column(gettext_lazy("root (SHA-256)"), attrgetter("root_sha256")),
    Column(gettext_lazy("introduced (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("key kept in"), lambda row: KEPT_IN.get(row.kept_in, row.kept_in)),
    Column(gettext_lazy("valid from (UTC)"), attrgetter("not_before")),
    Column(gettext_lazy("valid until (UTC)"), attrgetter("not_after")),
    Column(
        gettext_lazy("revoked as of (UTC)"), lambda row: getattr(getattr(row, "revocation", None), "revoked_at", None)
    ),
    Column(
        gettext_lazy("reason"), lambda row: row.revocation.get_reason_display() if hasattr(row, "revocation") else ""
    ),
    Column(gettext_lazy("demonstration signer"), attrgetter("is_demonstration")),
    Column(gettext_lazy("qualified, by its own statement"), attrgetter("is_qualified")),
    Column(gettext_lazy("packs sealed"), attrgetter("packs")),
)


@guarded(Verb.VIEW)
def certificate_list(request: Request) -> HttpResponseBase:
    """The history, newest first."""
    rows = certificates(request.user)
    if wanted(request):
        return exported(request, table_of("certificates", _("Certificates that sealed packs"), TABLE, rows))
    page, now = page_of(request, rows), timezone.now()
    context = {
        "page": page,
        "shown": [(row, KEPT_IN.get(row.kept_in, row.kept_in), row.not_after < now) for row in page],
        "columns": [
            {"label": _("Certificate")},
            {"label": _("First used")},
            {"label": _("Key kept in")},
            {"label": _("Valid")},
            {"label": _("Revoked")},
            {"label": _("Packs"), "numeric": True},
        ],
        "trail": [{"label": _("Packs"), "url": reverse("pack-list")}, {"label": _("Certificates that sealed packs")}],
    }
    return render(request, "compliance/certificate_list.html", context)


urls = [path("packs/certificates/", certificate_list, name="certificate-list")]
