"""The shipped playbook as plans: the tasks that build controls, and the steps that a finding needs, with their estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from compliance.models import AISystem, Finding, RemediationItem, TechniqueSection
from compliance.selectors.finding_pages import playbook
from compliance.selectors.overview import TECHNIQUE
from compliance.types.plans import Estimate
from compliance.types.states import RemediationState

PROGRAMME_SECTION = "programme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, with the role that does it."""

    title: str
    role: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task, in steps where the catalogue tells it in steps. controls: reference controls that it serves."""

    key: str
    title: str
    detail: str
    role: str
    estimate: Estimate
    controls: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def description(self) -> str:
        """What is to be done, as an item of it says."""
        lines = [f"{n}. {step.title} ({step.role})" for n, step in enumerate(self.steps, start=1)]
        return "\n".join([self.detail, *lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """The tasks that build controls, and what is said about how many weeks all of them take."""

    tasks: tuple[Task, ...]
    claim: str
    weeks_low: int
    weeks_high: int

    @property
    def estimate(self) -> Estimate:
        """Of all tasks."""
        return Estimate.total(task.estimate for task in self.tasks)

    def task(self, key: str) -> Task | None:
        """The task of this key."""
        return next((task for task in self.tasks if task.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What the playbook proposes for a finding: a description, an estimate, and steps in order."""

    description: str
    estimate: Estimate
    steps: tuple[str, ...]


def programme() -> Programme | None:
    """The programme as it is loaded; None while it is not."""
    section = TechniqueSection.objects.filter(key=PROGRAMME_SECTION, technique__atlas_id=TECHNIQUE).first()
    if section is None or not section.content.get("tasks"):
        return None
    claim = section.content.get("claim") or {"text": "", "weeks_low": 0, "weeks_high": 0}
    return Programme(
        tasks=tuple(_task(task) for task in section.content["tasks"]),
        claim=claim["text"],
        weeks_low=claim["weeks_low"],
        weeks_high=claim["weeks_high"],
    )


def suggestion(finding: Finding, *, most_steps: int) -> Suggestion | None:
    """The playbook's tasks as a plan; None while no playbook is loaded. Steps beyond `most_steps` stay in the text."""
    section = playbook(finding)
    tasks = [_task(task) for task in section.content.get("tasks", [])] if section else []
    if not tasks:
        return None
    lines = [f"{n}. {task.title} ({task.role}): {task.detail}" for n, task in enumerate(tasks, start=1)]
    return Suggestion(
        description="\n".join(lines),
        estimate=Estimate.total(task.estimate for task in tasks),
        steps=tuple(task.title for task in tasks[:most_steps]),
    )


def open_items(system: AISystem) -> QuerySet[RemediationItem]:
    """Items of a system that were opened from tasks and are not closed; none of these tasks is opened a second time."""
    return (
        RemediationItem.objects.filter(system=system).exclude(playbook_task="").exclude(state=RemediationState.CLOSED)
    )


def _task(task: Mapping[str, Any]) -> Task:
    return Task(
        key=task["key"],
        title=task["title"],
        detail=task["detail"],
        role=task["role"],
        estimate=_estimate(task),
        controls=tuple(task["controls"]),
        steps=tuple(
            Step(title=step["title"], role=step["role"], estimate=_estimate(step)) for step in task.get("steps", ())
        ),
    )


def _estimate(figures: Mapping[str, Any]) -> Estimate:
    """Catalogues loaded before there were three figures hold the likely one alone."""
    likely = figures["person_days"]
    low, high = figures.get("low", likely), figures.get("high", likely)
    return Estimate(low=Decimal(str(low)), likely=Decimal(str(likely)), high=Decimal(str(high)))
