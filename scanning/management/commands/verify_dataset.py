from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.types.errors import BadInputError
from compliance.types.verdicts import ExitCode
from scanning.filescan.manifest import DatasetManifest, manifest_from_json, verify_dataset
from scanning.services import datasets

_LARGEST = 1 << 30


class Command(AssayCommand):
    help = "Compare a data set with its hash manifest, byte for byte."
    seals = False  # without --record nothing is written, and no database is needed

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the data set: a folder or a single file")
        parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="what `hash_dataset --json` printed")
        parser.add_argument(
            "--record", action="store_true", help="keep the result with the registered versions of this manifest"
        )

    def answer(self, options: dict[str, Any]) -> Answer:
        manifest = _read(options["manifest"])
        self.seals = options["record"]
        found = verify_dataset(options["path"], manifest, on_progress=self.show_progress)
        recorded = datasets.record_verification(manifest=manifest, found=found) if options["record"] else 0
        lines = ["the data set is as the manifest says" if found.matches else "the data set differs from the manifest"]
        for word, paths in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
            lines += [f"{word}: {path}" for path in paths]
        code = ExitCode.POSITIVE if found.matches else ExitCode.NEGATIVE
        if options["record"]:
            lines.append(f"recorded with {recorded} registered version{'' if recorded == 1 else 's'}")
        return Answer(code=code, document=found.to_json() | {"recorded": recorded}, lines=lines)


def _read(path: Path) -> DatasetManifest:
    """The manifest in a file. Raises BadInputError, FileNotFoundError."""
    if path.stat().st_size > _LARGEST:
        raise BadInputError(f"{path.name} is larger than 1 GiB, too large for a manifest.")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path.name} is not JSON ({error}); give what `hash_dataset --json` printed.") from error
    return manifest_from_json(document)
