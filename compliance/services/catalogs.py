"""The shipped content: loaded once, shown as a diff before it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from compliance.models import CatalogRelease, User
from compliance.oscal.catalog_diff import diff_catalog
from compliance.oscal.catalog_files import (
    CATALOG_IDS,
    SHIPPED,
    TECHNIQUE_PREFIX,
    catalog_of,
    read_catalog,
)
from compliance.services import atlas_releases, ledger, mappings
from compliance.services.catalog_rows import store
from compliance.types.catalog import CatalogChange, CatalogContent, CatalogFile
from compliance.types.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogLoad:
    """What a load would change or changed.

    is_first: nothing was loaded before; is_applied: the tables now hold the content; counts: records in the content by
    kind; returned_pairs: decided pairs that went back to draft because they changed (only once applied).
    """

    is_first: bool
    is_applied: bool
    changes: tuple[CatalogChange, ...]
    counts: dict[str, int] = field(default_factory=dict)
    returned_pairs: tuple[str, ...] = ()


def load(*, folder: Path = SHIPPED, further: Sequence[Path] = (), apply: bool, actor: User | None) -> CatalogLoad:
    """Compares the content files of a folder, and of `further` techniques, with what is loaded; `apply` loads them.

    A further technique that was loaded before stays as it was loaded, where no file of its id is given. Loading the same
    files again changes nothing and records nothing. Raises BadInputError, naming file and place.
    """
    with transaction.atomic():
        current = _current_files(lock=apply)
        kept = [_file_of(release) for key, release in current.items() if key.startswith(TECHNIQUE_PREFIX)]
        content = read_catalog(folder, further=further, kept=kept)
        is_same = {release.sha256 for release in current.values()} == {file.sha256 for file in content.files}
        changes = () if is_same else diff_catalog(_loaded(current), content)
        load_ = CatalogLoad(is_first=not current, is_applied=False, changes=changes, counts=_counts(content))
        if not changes or not apply:
            return load_
        return _apply(load_, content, current, actor)


def _current_files(*, lock: bool) -> dict[str, CatalogRelease]:
    releases = CatalogRelease.objects.filter(
        Q(key__in=CATALOG_IDS) | Q(key__startswith=TECHNIQUE_PREFIX), is_current=True
    ).order_by("pk")
    return {release.key: release for release in (releases.select_for_update() if lock else releases)}


def loaded() -> CatalogContent | None:
    """The shipped content that is in force; None when there is none."""
    return _loaded(_current_files(lock=False))


def is_in_force(sha256: str) -> bool:
    """Whether a file of these bytes is in force."""
    return CatalogRelease.objects.filter(sha256=sha256, is_current=True).exists()


def _loaded(current: dict[str, CatalogRelease]) -> CatalogContent | None:
    """The content that is loaded; None when there is none, or an earlier Assay stored it in another shape."""
    files = tuple(_file_of(release) for release in current.values())
    try:
        return catalog_of(files) if files else None
    except BadInputError:
        return None


def _file_of(release: CatalogRelease) -> CatalogFile:
    """A content file as it was loaded."""
    return CatalogFile(
        id=release.key,
        version=release.version,
        date=release.content_date,
        language=str(release.content.get("catalog", {}).get("language", "")),
        licence=release.licence,
        filename=f"{release.key}.yaml",
        sha256=release.sha256,
        content=release.content,
    )


def _counts(content: CatalogContent) -> dict[str, int]:
    return {
        "techniques": len(content.techniques),
        "mitigations": len(content.mitigations),
        "case_studies": len(content.case_studies),
        "sections": len(content.sections),
        "questions": len(content.questions),
        "frameworks": len(content.frameworks),
        "controls": len(content.controls),
        "pairs": len(content.pairs),
    }


def _apply(
    found: CatalogLoad, content: CatalogContent, current: dict[str, CatalogRelease], actor: User | None
) -> CatalogLoad:
    returned = store(content)
    atlas_releases.restore_release(shipped=content)
    for file in content.files:
        before = current.get(file.id)
        if before is None or before.sha256 != file.sha256:
            _put_in_force(file, before, actor)
    for pair in returned:
        mappings.record(pair, kind="mapping.returned", actor=actor)
    return CatalogLoad(
        is_first=found.is_first,
        is_applied=True,
        changes=found.changes,
        counts=found.counts,
        returned_pairs=tuple(str(pair) for pair in returned),
    )


def _put_in_force(file: CatalogFile, before: CatalogRelease | None, actor: User | None) -> None:
    """A file that was loaded once and comes back is put in force again; its row is not written twice."""
    CatalogRelease.objects.filter(key=file.id, is_current=True).update(is_current=False)
    release, _is_new = CatalogRelease.objects.update_or_create(
        key=file.id,
        sha256=file.sha256,
        defaults={
            "version": file.version,
            "content_date": file.date,
            "licence": file.licence,
            "content": file.content,
            "is_current": True,
        },
    )
    ledger.record(
        kind="catalog.loaded",
        subject=release,
        payload={"key": file.id, "sha256": file.sha256, "before": before.sha256 if before else None},
        actor=actor,
        system=None,
    )
