"""Terms that the pages of a pack use, and what they mean there."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_TERMS = (
    (
        _("Assertion"),
        _("What management states, signed by a named person. Nobody assures it in this document."),
    ),
    (
        _("Backdoor"),
        _("Behaviour planted in a model that shows only when a trigger is present."),
    ),
    (
        _("Baseline"),
        _("The plan of a remediation item as it was approved; later changes stand beside it as slips."),
    ),
    (
        _("Completeness, three figures"),
        _(
            "Coverage: which accounts and regions deliver logs. Integrity: whether the log files are unaltered. "
            "Reconciliation: whether jobs that the platforms list are in the log, and the other way round. They "
            "are never added up."
        ),
    ),
    (
        _("Contradiction"),
        _("What the records say against an answer, computed when the data was frozen."),
    ),
    (
        _("Coverage cell"),
        _("One model version and one sub-technique, with what was tested on it. What was never tested has a cell too."),
    ),
    (
        _("Exception"),
        _("An attribute of a sampled instance that did not hold."),
    ),
    (
        _("Finding"),
        _("The current conclusion on one asset under one control, from one or more observations."),
    ),
    (
        _("Freeze"),
        _(
            "The data as it stood at one moment, in one file, named by its SHA-256. This document is made from it "
            "alone."
        ),
    ),
    (
        _("Information produced by the entity (IPE)"),
        _(
            "Evidence that the organisation extracted itself, with source, query, executor, time, row count and "
            "control total, so that somebody else can repeat it."
        ),
    ),
    (
        _("Ledger"),
        _("The chain of digests in which every act is recorded; a change of what was sealed shows."),
    ),
    (
        _("Mapping"),
        _("A link from a control to a requirement elsewhere. A draft counts for nothing."),
    ),
    (
        _("Observation"),
        _("One thing that one test, scan or check saw, kept as it was."),
    ),
    (
        _("Population and sample"),
        _("All rows that a control could be tested on, frozen before a sample is drawn from them by a seed."),
    ),
    (
        _("Power"),
        _("The share of planted backdoors of a kind that a test finds. A test without stated power covers nothing."),
    ),
    (
        _("Risk acceptance"),
        _("An agreement to live with a risk until a date, with what compensates for it."),
    ),
    (
        _("SHA-256"),
        _("A digest of 64 characters: two files with the same one are the same file."),
    ),
    (
        _("Slip"),
        _("A due date that was moved to a later day, with the reason."),
    ),
    (
        _("Statement of applicability"),
        _("Which controls of a framework are taken in, which are left out, and why."),
    ),
    (
        _("Trigger"),
        _("What is added to an input to make a backdoored model do what an attacker wants."),
    ),
    (
        _("Waiver"),
        _("A rule of a scanner that is switched off, with a reason and a last day."),
    ),
)


def glossary() -> list[tuple[str, str]]:
    """Terms and meanings, by term."""
    return [(str(term), str(meaning)) for term, meaning in _TERMS]
