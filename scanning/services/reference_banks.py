"""Reference banks: statistics of known models, kept as evidence, that new models are ranked against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, Evidence, User
from compliance.services import evidence as evidences
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from compliance.types.retention import EvidenceKind
from scanning.detectors.references import MAX_BANK_BYTES, bank_from_json
from scanning.models import ReferenceBank
from scanning.services import isolated
from scanning.services.isolated import OnProgress

PLAN = "plan.json"


def register(*, system: AISystem, path: Path, name: str = "", actor: User | None) -> ReferenceBank:
    """Keep a bank that lies in a file. Raises RefusedError."""
    with path.open("rb") as stream:
        return receive(system=system, stream=stream, filename=path.name, name=name, actor=actor)


def receive(*, system: AISystem, stream: BinaryIO, filename: str, name: str = "", actor: User | None) -> ReferenceBank:
    """Keep a bank made by `build_bank` (see scanning.detectors.references). The same bytes are the same bank.

    name: for people, the family's own where empty. Raises RefusedError for anything that is no bank.
    """
    content = stream.read(MAX_BANK_BYTES + 1)
    if len(content) > MAX_BANK_BYTES:
        raise RefusedError(_("“%s” is larger than a reference bank may be.") % filename)
    try:
        bank = bank_from_json(content, filename)
    except BadInputError as error:
        raise RefusedError(str(error)) from error
    stream.seek(0)
    title = name or bank.family.name
    evidence = evidences.receive(
        system=system,
        stream=stream,
        filename=filename,
        title=_("Reference bank %s") % title,
        received_by=actor,
        kind=EvidenceKind.DATA,
        source_system="Assay",
        collected_how=_("Models of the same making, trained without a planted trigger and measured alike."),
    )
    evidences.accept(evidence=evidence, actor=actor)
    return _of(evidence, title, bank.family.architecture, bank.family.architecture_digest, len(bank.references), actor)


def _of(
    evidence: Evidence, name: str, architecture: str, architecture_digest: str, size: int, actor: User | None
) -> ReferenceBank:
    known = ReferenceBank.objects.filter(evidence=evidence).first()
    if known is not None:
        return known
    if ReferenceBank.objects.filter(name=name).exists():
        raise RefusedError(_("There is a reference bank named “%s” already; give this one another name.") % name)
    with transaction.atomic():
        bank = ReferenceBank.objects.create(
            name=name, architecture=architecture, architecture_digest=architecture_digest, evidence=evidence, size=size
        )
        ledger.record(
            kind="reference_bank.registered",
            subject=bank,
            payload={"sha256": evidence.sha256, "models": size},
            actor=actor,
            system=evidence.system,
        )
    return bank


def build(*, folder: Path, plan: JSON, on_progress: OnProgress | None = None) -> JSON:
    """Train (or read) and measure the models of a plan in `folder`; an earlier run is continued. See bank_building.Plan.

    The plan is kept beside the models, so that `measure_power` adds to the same bank. Raises IsolationError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PLAN).write_bytes(canonical_json(plan))
    return isolated.build_bank(plan=plan, folder=folder, on_progress=on_progress)


def plan_of(folder: Path) -> JSON:
    """The plan of the bank in a folder. Raises RefusedError where there is none."""
    try:
        plan: JSON = json.loads((folder / PLAN).read_bytes())
    except (OSError, ValueError) as error:
        raise RefusedError(_("%s holds no bank; make one with `manage.py build_bank` first.") % folder) from error
    return plan
