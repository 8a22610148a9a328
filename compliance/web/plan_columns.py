"""Heads of the tables on the plan of a remediation item."""

from __future__ import annotations

from django.utils.translation import gettext as _

Columns = list[dict[str, object]]


def of_item() -> dict[str, Columns]:
    """Those of an item's page, by their names in its templates."""
    low, likely, high = ({"label": label, "numeric": True} for label in (_("Low"), _("Likely"), _("High")))
    return {
        "plan_columns": [{"label": _("Plan")}, low, likely, high, {"label": _("Due")}],
        "update_columns": [
            {"label": _("When, by whom")},
            {"label": _("Estimate, likely"), "numeric": True},
            {"label": _("Remaining"), "numeric": True},
            {"label": _("Due")},
            {"label": _("Reason")},
        ],
        "cost_columns": [
            {"label": _("Cost")},
            {"label": _("Amount"), "numeric": True},
            {"label": _("Person-days without a rate"), "numeric": True},
        ],
        "work_columns": of_work(),
    }


def of_work() -> Columns:
    """Of the work log."""
    return [
        {"label": _("Day")},
        {"label": _("Person")},
        {"label": _("What was done")},
        {"label": _("Amount"), "numeric": True},
        {"label": _("Remaining then"), "numeric": True},
        {"label": _("Take back")},
    ]


def of_conflict() -> Columns:
    """Of two versions side by side."""
    return [{"label": _("Field")}, {"label": _("Saved meanwhile")}, {"label": _("Yours")}]
