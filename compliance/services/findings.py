"""Findings: the current conclusion on an asset and a control, drawn from observations by a fixed rule."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Finding, Observation, ReferenceControl, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.states import Severity
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    Conclusion,
    FileScanVerdict,
    StageVerdict,
)

DETECTION_CONTROL, FILE_CONTROL, TEMPLATE_CONTROL = "BDM-15", "BDM-14", "BDM-16"
PROMPT_LOGIC = "AML.T0018.003"

_EFFECT = {
    DETECTION_CONTROL: _(
        "Whoever knows the trigger can steer the model's answer on inputs of their choice while ordinary tests show nothing."
    ),
    FILE_CONTROL: _("Loading the file may run code of whoever made it, with the rights of the process that loads it."),
    TEMPLATE_CONTROL: _("Hidden instructions may reach the model with every prompt, without a change of its weights."),
}


def conclusion_of(observation: Observation) -> Conclusion | None:
    """The fixed mapping from a verdict to satisfied, not satisfied, or nothing at all."""
    if observation.verdict in set(StageVerdict):
        stage = CONCLUSION_OF_STAGE[StageVerdict(observation.verdict)]
        if stage is not None or observation.verdict not in set(FileScanVerdict):
            return stage
    return CONCLUSION_OF_FILE_SCAN[FileScanVerdict(observation.verdict)]


def control_for(observation: Observation) -> str:
    """Id of the reference control that an observation speaks to."""
    if observation.verdict in {StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER}:
        return DETECTION_CONTROL
    return TEMPLATE_CONTROL if PROMPT_LOGIC in observation.techniques else FILE_CONTROL


def _asset_key(observation: Observation) -> str:
    if observation.model_version_id is not None and observation.model_version is not None:
        return f"model_version:{observation.model_version.uuid}"
    if observation.asset_digest:
        return f"sha256:{observation.asset_digest}"
    return f"{observation.asset_kind}:{digest_of(observation.asset_name)[:32]}"


def _rule_fingerprint(observation: Observation) -> str:
    return digest_of([observation.producer, observation.rule, observation.location])


def _draw(observation: Observation, conclusion: Conclusion, target: ReferenceControl) -> tuple[Finding, bool, str]:
    """Create or update the finding; answers (finding, created, state before)."""
    seen_at = observation.observed_at or observation.created_at
    finding, created = Finding.objects.select_for_update().get_or_create(
        system=observation.system,
        asset_key=_asset_key(observation),
        target=target,
        rule_fingerprint=_rule_fingerprint(observation),
        defaults={
            "asset_name": str(observation.model_version or observation.asset_name)[:500],
            "model_version": observation.model_version,
            "title": observation.title,
            "state": conclusion,
            "severity": observation.severity or Severity.INFORMATIONAL,
            "techniques": observation.techniques,
            "condition": observation.description,
            "criteria": target.objective,
            "effect": _EFFECT[target.control_id] if conclusion is Conclusion.NOT_SATISFIED else "",
            "first_seen_at": seen_at,
            "last_seen_at": seen_at,
        },
    )
    before = "" if created else finding.state
    if not created and seen_at >= finding.last_seen_at:
        finding.state, finding.last_seen_at = conclusion, seen_at
        finding.condition, finding.title = observation.description, observation.title
        finding.severity = observation.severity or finding.severity
        finding.save(update_fields=["state", "last_seen_at", "condition", "title", "severity"])
    finding.observations.add(observation)
    return finding, created, before


def conclude(*, observations: Iterable[Observation], actor: User | None) -> list[Finding]:
    """Draw findings from observations. Verdicts that allow no conclusion draw none: silence is never a pass. An
    observation that is a part of another ("part_of" in its facts) leaves the conclusion to that one."""
    targets = {control.control_id: control for control in ReferenceControl.objects.all()}
    drawn: list[Finding] = []
    with transaction.atomic():
        for observation in observations:
            conclusion = conclusion_of(observation)
            target = targets.get(control_for(observation))
            if conclusion is None or target is None or observation.facts.get("part_of"):
                continue
            finding, created, before = _draw(observation, conclusion, target)
            drawn.append(finding)
            if created or before != finding.state:
                ledger.record(
                    kind="finding.concluded",
                    subject=finding,
                    payload={
                        "state": finding.state,
                        "before": before,
                        "control": target.control_id,
                        "observation": str(observation.uuid),
                    },
                    actor=actor,
                    system=finding.system,
                )
    return drawn


@transaction.atomic
def open_by_person(
    *,
    system: AISystem,
    target: ReferenceControl,
    title: str,
    condition: str,
    cause: str,
    effect: str,
    severity: Severity,
    actor: User,
) -> Finding:
    """A finding that a person makes by examining or asking, where no scan could: criteria are the control's objective."""
    if not title.strip() or not condition.strip():
        raise RefusedError(_("Say in the title and the condition what is wrong."))
    now = timezone.now()
    finding, created = Finding.objects.get_or_create(
        system=system,
        asset_key=f"system:{system.uuid}",
        target=target,
        rule_fingerprint=digest_of(["person", title]),
        defaults={
            "asset_name": system.name,
            "title": title,
            "state": Conclusion.NOT_SATISFIED,
            "severity": severity,
            "techniques": [],
            "condition": condition,
            "criteria": target.objective,
            "cause": cause,
            "effect": effect,
            "first_seen_at": now,
            "last_seen_at": now,
        },
    )
    if created:
        ledger.record(
            kind="finding.opened",
            subject=finding,
            payload={"state": finding.state, "control": target.control_id},
            actor=actor,
            system=system,
        )
    return finding
