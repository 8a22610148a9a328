"""The organisation's own controls: adopted or adapted from reference controls, changed by a new version, retired."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, ControlRequirement, ControlVersion, ImplementedControl, ReferenceControl, User
from compliance.services import framework_ids, ledger
from compliance.services.catalog_rows import RETIRED
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.canonical import digest_of
from compliance.types.controls import ControlAct, ControlTerms
from compliance.types.drafts import JSON

# Terms that are columns of the same name.
_COLUMNS = (
    "control_id", "title", "basis", "statement", "performer", "frequency", "scope", "nature", "control_type", "is_key",
    "effective_from",
)  # fmt: skip


@transaction.atomic
def adopt(*, system: AISystem, terms: ControlTerms, owner: User, actor: User) -> ImplementedControl:
    """Run reference controls as one's own on an AI system. Raises RefusedError, among others for an own id in use."""
    terms = terms.tidied()
    if ImplementedControl.objects.filter(system=system, control_id=terms.control_id).exists():
        told = _("%(system)s has a control %(id)s already; change that one, or give this one another id.")
        raise RefusedError(told % {"system": system.name, "id": terms.control_id})
    control = ImplementedControl(system=system, version=0)
    return _write(control, terms, owner=owner, act=ControlAct.ADOPTED, reason="", actor=actor)


@transaction.atomic
def change(
    *, control: ImplementedControl, terms: ControlTerms, owner: User, reason: str, expected_version: int, actor: User
) -> ImplementedControl:
    """A new version of a control; the old one is kept.

    Raises ConflictError when somebody made a version meanwhile, RefusedError for a retired control, no reason, or terms
    that are the same.
    """
    fresh, terms = _locked(control), terms.tidied()
    if fresh.version != expected_version:
        raise _conflict(fresh, terms)
    if not reason.strip():
        raise RefusedError(_("Say why the control changes; auditors read it beside the version."))
    if fresh.terms == terms and fresh.owner_id == owner.pk:
        raise RefusedError(_("Nothing differs from version %d.") % fresh.version)
    taken = ImplementedControl.objects.filter(system=fresh.system_id, control_id=terms.control_id)
    if taken.exclude(pk=fresh.pk).exists():
        raise RefusedError(_("Another control of the AI system has the id %s; choose another.") % terms.control_id)
    return _write(fresh, terms, owner=owner, act=ControlAct.CHANGED, reason=reason, actor=actor)


@transaction.atomic
def retire(*, control: ImplementedControl, on: date, reason: str, actor: User) -> ImplementedControl:
    """The control is not run any more from a day on; it stays on record with all its versions."""
    fresh = _locked(control)
    if not reason.strip():
        raise RefusedError(_("Say why the control is retired, and what takes its place."))
    if on < fresh.effective_from:
        raise RefusedError(_("The control cannot be retired before it took effect, on %s.") % fresh.effective_from)
    fresh.retired_on = on
    return _write(fresh, fresh.terms, owner=fresh.owner, act=ControlAct.RETIRED, reason=reason, actor=actor)


def _locked(control: ImplementedControl) -> ImplementedControl:
    rows = ImplementedControl.objects.select_for_update(of=("self",)).select_related("system", "owner")
    fresh = rows.get(pk=control.pk)
    if fresh.retired_on:
        raise RefusedError(_("The control was retired on %s and does not change any more.") % fresh.retired_on)
    return fresh


def _conflict(control: ImplementedControl, sent: ControlTerms) -> ConflictError:
    last = control.versions.select_related("made_by").first()
    return ConflictError(
        _("Somebody made version %d meanwhile. Read both below; nothing of yours was saved yet.") % control.version,
        version=control.version,
        saved=control.terms.to_json(),
        sent=sent.to_json(),
        by=last.made_by.name if last else "",
        at=last.created_at if last else None,
    )


def _write(
    control: ImplementedControl, terms: ControlTerms, *, owner: User, act: ControlAct, reason: str, actor: User
) -> ImplementedControl:
    """The next version with these terms, in the caller's transaction."""
    references = _references(terms)
    requirements = framework_ids.resolved(terms.requirements)
    for name in _COLUMNS:
        setattr(control, name, getattr(terms, name))
    control.systems, control.accounts = list(terms.systems), list(terms.accounts)
    control.owner, control.version = owner, control.version + 1
    control.save()
    control.references.set(references)
    control.requirements.all().delete()
    ControlRequirement.objects.bulk_create(
        ControlRequirement(control=control, framework=framework, requirement_id=requirement)
        for framework, requirement in requirements
    )
    _keep(control, terms.to_json(), act=act, reason=reason.strip(), actor=actor)
    return control


def _references(terms: ControlTerms) -> list[ReferenceControl]:
    """The reference controls that terms name, and what else terms must say."""
    for text, missing in (
        (terms.statement, _("Say in a statement what is done here; the reference text is only a template.")),
        (terms.control_id, _("Give the control an id of your own.")),
        (terms.title, _("Give the control a title.")),
        (terms.performer, _("Say who performs the control: a team or role.")),
        (terms.frequency, _("Say how often the control is performed.")),
    ):
        if not text:
            raise RefusedError(missing)
    known = ReferenceControl.objects.in_bulk(terms.references, field_name="control_id")
    missing_ids = [name for name in terms.references if name not in known or known[name].facts.get(RETIRED)]
    if missing_ids or not terms.references:
        raise RefusedError(
            _("Name reference controls of the catalogue; not there: %s.") % ", ".join(missing_ids or "–")
        )
    return [known[name] for name in terms.references]


def _keep(control: ImplementedControl, terms: JSON, *, act: ControlAct, reason: str, actor: User) -> None:
    if control.retired_on:
        terms = {**terms, "retired_on": control.retired_on.isoformat()}
    ControlVersion.objects.create(
        control=control,
        version=control.version,
        act=act,
        reason=reason,
        terms=terms,
        owner=control.owner,
        made_by=actor,
    )
    payload = {
        "version": control.version,
        "owner": str(control.owner.uuid),
        "references": terms["references"],
        "terms_sha256": digest_of(terms),
    }
    ledger.record(kind=f"control.{act}", subject=control, payload=payload, actor=actor, system=control.system)
