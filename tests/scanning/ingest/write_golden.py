"""Writes the expected result of samples, to be read by a person against docs/formats.md before it is kept.

.venv/bin/python -m tests.scanning.ingest.write_golden tests/samples/FORMAT/SAMPLE...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.scanning.ingest.reading import SAMPLES, expected_of, golden


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name).resolve()
        found = golden(path.relative_to(SAMPLES).parts[0], path.read_bytes())
        expected_of(path).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{expected_of(path).name}: {len(found['drafts'])} drafts")


if __name__ == "__main__":
    main()
