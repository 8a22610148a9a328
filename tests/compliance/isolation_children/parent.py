"""Starts a sleeping child and waits for it: the test kills this parent and looks for the child."""

import sys
from pathlib import Path

from compliance.isolation import run_isolated

if __name__ == "__main__":
    run_isolated(
        module="tests.compliance.isolation_children.behave",
        request={"act": "sleep", "pid_file": sys.argv[1]},
        wall_seconds=50,
        cpu_seconds=5,
        writable=[Path(sys.argv[1]).parent],
    )
