"""Findings: the current conclusion on an asset and a control, drawn from observations by a fixed rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Finding, Observation, ReferenceControl, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.services.finding_targets import EFFECT, control_for
from compliance.types.canonical import digest_of
from compliance.types.states import Severity
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    Conclusion,
    FileScanVerdict,
    StageVerdict,
)

_BATCH = 500


def conclusion_of(observation: Observation) -> Conclusion | None:
    """The fixed mapping from a verdict to satisfied, not satisfied, or nothing at all."""
    if observation.verdict in set(StageVerdict):
        stage = CONCLUSION_OF_STAGE[StageVerdict(observation.verdict)]
        if stage is not None or observation.verdict not in set(FileScanVerdict):
            return stage
    return CONCLUSION_OF_FILE_SCAN[FileScanVerdict(observation.verdict)]


def _asset_key(observation: Observation) -> str:
    if observation.model_version_id is not None and observation.model_version is not None:
        return f"model_version:{observation.model_version.uuid}"
    if observation.asset_digest:
        return f"sha256:{observation.asset_digest}"
    return f"{observation.asset_kind}:{digest_of(observation.asset_name)[:32]}"


def _rule_fingerprint(observation: Observation) -> str:
    return digest_of([observation.producer, observation.rule, observation.location])


@dataclass(slots=True)
class _Drawn:
    """A finding on its way. steps: observations that changed what it says, each with what it said before."""

    finding: Finding
    control: str
    is_new: bool
    steps: list[tuple[Observation, str]] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    def take(self, observation: Observation, conclusion: Conclusion) -> None:
        """Draw the conclusion of one more observation; an older one than the latest changes nothing."""
        seen_at, finding = _seen_at(observation), self.finding
        before = "" if self.is_new and not self.observations else str(finding.state)
        if seen_at >= finding.last_seen_at:
            finding.state, finding.last_seen_at = conclusion, seen_at
            finding.condition, finding.title = observation.description, observation.title
            finding.severity = observation.severity or finding.severity
        if before != str(finding.state):
            self.steps.append((observation, before))
        self.observations.append(observation)


_Key = tuple[str, int, str]


def _seen_at(observation: Observation) -> datetime:
    return observation.observed_at or observation.created_at


def _key_of(finding: Finding) -> _Key:
    return finding.asset_key, finding.target_id, finding.rule_fingerprint


def _new(observation: Observation, conclusion: Conclusion, target: ReferenceControl) -> Finding:
    seen_at = _seen_at(observation)
    return Finding(
        system_id=observation.system_id,
        asset_key=_asset_key(observation),
        target=target,
        rule_fingerprint=_rule_fingerprint(observation),
        asset_name=str(observation.model_version or observation.asset_name)[:500],
        model_version=observation.model_version,
        title=observation.title,
        state=conclusion,
        severity=observation.severity or Severity.INFORMATIONAL,
        techniques=observation.techniques,
        condition=observation.description,
        criteria=target.objective,
        effect=str(EFFECT.get(target.control_id, "")) if conclusion is Conclusion.NOT_SATISFIED else "",
        first_seen_at=seen_at,
        last_seen_at=seen_at,
    )


def _known(system_id: int, rules: Sequence[str]) -> dict[_Key, Finding]:
    """The findings that stand under these rules, locked until the transaction ends."""
    found: dict[_Key, Finding] = {}
    for start in range(0, len(rules), _BATCH):
        rows = Finding.objects.select_for_update().filter(
            system=system_id, rule_fingerprint__in=rules[start : start + _BATCH]
        )
        found |= {_key_of(finding): finding for finding in rows}
    return found


def conclude(*, observations: Iterable[Observation], actor: User | None) -> list[Finding]:
    """Draw findings from observations. Verdicts that allow no conclusion draw none: silence is never a pass. An
    observation that is a part of another ("part_of" in its facts) leaves the conclusion to that one."""
    targets = {control.control_id: control for control in ReferenceControl.objects.all()}
    speaking: dict[int, list[tuple[Observation, Conclusion, ReferenceControl]]] = {}
    for observation in observations:
        conclusion, target = conclusion_of(observation), targets.get(control_for(observation))
        if conclusion is not None and target is not None and not observation.facts.get("part_of"):
            speaking.setdefault(observation.system_id, []).append((observation, conclusion, target))
    drawn: list[Finding] = []
    with transaction.atomic():
        for system_id, rows in speaking.items():
            drawn += _conclude(system_id, rows, actor)
    return drawn


def _conclude(
    system_id: int, rows: Sequence[tuple[Observation, Conclusion, ReferenceControl]], actor: User | None
) -> list[Finding]:
    """Findings of one system, in the order in which they were first spoken of. A few statements for any number of rows."""
    rules = sorted({_rule_fingerprint(observation) for observation, _, _ in rows})
    known = _known(system_id, rules)
    fresh: dict[_Key, Finding] = {}
    for observation, conclusion, target in rows:
        key = (_asset_key(observation), target.pk, _rule_fingerprint(observation))
        if key not in known and key not in fresh:
            fresh[key] = _new(observation, conclusion, target)
    if fresh:
        # Another import may make the same finding at the same moment: then its row stands, and is drawn on.
        Finding.objects.bulk_create(fresh.values(), batch_size=_BATCH, ignore_conflicts=True)
        known = _known(system_id, rules)
    drawn: dict[_Key, _Drawn] = {}
    for observation, conclusion, target in rows:
        key = (_asset_key(observation), target.pk, _rule_fingerprint(observation))
        finding, made = known[key], fresh.get(key)
        is_new = made is not None and made.uuid == finding.uuid
        drawn.setdefault(key, _Drawn(finding, target.control_id, is_new)).take(observation, conclusion)
    _store(list(drawn.values()))
    _tell(list(drawn.values()), actor)
    return [one.finding for one in drawn.values()]


def _store(drawn: Sequence[_Drawn]) -> None:
    Finding.objects.bulk_update(
        [one.finding for one in drawn if not one.is_new or len(one.observations) > 1],
        ["state", "last_seen_at", "condition", "title", "severity"],
        batch_size=_BATCH,
    )
    through = Finding.observations.through
    links = [through(finding=one.finding, observation=seen) for one in drawn for seen in one.observations]
    through.objects.bulk_create(links, batch_size=_BATCH, ignore_conflicts=True)


def _tell(drawn: Sequence[_Drawn], actor: User | None) -> None:
    """One ledger event for each change of what a finding says."""
    ledger.record_many(
        kind="finding.concluded",
        acts=[
            (
                one.finding,
                {
                    "state": str(conclusion_of(observation)),
                    "before": before,
                    "control": one.control,
                    "observation": str(observation.uuid),
                },
            )
            for one in drawn
            for observation, before in one.steps
        ],
        actor=actor,
        system=drawn[0].finding.system if drawn else None,
    )


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
