from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import ExitCode
from scanning.filescan.manifest import hash_dataset


class Command(AssayCommand):
    help = (
        "Take the hash manifest of a data set: every file's SHA-256 and one root over all (--json prints the manifest)."
    )
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="a folder or a single file")
        parser.add_argument(
            "--threads", type=int, default=0, metavar="N", help="files hashed at once (default: a core each)"
        )

    def answer(self, options: dict[str, Any]) -> Answer:
        manifest = hash_dataset(options["path"], threads=max(0, options["threads"]), on_progress=self.show_progress)
        lines = [f"{manifest.name}: {manifest.files} files, {manifest.size} bytes", f"root {manifest.root}"]
        lines += [f"{label}: {count}" for label, count in manifest.labels.items()]
        return Answer(code=ExitCode.POSITIVE, document=manifest.to_json(), lines=lines)
