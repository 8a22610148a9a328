"""Data sets: registered from a hash manifest, which is kept as evidence."""

from __future__ import annotations

import json
from typing import IO

from django.utils.translation import gettext as _

from compliance.models import AISystem, DatasetVersion, ModelVersion, User
from compliance.services import evidence as evidences
from compliance.services import inventory
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from scanning.filescan.manifest import manifest_from_json

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
