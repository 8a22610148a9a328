"""Builds the bank that ships for the demonstration's family: small CNNs on MNIST 5k, references and planted ones.

    .venv/bin/python -m tests.bench.mnist_bank --threads 2

Models and measurements are kept in var/banks/mnist, so a changed setting of a stage costs a measurement and no training.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from compliance.types.drafts import Progress
from scanning.detectors.architectures import SMALL_CNN
from scanning.detectors.bank_building import Plan, build_bank
from scanning.detectors.combination import power_of
from scanning.detectors.demo import BANK, held_out_images
from scanning.detectors.mnist import fetch_mnist, read_mnist, split_mnist
from scanning.detectors.references import read_bank
from scanning.detectors.registry import COMPARING

FOLDER = Path("var/banks/mnist")
ATTACKS = ("patch-1%", "patch-10%", "blended-10%")


def plan(folder: Path, *, detectors: tuple[str, ...]) -> Plan:
    """The bank's plan; its images are written to `folder` as the demonstration writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    training, images = split_mnist(read_mnist(fetch_mnist(Path("var/data"))))
    held_out_images(training, folder / "training.npz")
    held_out_images(images, folder / "held-out.npz")
    return Plan(
        name="MNIST 5k, small CNN", architecture=SMALL_CNN, images=folder / "held-out.npz",
        training=folder / "training.npz", references=39, attacks=ATTACKS, planted=20, seed=5000, detectors=detectors,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--train-only", action="store_true", help="train the models and measure nothing yet")
    chosen = parser.parse_args()
    started, cpu = time.perf_counter(), time.process_time()

    def say(progress: Progress) -> None:
        print(f"{progress.done} of {progress.total}, {time.perf_counter() - started:.0f} s", flush=True)

    detectors = () if chosen.train_only else COMPARING
    made = build_bank(plan(FOLDER, detectors=detectors), FOLDER, threads=chosen.threads, on_progress=say)
    print(made, f"{time.process_time() - cpu:.0f} CPU s")
    if not chosen.train_only:
        BANK.parent.mkdir(exist_ok=True)
        shutil.copyfile(made["path"], BANK)
        print(*(row.words() for row in power_of(read_bank(BANK)[0])), sep="\n")


if __name__ == "__main__":
    main()
