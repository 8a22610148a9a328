"""The three figures in sentences, the same on pages, beside the answer to the question and in packs."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from compliance.choices import label
from compliance.selectors.completeness_page import IntegrityFigure, KeyUsed
from compliance.types.completeness import Integrity
from compliance.types.drafts import JSON

_UNITS = {
    "account": lazy("accounts"),
    "region": lazy("regions of accounts"),
    "subscription": lazy("subscriptions"),
    "resource": lazy("workspaces and accounts of Azure"),
    "project": lazy("projects"),
    "cluster": lazy("clusters"),
}
_KINDS = {
    "sagemaker-training-jobs": lazy("SageMaker training jobs"),
    "bedrock-customization-jobs": lazy("Bedrock customization jobs"),
    "azure-ml-jobs": lazy("Azure Machine Learning jobs"),
    "openai-fine-tuning-jobs": lazy("OpenAI and Azure OpenAI fine-tuning jobs"),
}


def unit_words(unit: JSON) -> str:
    """So many of so many, with what they are: 3 of 4 accounts."""
    return _("%(delivering)d of %(in_scope)d %(unit)s") % {
        "delivering": unit["delivering"],
        "in_scope": unit["in_scope"],
        "unit": _UNITS.get(unit["unit"], unit["unit"]),
    }


def kind_words(kind: str) -> str:
    """What a kind of job is called."""
    return str(_KINDS.get(kind, kind))


def coverage_words(figure: JSON) -> str:
    """N of M for every kind of unit."""
    units = figure["units"]
    if not units:
        return _("not assessed: no document says which accounts, subscriptions, projects or clusters there are")
    told: str = _("deliver logs, by the platforms’ documents: %s") % "; ".join(unit_words(unit) for unit in units)
    open_ = sum(unit["not_assessed"] for unit in units)
    if not open_:
        return told
    silent = ngettext("%d of them was not assessed", "%d of them were not assessed", open_) % open_
    return f"{told}. {silent}"


def key_words(key: KeyUsed) -> str:
    """Which key it is, where it came from, and whether somebody else saw the same."""
    source = _("%(fingerprint)s in file %(file)s, fetched by %(who)s at %(when)s") % {
        "fingerprint": key.fingerprint,
        "file": key.file_name or _("that is no longer on record"),
        "who": key.fetched_by or _("somebody who is not named"),
        "when": _stamp(key.fetched_at) if key.fetched_at else _("a time that is not known"),
    }
    if key.comparison is None:
        return _("%s; not independently confirmed") % source
    compared = {"who": key.comparison.compared_by, "when": _stamp(key.comparison.created_at), "source": source}
    if key.comparison.matches:
        return _("%(source)s; confirmed by %(who)s at %(when)s") % compared
    return _("%(source)s; %(who)s saw another fingerprint at %(when)s") % compared


def integrity_words(integrity: IntegrityFigure) -> str:
    """The verdict, and by which keys. It never says more than that the files fit the keys that were handed in."""
    if not integrity.figure["digests"]:
        return _("not verified: no digest file of the period is on record")
    if integrity.verdict is Integrity.NOT_VERIFIED:
        return _("not verified: no digest file could be verified by a key on record")
    keys = "; ".join(key_words(key) for key in integrity.keys) or _("no key")
    return _("%(verdict)s. %(verified)d of %(digests)d digest files are consistent with the keys: %(keys)s") % {
        "verdict": label(integrity.verdict),
        "verified": integrity.figure["verified"],
        "digests": integrity.figure["digests"],
        "keys": keys,
    }


def reconciliation_words(figure: JSON) -> str:
    """How many listed and logged jobs found each other, and how many did not."""
    families = figure["families"]
    if not any(one["listed"] for one in families):
        return _("not done: no list of jobs of a platform is on record")
    listed = sum(one["listed"] for one in families)
    matched = sum(sum(one["matched"].values()) for one in families)
    exceptions = sum(one["not_in_log"] + one["not_listed"] + one["vanished"] for one in families)
    told = ngettext(
        "%(matched)d of %(listed)d jobs in the platforms’ lists are in the log; %(exceptions)d exception",
        "%(matched)d of %(listed)d jobs in the platforms’ lists are in the log; %(exceptions)d exceptions",
        exceptions,
    )
    return told % {"matched": matched, "listed": listed, "exceptions": exceptions}


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
