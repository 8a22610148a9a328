"""What auditors read, as officers and the auditors themselves see it: per engagement, newest first, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from compliance.models import AuditorRead, Engagement, User

# The longest beginning of an address's name says what it is about.
_NOUNS = {
    "access-review": _("Access review"), "account": _("Own account"), "answer": _("Answers"),
    "approval": _("Approval of a job"),
    "assessment": _("Assessment"), "assessment-oscal": _("Assessment as OSCAL"), "assessment-pre-audit": _("Pre-audit checks"),
    "audit-finding": _("Finding of an audit"), "audit-request": _("Request"), "control-test": _("Test of a control"),
    "engagement-requests": _("Requests"), "engagement-list-file": _("Requests, the list to edit"),
    "population": _("Population"), "request": _("Request"), "sample": _("Sample"),
    "binding-rule": _("Rule for names in logs"), "catalogue": _("Catalogue"), "check": _("Checks on job events"),
    "completeness": _("Completeness of the job log"), "control": _("Control"), "coverage": _("Coverage"),
    "dataset": _("Data set"),
    "engagement": _("Engagement"), "engagement-reads": _("What auditors read"), "entitlement": _("Who can submit"),
    "evidence": _("Evidence"), "evidence-download": _("Evidence, its bytes"), "finding": _("Finding"),
    "framework": _("Framework"), "import": _("Import"), "job-event": _("Job event"), "job-log": _("Job log"),
    "mapping": _("Mapping"), "model": _("Model version"), "observation": _("Observation"), "overview": _("Overview"),
    "pack": _("Evidence pack"), "pack-download": _("Evidence pack, its PDF"), "question": _("Question"),
    "reference-bank": _("Reference models"), "remediation": _("Remediation"), "scan": _("Scan"), "settings": _("Own settings"),
    "signing-key": _("Signing key"), "statement": _("Statement of applicability"), "supplier": _("Third party"),
    "system": _("AI system"), "trail": _("Trail"), "unmatched": _("Unmatched names"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One read: url is "" where the record has no page of its own."""

    read: AuditorRead
    noun: str
    url: str


def reads_of(engagement: Engagement) -> QuerySet[AuditorRead]:
    """Reads for an engagement, and those of its team that may have been for it: they were on several at that moment."""
    team = engagement.members.values("user")
    untold = Q(engagement=None, reader__in=team, read_at__gte=engagement.created_at)
    rows = AuditorRead.objects.filter(Q(engagement=engagement) | untold)
    return rows.select_related("reader").order_by("-read_at", "-pk")


def filtered(rows: QuerySet[AuditorRead], *, reader: User | None, act: str) -> QuerySet[AuditorRead]:
    """The list as filtered."""
    if reader is not None:
        rows = rows.filter(reader=reader)
    return rows.filter(act=act) if act else rows


def lines(reads: Iterable[AuditorRead]) -> tuple[ReadLine, ...]:
    """These reads in words, with the page of what was read."""
    return tuple(ReadLine(read, noun_of(read.what), _url(read)) for read in reads)


def noun_of(what: str) -> str:
    """What an address is about, in words."""
    name = what.removeprefix("api-").replace("ies-", "y-")
    known = [key for key in _NOUNS if name == key or name.startswith(key)]
    return str(_NOUNS[max(known, key=len)]) if known else name.replace("-", " ").capitalize()


def _url(read: AuditorRead) -> str:
    if read.what.startswith("api-"):
        return ""
    try:
        return reverse(read.what, args=read.subject.split("/") if read.subject else None)
    except NoReverseMatch:
        return ""
