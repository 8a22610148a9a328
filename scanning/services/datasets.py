"""Data sets: registered from a hash manifest, which is kept as evidence."""

from __future__ import annotations

import json
from typing import IO

from django.utils.translation import gettext as _

from compliance.models import AISystem, DatasetVersion, ModelVersion, User
from compliance.services import evidence as evidences
from compliance.services import expectations, inventory
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from compliance.types.retention import EvidenceKind
from scanning.filescan.manifest import DatasetDifference, DatasetManifest, manifest_from_json

_LARGEST = 256 * 1024**2


def register_from_manifest(
    *,
    system: AISystem,
    name: str,
    label: str,
    stream: IO[bytes],
    filename: str,
    trained: tuple[ModelVersion, ...],
    actor: User | None,
) -> DatasetVersion:
    """Check a manifest (`manage.py hash_dataset --json`), keep it as evidence, and register the state it describes.

    Raises RefusedError where the manifest is damaged, contradicts itself or is no manifest.
    """
    content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise RefusedError(_("%s is larger than the manifests that are taken (256 MiB).") % filename)
    try:
        manifest = manifest_from_json(json.loads(content))
    except (BadInputError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, BadInputError) else _("it is no JSON document.")
        raise RefusedError(_("%(file)s was not taken: %(reason)s") % {"file": filename, "reason": reason}) from error
    stream.seek(0)
    kept = evidences.receive(
        system=system,
        stream=stream,
        filename=filename,
        title=_("Manifest of %(name)s %(label)s") % {"name": name, "label": label},
        received_by=actor,
        kind=EvidenceKind.DATA,
        collected_how="manage.py hash_dataset --json",
    )
    evidences.accept(evidence=kept, actor=actor)
    return inventory.register_dataset_version(
        system=system,
        name=name,
        label=label,
        manifest_root=manifest.root,
        file_count=manifest.files,
        size=manifest.size,
        evidence=kept,
        actor=actor,
        trained=trained,
    )


def record_verification(*, manifest: DatasetManifest, found: DatasetDifference) -> int:
    """Keep the result of a comparison with every registered version of the manifest; how many there are.

    Raises RefusedError where no version of this manifest is registered, so that no result is lost unseen.
    """
    versions = list(DatasetVersion.objects.filter(manifest_root=manifest.root).select_related("dataset__system"))
    if not versions:
        raise RefusedError(_("No data-set version with this manifest is registered; register it first."))
    for version in versions:
        expectations.record_verification(
            version=version,
            matches=found.matches,
            found_root=found.root_found,
            added=len(found.added),
            removed=len(found.removed),
            changed=len(found.changed),
            actor=None,
        )
    return len(versions)
