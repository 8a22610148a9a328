"""Importing a release of MITRE ATLAS: shown as a diff first, then in force, with a review for each control that it touches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import CatalogRelease, MappingPair, ReferenceControl, User
from compliance.oscal.atlas_diff import diff_atlas, touched
from compliance.oscal.atlas_files import read_atlas
from compliance.oscal.catalog_files import ATLAS_FRAMEWORK
from compliance.services import atlas_rows, control_reviews, ledger
from compliance.services.errors import RefusedError
from compliance.types.atlas import (
    AtlasCaseStudy,
    AtlasChange,
    AtlasContent,
    AtlasMitigation,
    AtlasTechnique,
    release_order,
)
from compliance.types.catalog import CatalogContent
from compliance.types.drafts import JSON

RELEASE_KEY = "mitre-atlas"
LICENCE = "Apache-2.0, MITRE ATLAS, Copyright The MITRE Corporation"
NO_FILE = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasImport:
    """What an import would change or changed.

    installed: the release that it is held against; is_extract: that one is Assay's extract, so only what the extract holds is
    compared; is_older: the file is of an older release; reviews: controls that are touched, with how many changes touch each.
    """

    version: str
    format: str
    sha256: str
    installed: str
    is_extract: bool
    is_older: bool
    is_applied: bool
    changes: tuple[AtlasChange, ...]
    reviews: dict[str, int]
    counts: dict[str, int]


def import_release(
    *, path: Path, shipped: CatalogContent | None, apply: bool, actor: User | None, older: bool = False
) -> AtlasImport:
    """Compares a file with the installed release and, with `apply`, puts it in force.

    shipped: the catalogue that is loaded. The same file again changes nothing. Raises BadInputError naming file and place, and
    RefusedError where no catalogue is loaded, or where an older release is to be applied without `older`.
    """
    content = read_atlas(path)
    if shipped is None:
        raise RefusedError(_("Load the catalogue first (manage.py load_catalog); ATLAS is held against it."))
    with transaction.atomic():
        releases = CatalogRelease.objects.filter(key=RELEASE_KEY, is_current=True)
        current = (releases.select_for_update() if apply else releases).first()
        found, before = _compare(content, current, shipped)
        if not apply or (current and current.sha256 == content.sha256):
            return found
        if found.is_older and not older:
            raise RefusedError(
                _("%(file)s is release %(version)s, older than the installed %(installed)s; add --older to go back.")
                % {"file": path.name, "version": content.version, "installed": found.installed}
            )
        _put_in_force(found, content, before, current, shipped, actor)
    return replace(found, is_applied=True)


def _compare(
    content: AtlasContent, current: CatalogRelease | None, shipped: CatalogContent
) -> tuple[AtlasImport, AtlasContent]:
    before = AtlasContent.from_json(current.content) if current else _extract(shipped)
    known = {entry.old: entry.new for entry in shipped.id_redirects}
    compared = content if current else _seen_by_the_extract(content, shipped)
    changes = diff_atlas(before, compared, known, only_known=current is None)
    techniques = {one.id: one for one in (*before.techniques, *content.techniques)}
    found = AtlasImport(
        version=content.version,
        format=content.format,
        sha256=content.sha256,
        installed=before.version,
        is_extract=current is None,
        is_older=release_order(content.version) < release_order(before.version),
        is_applied=False,
        changes=changes,
        reviews={key: len(listed) for key, listed in sorted(_by_control(changes, techniques).items())},
        counts={
            "tactics": len(content.tactics),
            "techniques": len(content.techniques),
            "mitigations": len(content.mitigations),
            "case_studies": len(content.case_studies),
        },
    )
    return found, before


def _extract(shipped: CatalogContent) -> AtlasContent:
    """The shipped extract in the shape of a release."""
    return AtlasContent(
        version=shipped.atlas_release,
        format="",
        sha256=NO_FILE,
        tactics={entry.id: entry.name for entry in shipped.tactics},
        techniques=tuple(
            AtlasTechnique(
                id=entry.id,
                name=entry.name,
                parent=entry.parent or "",
                tactics=entry.tactics,
                mitigations=entry.mitigations,
                maturity="",
                summary="",
                identity="",
            )
            for entry in shipped.techniques
        ),
        mitigations=tuple(
            AtlasMitigation(id=entry.id, name=entry.name, summary="", identity="") for entry in shipped.mitigations
        ),
        case_studies=tuple(
            AtlasCaseStudy(id=entry.id, name=entry.name, kind="", date="", techniques=entry.techniques)
            for entry in shipped.case_studies
        ),
    )


def _seen_by_the_extract(content: AtlasContent, shipped: CatalogContent) -> AtlasContent:
    """The extract names of a case study only techniques of the family; others are no news."""
    family = {entry.id for entry in shipped.techniques if entry.family}
    studies = tuple(
        replace(one, techniques=tuple(key for key in one.techniques if key in family)) for one in content.case_studies
    )
    return replace(content, case_studies=studies)


# Which controls -----------------------------------------------------------------------------------------------------


def _by_control(changes: tuple[AtlasChange, ...], techniques: dict[str, AtlasTechnique]) -> dict[str, list[JSON]]:
    """Control id -> the changes that touch what it is mapped to."""
    mapped: dict[str, set[str]] = {}
    pairs = MappingPair.objects.filter(framework__key=ATLAS_FRAMEWORK).values_list(
        "requirement_id", "control__control_id"
    )
    links = ReferenceControl.techniques.through.objects.values_list(
        "technique__atlas_id", "referencecontrol__control_id"
    )
    for atlas_id, control in (*pairs, *links):
        mapped.setdefault(atlas_id, set()).add(control)
    found: dict[str, list[JSON]] = {}
    for change in changes:
        told = {name: getattr(change, name) for name in ("kind", "subject", "id", "field", "before", "after")}
        for control in {name for key in touched(change, techniques) for name in mapped.get(key, ())}:
            found.setdefault(control, []).append(told)
    return found


def _put_in_force(
    found: AtlasImport,
    content: AtlasContent,
    before: AtlasContent,
    current: CatalogRelease | None,
    shipped: CatalogContent,
    actor: User | None,
) -> None:
    known = {entry.old: entry.new for entry in shipped.id_redirects}
    redirects = atlas_rows.all_redirects(before, content, known)
    techniques = {one.id: one for one in (*before.techniques, *content.techniques)}
    reviews = _by_control(found.changes, techniques)
    atlas_rows.store_release(content, redirects)
    CatalogRelease.objects.filter(key=RELEASE_KEY, is_current=True).update(is_current=False)
    release, _is_new = CatalogRelease.objects.update_or_create(
        key=RELEASE_KEY,
        sha256=content.sha256,
        defaults={
            "version": content.version,
            "content_date": "",
            "licence": LICENCE,
            "content": {**content.as_json(), "redirects": redirects},
            "is_current": True,
        },
    )
    ledger.record(
        kind="catalog.loaded",
        subject=release,
        payload={"key": RELEASE_KEY, "sha256": release.sha256, "before": current.sha256 if current else None},
        actor=actor,
        system=None,
    )
    control_reviews.open_reviews(release=release, by_control=reviews, actor=actor)


def restore_release(*, shipped: CatalogContent) -> None:
    """After the shipped catalogue was loaded again: an imported release that is newer than its extract stays in force."""
    current = CatalogRelease.objects.filter(key=RELEASE_KEY, is_current=True).first()
    if current and release_order(current.version) >= release_order(shipped.atlas_release):
        atlas_rows.store_release(AtlasContent.from_json(current.content), current.content["redirects"])
