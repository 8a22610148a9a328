"""Virtual environments for the peer, Adversarial Robustness Toolbox (ART) 1.20.1: it shares no package with Assay.

    python -m tests.bench.peer.environment [--folder var/bench/peer-venv]

Two, because TensorFlow in the same process would add to the memory that the PyTorch part is measured by. Each is made
once; a folder whose stamp names other requirements is made again. `measure` runs one of the scripts beside this file
inside such an environment, one thread, and gives what it printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from compliance.types.errors import BadInputError

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path("var/bench/peer-venv")
# `packaging` is named because ART imports it and does not declare it.
_BOTH = (
    "adversarial-robustness-toolbox==1.20.1",
    "packaging==26.3",
    "scikit-learn==1.9.1",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "safetensors==0.8.0",
)
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "torch": (*_BOTH, "torch==2.13.0"),
    "keras": (*_BOTH, "keras==3.15.1", "tensorflow-cpu==2.21.0"),
}
_INSTALL_TIMEOUT_S = 1800
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def ensure(folder: Path = FOLDER, kind: str = "torch") -> Path:
    """Path of the Python of the environment `kind` ("torch" or "keras") in `folder`, made on the first call.

    Raises BadInputError when it cannot be made.
    """
    place = folder.resolve() / kind
    python, stamp = place / "bin" / "python", place / "requirements.stamp"
    wanted = "\n".join(REQUIREMENTS[kind]) + "\n"
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(place, ignore_errors=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS[kind]]
    try:
        venv.create(place, with_pip=True)
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise BadInputError(
            f"the environment of the peer could not be made in {folder / kind}; on a machine with network run "
            f"`python -m tests.bench.peer.environment` again, or leave the peer out of the bench"
        ) from error
    stamp.write_text(wanted, encoding="utf-8")
    return python


def measure(python: Path, script: str, *arguments: str, threads: int = 1, timeout_s: float = 7200) -> dict[str, Any]:
    """Run `tests.bench.peer.<script>` with that Python and give the JSON object it printed last.

    Raises BadInputError when it ends without one.
    """
    settings = {name: str(threads) for name in _THREADS} | {"TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(python), "-m", f"tests.bench.peer.{script}", *arguments]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    try:
        printed: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise BadInputError(
            f"the peer's {script} ended with code {ran.returncode} and no result; it said: {said}"
        ) from error
    return printed


def main() -> None:
    """Make both environments and print where their Pythons are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    try:
        print(*(f"{kind}: {ensure(folder, kind)}" for kind in REQUIREMENTS), sep="\n")
    except BadInputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
