"""Findings: the current conclusion on an asset and a control, drawn from observations by a fixed rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Finding, ModelVersion, Observation, ReferenceControl, Risk, User
from compliance.services import bulk_rows, closing_notices, closing_proposals, ledger, risk_steps, sla_clocks
from compliance.services.errors import RefusedError
from compliance.services.finding_marks import Marks, exposure_of, put_priority
from compliance.services.finding_targets import EFFECT, control_for
from compliance.types.canonical import digest_of
from compliance.types.risk_life import Sighting, sighted
from compliance.types.risk_priority import Strength, Tier, judge
from compliance.types.risk_transitions import DEVIATING, By, Held, may_change
from compliance.types.states import Severity
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    Conclusion,
    FileScanVerdict,
    StageVerdict,
)

_OF_STAGE, _OF_FILE = frozenset(StageVerdict), frozenset(FileScanVerdict)


def conclusion_of(observation: Observation) -> Conclusion | None:
    """The fixed mapping from a verdict to satisfied, not satisfied, or nothing at all."""
    if observation.verdict in _OF_STAGE:
        stage = CONCLUSION_OF_STAGE[StageVerdict(observation.verdict)]
        if stage is not None or observation.verdict not in _OF_FILE:
            return stage
    return CONCLUSION_OF_FILE_SCAN[FileScanVerdict(observation.verdict)]


def asset_key(*, kind: str, name: str, digest: str, version: ModelVersion | None) -> str:
    """What makes an asset the same in every observation: its registered version, else its bytes, else its name."""
    if version is not None:
        return f"model_version:{version.uuid}"
    return f"sha256:{digest}" if digest else f"{kind}:{digest_of(name)[:32]}"


def _asset_key(observation: Observation) -> str:
    return asset_key(
        kind=observation.asset_kind,
        name=observation.asset_name,
        digest=observation.asset_digest,
        version=observation.model_version,
    )


def _rule_fingerprint(observation: Observation) -> str:
    return digest_of([observation.producer, observation.rule, observation.location])


def seen_at(observation: Observation) -> datetime:
    """When what an observation says was so: as its source tells. Of a source without time, when its document was collected,
    as stated, else received: importing the same bytes again is no new sighting."""
    if observation.observed_at is not None or observation.evidence is None:
        return observation.observed_at or observation.created_at
    return observation.evidence.collected_at or observation.evidence.created_at


def is_judged() -> Exists:
    """Condition on findings: a person decided to live with it, or was asked to, so that no report changes what it says.

    Until the last day of that: what is over counts for nothing, whether or not anybody moved the risk since."""
    judged = Risk.objects.filter(finding=OuterRef("pk"), state__in=sorted(DEVIATING))
    return Exists(judged.filter(accepted_until__gte=timezone.localdate()))


def _severity(observation: Observation, conclusion: Conclusion, before: str) -> str:
    """Severity of a finding: as the source states it, else as it was, but at least medium while it stands: that a source
    states none is no statement that it is harmless."""
    if observation.severity or conclusion is Conclusion.SATISFIED:
        return observation.severity or before
    return Severity.MEDIUM if before == Severity.INFORMATIONAL else before


_Key = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What an observation says, on which asset and control, under which rule."""

    observation: Observation
    conclusion: Conclusion
    target: ReferenceControl
    key: _Key


@dataclass(slots=True)
class _Drawn:
    """A finding on its way. is_new: made by this import; is_judged: a person decided to live with it; said: what its row
    says; seen_again: as its row does not say yet; steps: observations that changed what it concludes, each with what it
    concluded before; sighting, stood, seen_before: as its row says."""

    finding: Finding
    control: str
    is_new: bool
    is_judged: bool
    marks: Marks
    said: tuple[Any, ...]
    sighting: str
    stood: bool
    seen_before: datetime
    seen_again: bool = False
    steps: list[tuple[_Spoken, str]] = field(default_factory=list)
    spoken: list[_Spoken] = field(default_factory=list)

    def take(self, spoken: _Spoken) -> None:
        """Draw the conclusion of one more observation; an older one than the latest changes nothing."""
        finding, observation = self.finding, spoken.observation
        first = self.is_new and not self.spoken
        before = "" if first else str(finding.state)
        when = seen_at(observation)
        if when >= finding.last_seen_at and not first:
            finding.last_seen_at, self.seen_again = when, True
            if may_change(Held.JUDGED if self.is_judged else Held.CONCLUSION, By.RECORD):
                self._conclude(spoken)
        if before != str(finding.state):
            self.steps.append((spoken, before))
        self.spoken.append(spoken)

    def _conclude(self, spoken: _Spoken) -> None:
        finding, observation = self.finding, spoken.observation
        finding.state = spoken.conclusion.value
        finding.condition, finding.title = observation.description, observation.title
        finding.severity_by_rule = str(_severity(observation, spoken.conclusion, finding.severity_by_rule))
        finding.severity = finding.severity_by_hand or finding.severity_by_rule
        if spoken.conclusion is Conclusion.NOT_SATISFIED:
            self.marks.put_on(finding, observation)
        if self.is_new or str(finding.state) != self.said[0] or finding.last_seen_at > self.seen_before:
            self._sight()

    def _sight(self) -> None:
        """How it stands beside the record before this import."""
        finding = self.finding
        seen = sighted(before=self.sighting, conclusion=Conclusion(finding.state), stood=self.stood)
        if finding.sighting != Sighting.REAPPEARED and seen is Sighting.REAPPEARED:
            finding.reappearances += 1
        finding.sighting = seen.value if seen else ""


