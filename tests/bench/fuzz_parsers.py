"""Byte mutations over the samples of every registered parser: drafts come out, or one sentence says why not.

    python -m tests.bench.fuzz_parsers [MUTATIONS [SEED]]

Each mutation is read in a child process that may use 500 MB and five seconds a document. A failure is any other exception, a
reject without place or reason, memory or time beyond that. The children name sample and seed of each; exit code 1 if there is
any. The same seed gives the same mutations.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from compliance.types.drafts import Reject
from compliance.types.errors import BadInputError
from scanning.ingest.registry import PARSERS
from tests.bench.peer.meter import peak_mib
from tests.scanning.ingest.reading import SAMPLES, context_of, expected_of, read

MEMORY, SECONDS = 500 << 20, 5
PROCESSES = 2
SHOWN = 20
JUNK = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b'"', b"{", b"[", b"}", b"]", b",", b":", b"\n", b"\r\n", b"NaN",
    b"-Infinity", b"1e999", b"9" * 40, b"-0.0", b"null", b"true", b"[]", b"{}", b'""', b"[" * 300, b'{"a":' * 300, b"=cmd()",
    b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"1970-01-01T00:00:00Z", b"2100-01-01T00:00:00Z", b"1763629200",
    b"1763629200000", b"../../../etc/passwd", b"x" * 70_000,
)  # fmt: skip


class TooSlowError(Exception):
    """A document took longer than it may."""


def known_samples() -> list[tuple[str, Path]]:
    """(format, file) of every sample that has an expected result beside it."""
    return [
        (name, path)
        for name in PARSERS
        for path in sorted((SAMPLES / name).rglob("*"))
        if expected_of(path).is_file() and path != expected_of(path)
    ]


def mutated(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """The content after one to eight acts of damage; `other` is what parts of it may come from."""
    packed = chance.random() < 0.1
    made = bytearray(gzip.compress(content, 1, mtime=0) if packed else content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _damage(made, other, chance)
    return bytes(made)


def _damage(made: bytearray, other: bytes, chance: random.Random) -> None:
    at, size = chance.randrange(len(made) + 1), chance.choice((1, 4, 40, 400))
    acts: tuple[Callable[[], object], ...] = (
        lambda: made.__setitem__(slice(at, at + 1), bytes([chance.randrange(256)])),
        lambda: made.__setitem__(slice(at, at + size), b""),
        lambda: made.__setitem__(slice(at, at), chance.choice(JUNK)),
        lambda: made.__setitem__(slice(at, at), made[at : at + size]),
        lambda: made.__setitem__(slice(at, at + size), made[at : at + size][::-1]),
        lambda: made.__setitem__(slice(at, at), other[(start := chance.randrange(len(other) + 1)) : start + size]),
        lambda: made.__delitem__(slice(at, None)),
    )
    chance.choices(acts, weights=(6, 4, 6, 3, 1, 3, 1))[0]()


def problem_of(name: str, content: bytes, original: bytes) -> str:
    """What is wrong with the way a document was read; "" if nothing."""
    try:
        drafts, _ = read(name, content, context_of(name, original))
    except BadInputError as error:
        return "" if str(error).strip().endswith(".") and "\n" not in str(error) else f"no sentence: {error!s}"
    except (Exception, MemoryError) as error:  # noqa: BLE001 - whatever it is, it is what we look for
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:120]} ({Path(where.filename).name}:{where.lineno})"
    for draft in drafts:
        if isinstance(draft, Reject) and not (draft.locator.strip() and draft.reason.strip()):
            return f"a reject that names nothing: {draft}"
    return ""


def child(first: int, count: int, seed: int) -> None:
    """Read `count` mutations; print one JSON line with the problems and the slowest document."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"longer than {SECONDS} s")

    signal.signal(signal.SIGALRM, ring)
    samples = [(name, path, path.read_bytes()) for name, path in known_samples()]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    problems, slowest, slow = [], 0.0, ""
    for number in range(first, first + count):
        chance = random.Random(f"{seed}-{number}")
        name, path, content = samples[number % len(samples)]
        made = mutated(content, chance.choice(samples)[2], chance)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        start = time.perf_counter()
        problem = problem_of(name, made, content)
        signal.setitimer(signal.ITIMER_REAL, 0)
        taken = time.perf_counter() - start
        if taken > slowest:
            slowest, slow = taken, f"{path.relative_to(SAMPLES)} #{number}"
        if problem or taken > SECONDS:
            problems.append(f"{path.relative_to(SAMPLES)} #{number}: {problem or f'took {taken:.1f} s'}")
    peak = int(peak_mib())
    print(json.dumps({"problems": problems, "slowest": slowest, "slow": slow, "peak": peak}))


def main(mutations: int, seed: int) -> int:
    """Share the mutations out among processes, and tell what they found."""
    share = -(-mutations // PROCESSES)
    start = time.perf_counter()
    command = [sys.executable, "-m", "tests.bench.fuzz_parsers", "--child"]
    children = [
        subprocess.Popen([*command, str(n * share), str(share), str(seed)], stdout=subprocess.PIPE, env=os.environ)
        for n in range(PROCESSES)
    ]
    answers = [process.communicate()[0] for process in children]
    died = [f"a child ended with {process.returncode}" for process in children if process.returncode]
    told = [json.loads(answer) for answer in answers if answer]
    problems = died + [problem for one in told for problem in one["problems"]]
    worst = max(told, key=lambda one: one["slowest"], default={"slowest": 0.0, "slow": "", "peak": 0})
    print(
        f"{share * PROCESSES} mutations of {len(known_samples())} samples of {len(PARSERS)} formats, seed {seed}, in "
        f"{time.perf_counter() - start:.0f} s: {len(problems)} problems; slowest document {worst['slowest']:.2f} s "
        f"({worst['slow']}); peak memory {max((one['peak'] for one in told), default=0)} MiB"
    )
    for problem in problems[:SHOWN]:
        print(" ", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*map(int, sys.argv[2:]))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
