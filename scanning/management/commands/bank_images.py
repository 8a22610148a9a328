from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.types.verdicts import ExitCode
from scanning.detectors import bank_images


class Command(AssayCommand):
    help = "Fetch the images that a shipped reference bank was measured with, to test models of its family beside it."
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bank", metavar="BANK", help=f"one of {', '.join(sorted(bank_images.SOURCES))}")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="where to write them")

    def answer(self, options: dict[str, Any]) -> Answer:
        out: Path = options["out"]
        if out.suffix != ".npz" or not out.resolve().parent.is_dir():
            raise CommandError(f"{out}: name a file that ends in .npz, in a folder that exists.")
        made = bank_images.write_bank_images(options["bank"], out, cache=settings.VAR / "data")
        lines = [f"{made['path']}: {made['images']} images, {made['name']}", f"SHA-256 of the images {made['sha256']}"]
        return Answer(code=ExitCode.POSITIVE, document=made, lines=lines)