_SAID = (
    "state", "condition", "title", "severity", "severity_by_rule", "sighting", "reappearances", "priority", "priority_points",
    "priority_reasons", "waiver", "waived_until",
)  # fmt: skip
_said_by = attrgetter(*(name if name != "waiver" else "waiver_id" for name in _SAID))


def _drawing(finding: Finding, spoken: _Spoken, marks: Marks, *, is_new: bool, is_judged: bool) -> _Drawn:
    return _Drawn(
        finding,
        spoken.target.control_id,
        is_new,
        is_judged,
        marks,
        _said_by(finding),
        sighting="" if is_new else finding.sighting,
        stood=not is_new and finding.state == Conclusion.NOT_SATISFIED,
        seen_before=finding.last_seen_at,
    )


def _key_of(finding: Finding) -> _Key:
    return finding.asset_key, finding.target_id, finding.rule_fingerprint


_MADE_OF = (
    "system_id", "asset_key", "target_id", "rule_fingerprint", "asset_name", "model_version_id", "title", "state",
    "severity", "severity_by_rule", "techniques", "condition", "criteria", "effect", "first_seen_at", "last_seen_at",
    "sighting", "priority", "priority_points", "priority_reasons", "waiver_id", "waived_until",
)  # fmt: skip


def _made(spoken: _Spoken, effect: str, marks: Marks) -> tuple[Any, ...]:
    """What a new finding says, in the order of _MADE_OF."""
    observation, when = spoken.observation, seen_at(spoken.observation)
    severity = str(_severity(observation, spoken.conclusion, Severity.INFORMATIONAL))
    seen = sighted(before="", conclusion=spoken.conclusion, stood=False)
    return (
        observation.system_id,
        spoken.key[0],
        spoken.target.pk,
        spoken.key[2],
        str(observation.model_version or observation.asset_name)[:500],
        observation.model_version_id,
        observation.title,
        spoken.conclusion.value,
        severity,
        severity,
        observation.techniques,
        observation.description,
        spoken.target.objective,
        effect if spoken.conclusion is Conclusion.NOT_SATISFIED else "",
        when,
        when,
        seen.value if seen else "",
        *marks.on_new(observation, severity, stands=spoken.conclusion is Conclusion.NOT_SATISFIED),
    )


def _make(fresh: Mapping[_Key, _Spoken], marks: Marks) -> dict[_Key, Finding]:
    """Findings that nobody spoke of before."""
    effects = {spoken.target.control_id for spoken in fresh.values()}
    told = {control: str(EFFECT.get(control, "")) for control in effects}
    values = [_made(spoken, told[spoken.target.control_id], marks) for spoken in fresh.values()]
    return dict(zip(fresh, bulk_rows.create(Finding, names=_MADE_OF, values=values), strict=True))


_UNREAD = (
    "created_at", "first_seen_at", "techniques", "criteria", "cause", "effect", "priority_reason", "priority_set_by",
    "priority_set_at",
)  # fmt: skip


def _known(system_id: int, keys: Collection[_Key]) -> dict[_Key, Finding]:
    """The findings that stand under these keys, locked until the transaction ends."""
    assets, rules = ({key[place] for key in keys} for place in (0, 2))
    rows = Finding.objects.select_for_update().filter(
        system=system_id, asset_key__among=assets, rule_fingerprint__among=rules
    )
    return {_key_of(finding): finding for finding in rows.defer(*_UNREAD)}


def conclude(*, observations: Iterable[Observation], actor: User | None) -> list[Finding]:
    """Draw findings from observations. Verdicts that allow no conclusion draw none: silence is never a pass. An
    observation that is a part of another ("part_of" in its facts) leaves the conclusion to that one."""
    targets = {control.control_id: control for control in ReferenceControl.objects.all()}
    speaking: dict[int, list[_Spoken]] = {}
    for observation in observations:
        conclusion, target = conclusion_of(observation), targets.get(control_for(observation))
        if conclusion is not None and target is not None and not observation.facts.get("part_of"):
            key = (_asset_key(observation), target.pk, _rule_fingerprint(observation))
            speaking.setdefault(observation.system_id, []).append(_Spoken(observation, conclusion, target, key))
    drawn: list[Finding] = []
    with transaction.atomic():
        for system_id, rows in speaking.items():
            drawn += _conclude(system_id, rows, actor)
        sla_clocks.follow(findings=[finding.pk for finding in drawn], actor=actor)
    return drawn


