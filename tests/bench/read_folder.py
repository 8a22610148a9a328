"""How fast a folder of many small CloudTrail files becomes a matches document, against the plain loop over the same files.

    python -m tests.bench.read_folder [RECORDS [RECORDS_A_FILE]]

One record in a thousand is a fine-tune event. The plain loop is one process that unpacks each file with `gzip`, decodes it with
`json` and keeps what is of SageMaker or Bedrock; ours also hashes each file packed and unpacked, notes accounts, regions
and times, and writes the records with their places. Prints wall and processor seconds of each, and the memory of all processes.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import django

django.setup()

from scanning.services.log_folders import write_matches  # noqa: E402 - Django must be set up first
from tests.bench.cloudtrail import write_folder  # noqa: E402

RELEVANT_EVERY = 1000


def plain(files: Sequence[Path]) -> int:
    """What a short script does."""
    found = 0
    for path in files:
        records = json.loads(gzip.decompress(path.read_bytes()))["Records"]
        found += sum(record["eventSource"].startswith(("sagemaker.", "bedrock.")) for record in records)
    return found


def ours(files: Sequence[Path]) -> int:
    """What `ingest DIR --keep matches` does before it imports."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "matches.jsonl.gz"
        named = [(path, path.name) for path in files]
        return write_matches(files=named, requested_format="", original_held_at="bench", target=target).matches


def timed(measured: Callable[[Sequence[Path]], int], files: Sequence[Path]) -> tuple[float, float, int]:
    """Wall seconds, processor seconds of all processes, and what it returned."""

    def spent() -> float:
        return sum(
            use.ru_utime + use.ru_stime
            for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )

    before, start = spent(), time.perf_counter()
    found = measured(files)
    return time.perf_counter() - start, spent() - before, found


def main(records: int, records_a_file: int) -> None:
    """Print the table, for half of the records and for all, to show that time grows with their number alone."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_folder(
            Path(folder), records=records, records_a_file=records_a_file, relevant_every=RELEVANT_EVERY
        )
        print(f"{records} records in {len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.0f} MB gzip")
        print(f"{'records':>10} {'plain s':>8} {'cpu':>7} {'ours s':>8} {'cpu':>7} {'faster':>7} {'per cpu s':>9}")
        for part in (files[: len(files) // 2], files):
            (mine, mine_cpu, found), (theirs, theirs_cpu, expected) = timed(ours, part), timed(plain, part)
            assert found == expected, (found, expected)
            count = len(part) * records_a_file
            row = f"{count:10d} {theirs:8.2f} {theirs_cpu:7.2f} {mine:8.2f} {mine_cpu:7.2f}"
            print(f"{row} {theirs / mine:6.1f}x {theirs_cpu / mine_cpu:8.1f}x")
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process: {child:.0f} MiB; two of them read side by side")


if __name__ == "__main__":
    main(*(int(given) for given in (*sys.argv[1:], *("1000000", "200")[len(sys.argv) - 1 :])))
