"""ATLAS.yaml -> `AtlasContent`, formats 5 and 6. Pure. The file is told by what is in it, never by its name or a git tag.

Sources: mitre-atlas/atlas-data, dist/ATLAS.yaml and dist/schemas/atlas_output_schema.json (format 5); the release notes of
2026.05 and dist/v6/ATLAS-YYYY.MM.yaml (format 6), where links stand in `relationships` alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from compliance.oscal import atlas_v5, atlas_v6
from compliance.oscal.yaml_documents import Place, read_plain
from compliance.types.atlas import AtlasContent
from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError

MAX_BYTES = 16 * 1024 * 1024
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


def read_atlas(path: Path) -> AtlasContent:
    """A release from its file. Raises BadInputError with one sentence naming file and place: hostile YAML, another format,
    a repeated id, a link to something that the file does not hold."""
    raw, document = read_plain(path, max_bytes=MAX_BYTES, as_written=True)
    top = Place(path.name, "", document)
    form = _format(top)
    major = form.partition(".")[0]
    if major == "6":
        return atlas_v6.content(top, form=form, sha256=sha256_hex(raw))
    if major == "5":
        return atlas_v5.content(top, form=form, sha256=sha256_hex(raw))
    raise BadInputError(
        f"{path.name}: is of ATLAS format {form}; formats 5 and 6 are read: take dist/v6/ATLAS-YYYY.MM.yaml."
    )


def _format(top: Place) -> str:
    """`format-version`; before there was one, the version of the file, which is the format too."""
    names = top.names()
    if "format-version" in names:
        form = top.text("format-version")
    elif "matrices" in names and "version" in names:
        form = top.text("version")
    else:
        raise BadInputError(
            f"{top.filename}: is no ATLAS file, for it has neither format-version nor matrices; "
            "take dist/v6/ATLAS-YYYY.MM.yaml of mitre-atlas/atlas-data."
        )
    if not _VERSION.fullmatch(form):
        key = "format-version" if "format-version" in names else "version"
        raise top.error(key, f"is “{form}”, which is no version like 6.1.0; take the file as MITRE publishes it")
    return form
