"""One remediation item with its milestones, what it mends and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.models import Closing, Finding, Milestone, RemediationItem, Risk
from compliance.rights import Asker, visible
from compliance.selectors.risk_pages import CLOSINGS
from compliance.selectors.sources import Source, sources
from compliance.selectors.story import Story, story
from compliance.selectors.time_limits import ShownLimit, most_urgent, with_clock
from compliance.types.risk_life import ClosingState
from compliance.types.verdicts import Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationPage:
    """Everything on an item's page."""

    risks: tuple[Risk, ...]
    limit: ShownLimit | None
    milestones: tuple[Milestone, ...]
    story: Story
    closing: Source | None
    closings: tuple[Closing, ...]

    @property
    def waiting(self) -> Closing | None:
        """The closing that awaits confirmation."""
        return next((one for one in self.closings if one.state == ClosingState.PROPOSED), None)

    @property
    def returned(self) -> Closing | None:
        """The newest closing, where it was returned."""
        return next((one for one in self.closings[:1] if one.state == ClosingState.RETURNED), None)

    @property
    def standing(self) -> tuple[Finding, ...]:
        """Findings that keep the item from being closed."""
        return tuple(risk.finding for risk in self.risks if risk.finding.state == Conclusion.NOT_SATISFIED)


def remediation_page(item: RemediationItem, user: Asker) -> RemediationPage:
    """The page of one item, as far as the asker may see."""
    rows = visible(Risk.objects.filter(items=item), user).select_related("finding__target", "finding__model_version")
    risks = tuple(rows.prefetch_related(with_clock("finding__")))
    closings = tuple(visible(CLOSINGS.filter(item=item), user)[:5])
    subjects = [
        item.uuid,
        *(risk.uuid for risk in risks),
        *(risk.finding.uuid for risk in risks),
        *(one.uuid for one in closings),
    ]
    closing = item.closing_observation
    known = sources([closing.source_uuid], user) if closing else {}
    return RemediationPage(
        risks=risks,
        limit=most_urgent(risk.finding for risk in risks),
        milestones=tuple(item.milestones.select_related("done_by")),
        story=story(subjects, user),
        closing=known.get(closing.source_uuid) if closing else None,
        closings=closings,
    )
