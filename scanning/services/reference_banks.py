"""Reference banks: statistics of known models, kept as evidence, that new models are ranked against."""

from __future__ import annotations

import json
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, User
from compliance.services import evidence as evidences
from compliance.services import ledger
from compliance.services.errors import RefusedError
from scanning.models import ReferenceBank


def register(*, system: AISystem, path: Path, name: str, architecture: str, actor: User | None) -> ReferenceBank:
    """Keep a bank made by the detectors (see scanning.detectors.references). The same bytes are the same bank."""
    try:
        content = json.loads(path.read_bytes())
        digest, size = str(content["architecture_digest"]), len(content["references"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(_("%s is no reference bank of Assay.") % path.name) from error
    with path.open("rb") as stream:
        evidence = evidences.receive(
            system=system,
            stream=stream,
            filename=path.name,
            title=_("Reference bank %s") % name,
            received_by=actor,
            source_system="Assay",
            collected_how=_("Models of the same making, trained without a planted trigger and searched alike."),
        )
    evidences.accept(evidence=evidence, actor=actor)
    known = ReferenceBank.objects.filter(evidence=evidence).first()
    if known is not None:
        return known
    with transaction.atomic():
        bank = ReferenceBank.objects.create(
            name=name, architecture=architecture, architecture_digest=digest, evidence=evidence, size=size
        )
        ledger.record(
            kind="reference_bank.registered",
            subject=bank,
            payload={"sha256": evidence.sha256, "models": size},
            actor=actor,
            system=system,
        )
    return bank
