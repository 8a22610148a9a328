"""How fast CloudTrail logs are read, against the plain `gzip` + `json` loop on the same bytes in the same run.

    python -m tests.bench.parse_cloudtrail [RECORDS]

Three shares of fine-tune events: none to speak of (as real logs are), one in a hundred, and nothing else (an import of
events that were filtered before). Prints a table; each figure is the best of three runs.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
import time
from collections.abc import Callable

from scanning.ingest.base import ParseContext
from scanning.ingest.registry import parse
from tests.bench.cloudtrail import other_record, training_job

SHARES = {"1 in 10,000": 10_000, "1 in 100": 100, "all": 1}
RUNS = 3


def log(records: int, one_in: int, seed: int = 7) -> bytes:
    """A log file, gzip, with one fine-tune event in `one_in` records."""
    chance = random.Random(seed)
    made = (training_job(n, chance) if n % one_in == 0 else other_record(n, chance) for n in range(records))
    joined = ",".join(json.dumps(record, separators=(",", ":")) for record in made)
    return gzip.compress(('{"Records":[' + joined + "]}").encode(), 5, mtime=0)


def plain(content: bytes) -> int:
    """What a short script does: everything in memory, decoded, filtered."""
    records = json.loads(gzip.decompress(content))["Records"]
    return sum(record["eventSource"].startswith(("sagemaker.", "bedrock.")) for record in records)


def ours(content: bytes) -> int:
    """Streamed, decoded where it matters, put into normal form, redacted, hashed."""
    parsing = parse("cloudtrail", io.BytesIO(content), ParseContext(file_name="bench.json.gz"))
    return sum(1 for _ in parsing)


def best(measured: Callable[[bytes], int], content: bytes) -> tuple[float, int]:
    """Processor seconds of the best run, and what it returned."""
    seconds, found = [], 0
    for _ in range(RUNS):
        start = time.process_time()
        found = measured(content)
        seconds.append(time.process_time() - start)
    return min(seconds), found


def main(records: int) -> None:
    """Print the table."""
    print(f"{records} records a log; processor seconds, best of {RUNS}")
    print(f"{'fine-tune share':>16} {'gzip MB':>8} {'plain s':>8} {'ours s':>8} {'records/s':>10} {'ours/plain':>10}")
    for label, one_in in SHARES.items():
        content = log(records, one_in)
        mine, events = best(ours, content)
        theirs, found = best(plain, content)
        assert found == events
        size, rate = len(content) / 1e6, records / mine
        print(f"{label:>16} {size:8.1f} {theirs:8.2f} {mine:8.2f} {rate:10.0f} {mine / theirs:10.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
