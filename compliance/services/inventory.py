"""AI systems, model versions and data-set versions: registered once, known by digest."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AIModel, AISystem, Dataset, DatasetVersion, Evidence, ModelVersion, User
from compliance.services import bindings, ledger, priorities
from compliance.services import evidence as evidences
from compliance.services.errors import RefusedError
from compliance.types.applicability import Standing
from compliance.types.canonical import digest_of
from compliance.types.retention import EvidenceKind
from compliance.types.states import ModelOrigin


def define_system(
    *, name: str, description: str, owner: User | None, actor: User | None, is_demonstration: bool = False
) -> AISystem:
    """A new AI system."""
    if not name.strip():
        raise RefusedError(_("Give the AI system a name."))
    if AISystem.objects.filter(name=name).exists():
        raise RefusedError(_("An AI system with the name “%s” is already there.") % name)
    with transaction.atomic():
        system = AISystem.objects.create(
            name=name, description=description, owner=owner, is_demonstration=is_demonstration
        )
        ledger.record(kind="system.defined", subject=system, payload={}, actor=actor, system=system)
    return system


@transaction.atomic
def state_standing(*, system: AISystem, standing: Standing, reason: str, actor: User) -> AISystem:
    """Role and class of a system, as the organisation determined them; they say which legal requirements apply to it."""
    if not reason.strip():
        raise RefusedError(
            _("Say on what the role and the class rest: who determined them, when and in which document.")
        )
    system = AISystem.objects.select_for_update(of=("self",)).get(pk=system.pk)
    system.legal_roles, system.risk_class = sorted(standing.roles), standing.risk_class
    system.is_systemic, system.on_market_since = standing.is_systemic, standing.on_market_since
    system.standing_reason = reason.strip()
    system.save(update_fields=["legal_roles", "risk_class", "is_systemic", "on_market_since", "standing_reason"])
    priorities.expose(system=system)
    payload = {**standing.to_json(), "reason_sha256": digest_of(system.standing_reason)}
    ledger.record(kind="system.standing_stated", subject=system, payload=payload, actor=actor, system=system)
    return system


def register_model_version(
    *,
    system: AISystem,
    name: str,
    label: str,
    evidence: Evidence,
    origin: ModelOrigin,
    supplier: str,
    parent: ModelVersion | None,
    actor: User | None,
    file_format: str = "",
    purpose: str = "",
) -> ModelVersion:
    """Register an artefact kept as evidence under a model's name. The same bytes under the same name are once."""
    if evidence.system_id != system.pk:
        raise RefusedError(_("The model file belongs to another AI system."))
    if parent is not None and parent.model.system_id != system.pk:
        raise RefusedError(_("The parent belongs to another AI system."))
    with transaction.atomic():
        model, _created = AIModel.objects.get_or_create(system=system, name=name, defaults={"purpose": purpose})
        known = model.versions.filter(digest=evidence.sha256).first()
        if known is not None:
            return known
        if model.versions.filter(label=label).exists():
            raise RefusedError(_("“%s” already has a version “%s” with other bytes.") % (name, label))
        version = ModelVersion.objects.create(
            model=model,
            label=label,
            digest=evidence.sha256,
            size=evidence.size,
            format=file_format,
            origin=origin,
            supplier=supplier,
            parent=parent,
            evidence=evidence,
            registered_by=actor,
        )
        payload = {
            "digest": version.digest,
            "origin": origin.value,
            "parent": str(parent.uuid) if parent else None,
            "evidence": str(evidence.uuid),
        }
        ledger.record(kind="model.registered", subject=version, payload=payload, actor=actor, system=system)
        evidences.note_kind(evidence=evidence, kind=EvidenceKind.MODEL)
        bindings.version_registered(version=version, actor=actor)
    return version


def register_dataset_version(
    *,
    system: AISystem,
    name: str,
    label: str,
    manifest_root: str,
    file_count: int,
    size: int,
    evidence: Evidence | None,
    actor: User | None,
    trained: tuple[ModelVersion, ...] = (),
) -> DatasetVersion:
    """Register the state of a data set by its manifest root. The same root is once."""
    with transaction.atomic():
        dataset, _created = Dataset.objects.get_or_create(system=system, name=name)
        version, created = DatasetVersion.objects.get_or_create(
            dataset=dataset,
            manifest_root=manifest_root,
            defaults={
                "label": label,
                "file_count": file_count,
                "size": size,
                "evidence": evidence,
                "registered_by": actor,
            },
        )
        version.trained.add(*trained)
        if created:
            payload = {"manifest_root": manifest_root, "files": file_count}
            ledger.record(kind="dataset.registered", subject=version, payload=payload, actor=actor, system=system)
            bindings.version_registered(version=version, actor=actor)
    return version


def note_architecture(*, version: ModelVersion, architecture_digest: str, file_format: str) -> None:
    """Keep what a scan learned about the shape of a model."""
    version.architecture_digest = architecture_digest or version.architecture_digest
    version.format = file_format or version.format
    version.save(update_fields=["architecture_digest", "format"])
