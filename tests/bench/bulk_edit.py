"""One edit of many remediation items, measured within an installation: its draft, its preview, its job, and what it left."""

from __future__ import annotations

from datetime import date
from typing import Any

from compliance.models import JobStep, RemediationItem, User
from compliance.selectors.bulk_edit_page import bulk_edit_page
from compliance.services import bulk_edits, leases, teams
from compliance.types.bulk_edits import Changes
from compliance.types.plans import PlanReason
from compliance.types.states import RemediationState, Role
from tests.bench import nights
from tests.bench.import_steps import Steps


def measured(items: int) -> dict[str, Any]:
    """Seconds by step as `Steps` has them, what the job told, and in how many portions it went on."""
    nights.made(items, items)
    officer, manager = (User.objects.filter(role=role.value).order_by("pk")[0] for role in (Role.OFFICER, Role.MANAGER))
    changes = Changes(
        state=RemediationState.BLOCKED,
        owner=manager.pk,
        team=teams.create(name="ML platform", actor=officer).pk,
        due_on=date(2099, 12, 1),
        reason=PlanReason.PRIORITY_CHANGED.value,
    )
    spent = Steps()
    with spent.timed("draft"):
        edit = bulk_edits.draft(items=RemediationItem.objects.all(), changes=changes, actor=officer)
    with spent.timed("preview"):
        assert bulk_edit_page(edit).changed == items
    with spent.timed("job"):
        job = leases.run_here(job=bulk_edits.confirm(edit=edit, actor=officer, dispatch=False))
    edit.refresh_from_db()
    with spent.timed("page of what it did"):
        assert bulk_edit_page(edit).changed == items
    portions = JobStep.objects.filter(job=job).count()
    return {"spent": spent.spent, "state": job.state, "told": job.result, "portions": portions}