def _conclude(system_id: int, rows: Sequence[_Spoken], actor: User | None) -> list[Finding]:
    """Findings of one system, in the order in which they were first spoken of. A few statements for any number of rows."""
    # Another import may be about to make the same findings: it waits here, and then draws on these.
    system = AISystem.objects.select_for_update(no_key=True).get(pk=system_id)
    risk_steps.lapse(now=timezone.now(), system=system)
    marks = Marks.of(system)
    known = _known(system_id, {spoken.key for spoken in rows})
    fresh: dict[_Key, _Spoken] = {}
    for spoken in rows:
        if spoken.key not in known:
            fresh.setdefault(spoken.key, spoken)
    new = _make(fresh, marks)
    judged = set(Finding.objects.filter(is_judged(), system=system_id).values_list("pk", flat=True))
    drawn: dict[_Key, _Drawn] = {}
    for spoken in rows:
        if spoken.key not in drawn:
            finding = new.get(spoken.key) or known[spoken.key]
            was_judged = finding.pk in judged
            drawn[spoken.key] = _drawing(finding, spoken, marks, is_new=spoken.key in new, is_judged=was_judged)
        drawn[spoken.key].take(spoken)
    _store(list(drawn.values()))
    _tell(list(drawn.values()), actor)
    _follow(list(drawn.values()), actor)
    return [one.finding for one in drawn.values()]


def _follow(drawn: Sequence[_Drawn], actor: User | None) -> None:
    """What the table of risks has the record do after findings were concluded."""
    risk_steps.follow_severity(findings=[one.finding.pk for one in drawn], actor=actor)
    back = [one.finding for one in drawn if one.finding.sighting == Sighting.REAPPEARED and not one.stood]
    risk_steps.reopen_reappeared(findings=[finding.pk for finding in back])
    closing_notices.tell_back(back)
    closing_proposals.follow(findings=[one.finding for one in drawn])


def conclude_again(*, findings: Iterable[Finding], actor: User | None) -> None:
    """Findings that were judged until now say what their newest observations say."""
    for finding in findings:
        rows = finding.observations.select_related("model_version__model", "evidence")
        newest = max(rows, key=lambda row: (seen_at(row), row.pk), default=None)
        if newest is not None:
            conclude(observations=[newest], actor=actor)


def _store(drawn: Sequence[_Drawn]) -> None:
    # Most of what a report repeats is as it was: only its time is written.
    again: dict[bool, list[Finding]] = {True: [], False: []}
    for one in drawn:
        if one.seen_again:
            again[_said_by(one.finding) == one.said].append(one.finding)
    bulk_rows.update(again[True], names=("last_seen_at",))
    bulk_rows.update(again[False], names=("last_seen_at", *_SAID))
    through = Finding.observations.through
    links = {(one.finding.pk, spoken.observation.pk) for one in drawn for spoken in one.spoken}
    there = through.objects.filter(observation_id__among={observation for _, observation in links})
    links -= set(there.values_list("finding_id", "observation_id"))
    bulk_rows.insert_values(model=through, columns=("finding_id", "observation_id"), rows=sorted(links))


def _tell(drawn: Sequence[_Drawn], actor: User | None) -> None:
    """One ledger event for each change of what a finding says."""
    ledger.record_many(
        kind="finding.concluded",
        acts=[
            (
                one.finding,
                {
                    "state": str(spoken.conclusion),
                    "before": before,
                    "control": one.control,
                    "observation": str(spoken.observation.uuid),
                },
            )
            for one in drawn
            for spoken, before in one.steps
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
            "severity_by_rule": severity,
            "techniques": [],
            "condition": condition,
            "criteria": target.objective,
            "cause": cause,
            "effect": effect,
            "first_seen_at": now,
            "last_seen_at": now,
            "sighting": Sighting.NEW,
        },
    )
    if created:
        strength = Strength(tier=Tier.EXAMINED)
        put_priority(finding, judge(severity=severity, exposure=exposure_of(system), techniques=(), strength=strength))
        finding.save(update_fields=["priority", "priority_points", "priority_reasons"])
        ledger.record(
            kind="finding.opened",
            subject=finding,
            payload={"state": finding.state, "control": target.control_id},
            actor=actor,
            system=system,
        )
        sla_clocks.follow(findings=[finding.pk], actor=actor)
    return finding
