"""Importing a framework's requirements from OSCAL: ids always, titles where they may be kept; never its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import CatalogRelease, Framework, MappingPair, User
from compliance.oscal.framework_diff import diff_requirements
from compliance.oscal.framework_files import read_framework
from compliance.services import control_reviews, ledger
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON
from compliance.types.frameworks import FrameworkContent, Requirement, RequirementChange

MAY_BE_KEPT = "text may be shipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkImport:
    """What an import would change or changed.

    is_new: Assay knows no framework of that key; is_same: the file, read in the same way, is in force already.
    titles_kept: the licence, or the importer, allows it; unknown: mapped ids that the file does not hold or has withdrawn;
    reviews: mapped controls that are touched, with how many changes touch each.
    """

    key: str
    title: str
    version: str
    model: str
    sha256: str
    requirements: int
    is_new: bool
    is_same: bool
    is_applied: bool
    titles_kept: bool
    changes: tuple[RequirementChange, ...]
    unknown: tuple[str, ...]
    reviews: dict[str, int]


def release_key(key: str) -> str:
    """Under which key the releases of a framework are kept."""
    return f"framework-{key}"


def requirements_of(key: str) -> tuple[Requirement, ...]:
    """What was imported last for a framework; empty where nothing was."""
    release = release_of(key)
    return _kept(release) if release else ()


def release_of(key: str) -> CatalogRelease | None:
    """The import of a framework that is in force."""
    return CatalogRelease.objects.filter(key=release_key(key), is_current=True).first()


def _kept(release: CatalogRelease) -> tuple[Requirement, ...]:
    return tuple(Requirement(**one) for one in release.content["requirements"])


def import_framework(
    *,
    path: Path,
    catalogs: Sequence[Path],
    key: str,
    licence: str,
    is_licensed: bool,
    apply: bool,
    actor: User | None,
) -> FrameworkImport:
    """Compares an OSCAL catalogue or profile with what was imported before and, with `apply`, puts it in force.

    key: of a framework that is known, or of a new one, which then needs `licence`. is_licensed: the importer may keep titles
    though the licence does not let everybody. Raises BadInputError naming file and place, and RefusedError.
    """
    framework = Framework.objects.filter(key=key).first()
    if framework is None and not licence.strip():
        raise RefusedError(_("There is no framework “%s” yet; say under which licence it stands (--licence).") % key)
    pattern = str(framework.facts.get("id_pattern", "")) if framework else ""
    content = read_framework(path, catalogs=catalogs, id_pattern=pattern)
    titles_kept = is_licensed or bool(
        framework and str(framework.facts.get("reproduction", "")).startswith(MAY_BE_KEPT)
    )
    if not titles_kept:
        untitled = tuple(replace(one, title="") for one in content.requirements)
        content = replace(content, requirements=untitled)
    with transaction.atomic():
        current = release_of(key)
        found = _compare(content, key, framework, current, titles_kept=titles_kept)
        if not apply or found.is_same:
            return found
        _put_in_force(found, content, framework, licence, current, actor)
    return replace(found, is_applied=True)


def _compare(
    content: FrameworkContent,
    key: str,
    framework: Framework | None,
    current: CatalogRelease | None,
    *,
    titles_kept: bool,
) -> FrameworkImport:
    changes = diff_requirements(_kept(current) if current else (), content.requirements)
    in_force = {one.id for one in content.requirements if not one.is_withdrawn}
    mapped = MappingPair.objects.filter(framework__key=key).values_list("requirement_id", flat=True)
    return FrameworkImport(
        key=key,
        title=framework.title if framework else content.title,
        version=content.version,
        model=content.model,
        sha256=content.sha256,
        requirements=len(content.requirements),
        is_new=framework is None,
        is_same=bool(current and current.sha256 == content.sha256 and current.content["titles_kept"] == titles_kept),
        is_applied=False,
        titles_kept=titles_kept,
        changes=changes,
        unknown=tuple(sorted(set(mapped) - in_force)),
        reviews={control: len(told) for control, told in sorted(_by_control(key, changes, current).items())},
    )


def _by_control(
    key: str, changes: Sequence[RequirementChange], current: CatalogRelease | None
) -> dict[str, list[JSON]]:
    """Control id -> the changes of what it is mapped to. A first import touches what is not in force in the file."""
    told = {change.id: change for change in changes if current is not None and change.kind != "added"}
    found: dict[str, list[JSON]] = {}
    pairs = MappingPair.objects.filter(framework__key=key, requirement_id__in=told)
    for requirement, control in pairs.values_list("requirement_id", "control__control_id"):
        found.setdefault(control, []).append({"subject": "requirement", "field": "", **asdict(told[requirement])})
    return found


def _put_in_force(
    found: FrameworkImport,
    content: FrameworkContent,
    framework: Framework | None,
    licence: str,
    current: CatalogRelease | None,
    actor: User | None,
) -> None:
    if framework is None:
        facts = {"edition": content.version, "reproduction": "", "id_pattern": "", "imported": True}
        framework = Framework.objects.create(key=found.key, title=content.title[:300], licence=licence, facts=facts)
    by_control = _by_control(found.key, found.changes, current)
    CatalogRelease.objects.filter(key=release_key(found.key), is_current=True).update(is_current=False)
    release, _is_new = CatalogRelease.objects.update_or_create(
        key=release_key(found.key),
        sha256=content.sha256,
        defaults={
            "version": content.version[:64],
            "content_date": "",
            "licence": framework.licence[:200],
            "content": {
                "title": content.title,
                "model": content.model,
                "oscal_version": content.oscal_version,
                "sources": content.sources,
                "titles_kept": found.titles_kept,
                "requirements": [asdict(one) for one in content.requirements],
            },
            "is_current": True,
        },
    )
    ledger.record(
        kind="catalog.loaded",
        subject=release,
        payload={"key": release.key, "sha256": release.sha256, "before": current.sha256 if current else None},
        actor=actor,
        system=None,
    )
    control_reviews.open_reviews(release=release, by_control=by_control, actor=actor)
