"""What hashing costs: one large file against sha256sum, a data set of many files, and the tensors of a model.

    python -m tests.bench.hashing [--gigabytes 1] [--files 20000] [--rounds 5] [--folder DIR]

CPU seconds are user and system time of the process that hashes; sha256sum and openssl, where there is one, hash the same file
in turn with it, and the fastest of the rounds counts. Everything is made in a temporary folder and removed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scanning.filescan.hashing import cores, sha256_of
from scanning.filescan.manifest import hash_dataset
from scanning.filescan.tensor_digests import safetensors_digests

PIECE = 64 << 20


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds."""

    wall: float
    cpu: float


def timed(work: Callable[[], object], who: int = resource.RUSAGE_SELF) -> Cost:
    """What a call costs; RUSAGE_CHILDREN for a program that it waits for."""
    before, started = resource.getrusage(who), time.perf_counter()
    work()
    wall, after = time.perf_counter() - started, resource.getrusage(who)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(costs: list[Cost]) -> Cost:
    """The least of each, over the rounds."""
    return Cost(min(cost.wall for cost in costs), min(cost.cpu for cost in costs))


def large_file(folder: Path, gigabytes: float) -> Path:
    """Bytes that are the same in every run."""
    path, piece = folder / "large.bin", random.Random(1).randbytes(PIECE)
    with path.open("wb") as stream:
        for _ in range(round(gigabytes * (1 << 30) / PIECE)):
            stream.write(piece)
    return path


def data_set(folder: Path, files: int) -> Path:
    """Small files in ten folders, as pictures of CIFAR-10 would be."""
    root, source = folder / "pictures", random.Random(2)
    for number in range(10):
        (root / str(number)).mkdir(parents=True)
    for number in range(files):
        (root / str(number % 10) / f"{number}.png").write_bytes(source.randbytes(2500))
    return root


def model(folder: Path, content: Path, tensors: int) -> Path:
    """The large file's bytes as a safetensors file of equal tensors."""
    size = content.stat().st_size // tensors // 4 * 4
    header = {
        f"layer.{n}": {"dtype": "F32", "shape": [size // 4], "data_offsets": [n * size, (n + 1) * size]}
        for n in range(tensors)
    }
    encoded, path = json.dumps(header).encode(), folder / "model.safetensors"
    with content.open("rb") as source, path.open("wb") as out:
        out.write(struct.pack("<Q", len(encoded)) + encoded)
        for _ in range(tensors):
            out.write(source.read(size))
    return path


def hash_file(path: Path) -> str:
    """As a scan does."""
    with path.open("rb", buffering=0) as stream:
        return sha256_of(stream, lambda _: None)[1]


def one_file(path: Path, rounds: int) -> None:
    """The same file by us and by each program there is, in turn."""
    programs = {"sha256sum": ["sha256sum", str(path)], "openssl": ["openssl", "dgst", "-sha256", str(path)]}
    programs = {name: command for name, command in programs.items() if shutil.which(name)}
    costs: dict[str, list[Cost]] = {"Assay": [], **{name: [] for name in programs}}
    for _ in range(rounds):
        costs["Assay"].append(timed(lambda: hash_file(path)))
        for name, command in programs.items():

            def run(command: list[str] = command) -> None:
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

            costs[name].append(timed(run, resource.RUSAGE_CHILDREN))
    ours = best(costs["Assay"])
    print(
        f"| one file of {path.stat().st_size / (1 << 30):.2f} GiB | CPU s | wall s | Assay's CPU / its CPU |\n|---|---|---|---|"
    )
    for name, rows in costs.items():
        found = best(rows)
        print(f"| {name} | {found.cpu:.3f} | {found.wall:.3f} | {ours.cpu / found.cpu:.3f} |")


def many(label: str, work: Callable[[int], object], rounds: int) -> None:
    """One thread against all processors."""
    alone = best([timed(lambda: work(1)) for _ in range(rounds)])
    together = best([timed(lambda: work(cores())) for _ in range(rounds)])
    print(
        f"| {label} | {alone.cpu:.3f} | {alone.wall:.3f} | {together.cpu:.3f} | {together.wall:.3f} | "
        f"{alone.wall / together.wall:.2f} |"
    )


def main() -> None:
    """Run the bench and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as made:
        folder = Path(made)
        path = large_file(folder, chosen.gigabytes)
        expected = hashlib.sha256(path.read_bytes()).hexdigest() if chosen.gigabytes <= 2 else hash_file(path)
        if hash_file(path) != expected:
            raise SystemExit("the digest is wrong")
        one_file(path, chosen.rounds)
        print(
            f"\n| {cores()} processors, load {os.getloadavg()[0]:.1f} | CPU s, 1 thread | wall s | CPU s, all | wall s | gain |"
        )
        print("|---|---|---|---|---|---|")
        weights = model(folder, path, 100)
        many("tensors of one model (100)", lambda threads: safetensors_digests(weights, threads=threads), chosen.rounds)
        small = data_set(folder, chosen.files)
        many(f"data set of {chosen.files} files", lambda threads: hash_dataset(small, threads=threads), chosen.rounds)
        large = folder / "large"
        large.mkdir()
        for number in range(8):
            with (large / f"{number}.bin").open("wb") as out, path.open("rb") as source:
                out.write(source.read(PIECE))
        many("data set of 8 files of 64 MiB", lambda threads: hash_dataset(large, threads=threads), chosen.rounds)


if __name__ == "__main__":
    main()
