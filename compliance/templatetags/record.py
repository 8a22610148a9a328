"""Words for acts and keys of the record."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()

ACTS = {
    "written": _("Written"),
    "submitted": _("Sent for review"),
    "approved": _("Approved"),
    "returned": _("Returned"),
    "finding_linked": _("Finding named"),
    "approved_alone": _("Approved, and by nobody else"),
    "assigned": _("Assigned"),
    "delegated": _("Delegated"),
    "adopted": _("Adopted"),
    "changed": _("Changed"),
    "retired": _("Retired"),
}

# Kinds of the ledger's events, as the trail and chains of custody say them.
EVENTS = {
    "answer.approved": _("Answer approved"),
    "answer.approved_alone": _("Answer approved without a second person"),
    "answer.assigned": _("Answer assigned"),
    "answer.delegated": _("Answer handed to a delegate"),
    "answer.finding_linked": _("Finding named in an answer"),
    "answer.returned": _("Answer returned"),
    "answer.submitted": _("Answer sent for review"),
    "answer.written": _("Answer written"),
    "access_review.completed": _("Access review completed"),
    "access_review.decided": _("Access decided in a review"),
    "access_review.opened": _("Access review opened"),
    "approval.recorded": _("Approval of a job recorded"),
    "approval.withdrawn": _("Approval of a job withdrawn"),
    "assessment.frozen": _("Assessment frozen"),
    "assessment.opened": _("Assessment opened"),
    "binding_rule.saved": _("Rule for names in logs saved"),
    "binding_rule.withdrawn": _("Rule for names in logs withdrawn"),
    "bindings.made": _("Job events bound to models and data"),
    "catalog.loaded": _("Catalogue loaded"),
    "change_window.stated": _("Change window stated"),
    "checks.run": _("Checks on job events run"),
    "column_mapping.made": _("Meaning of columns stated"),
    "completeness.read": _("Completeness of the job log read"),
    "control.adopted": _("Control adopted"),
    "control.changed": _("Control changed"),
    "control.retired": _("Control retired"),
    "control_review.closed": _("Review of a control closed"),
    "control_review.opened": _("Review of a control opened"),
    "dataset.registered": _("Data set registered"),
    "dataset.verified": _("Data set compared with its manifest"),
    "engagement.access_ended": _("Access of an audit team ended"),
    "engagement.changed": _("Scope of an audit changed"),
    "engagement.independence_stated": _("Independence stated"),
    "engagement.moved": _("Audit moved on"),
    "engagement.opened": _("Auditors invited"),
    "entitlements.read": _("Who can submit read from documents"),
    "evidence.accepted": _("Evidence accepted"),
    "evidence.described": _("Evidence described"),
    "evidence.linked": _("Evidence attached"),
    "evidence.received": _("Evidence received"),
    "evidence.rejected": _("Evidence rejected"),
    "evidence.superseded": _("Evidence superseded"),
    "evidence.unlinked": _("Evidence taken away from an answer"),
    "expected_rate.stated": _("Expected silence of a source stated"),
    "finding.concluded": _("Finding concluded"),
    "finding.opened": _("Finding recorded by a person"),
    "import.published": _("Import published"),
    "job.cancelled": _("Job cancelled"),
    "key.compared": _("Key of log files compared"),
    "mapping.added": _("Mapping added"),
    "mapping.decided": _("Mapping decided"),
    "mapping.retired": _("Mapping retired"),
    "mapping.returned": _("Mapping back to draft"),
    "mapping.revised": _("Mapping revised"),
    "membership.changed": _("Role on a system changed"),
    "membership.granted": _("Put on a system"),
    "membership.revoked": _("Taken off a system"),
    "model.registered": _("Model registered"),
    "pack.issued": _("Evidence pack issued"),
    "person.created": _("Person added"),
    "person.deactivated": _("Person deactivated"),
    "principal.erased": _("Principal erased"),
    "supplier.ended": _("Third party no longer used"),
    "supplier.reviewed": _("Third party reviewed"),
    "reference_bank.registered": _("Reference models registered"),
    "remediation.assigned": _("Remediation item given to somebody"),
    "remediation.closed": _("Remediation item closed"),
    "remediation.effort_logged": _("Effort logged"),
    "remediation.milestone_done": _("Milestone reached"),
    "remediation.moved": _("Remediation item moved"),
    "remediation.opened": _("Remediation item opened"),
    "risk.identified": _("Risk recorded"),
    "scan.finished": _("Scan finished"),
    "signing_key.registered": _("Signing key registered"),
    "signing_key.withdrawn": _("Signing key withdrawn"),
    "statement.approved": _("Statement of applicability approved"),
    "statement.decided": _("Statement of applicability decided on"),
    "system.defined": _("AI system defined"),
    "system.standing_stated": _("Role and class of an AI system stated"),
}


@register.filter
def words(key: object) -> str:
    """An act, event or key as words: a known one by its label, any other by its own parts."""
    text = str(key or "")
    known = ACTS.get(text) or EVENTS.get(text)
    return str(known or text.replace("_", " ").replace(".", ": ", 1).capitalize())
