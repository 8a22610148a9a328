"""What the machine must have before Assay can run: checked, installed where that is allowed, else said exactly.

Run as `python -m compliance.preflight [--tests]` by the system's own Python, before the virtual environment exists:
so it uses the standard library alone. Exit codes: 0 all there, 2 something is missing (the command that gets it is
the last line on stderr). Packages are installed with apt when the caller is root or may use sudo without a password,
and `ASSAY_INSTALL=0` is not set.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = (3, 11)
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
POSTGRES_FOLDERS = "/usr/lib/postgresql"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing the machine must have: its name for people, the Debian package, and what finds it (None: absent)."""

    name: str
    package: str
    find: Callable[[], str | None]


def library(soname: str) -> Callable[[], str | None]:
    """Finds a shared library by loading it, as WeasyPrint will."""

    def find() -> str | None:
        try:
            ctypes.CDLL(soname)
        except OSError:
            return None
        return soname

    return find


def program(*names: str) -> Callable[[], str | None]:
    """Finds the first of these programs on PATH."""

    def find() -> str | None:
        return next((found for name in names if (found := shutil.which(name))), None)

    return find


def find_font() -> str | None:
    """Any font the system offers: Pango refuses to lay out text without one."""
    for folder in FONT_FOLDERS:
        found = next((p for p in Path(folder).expanduser().rglob("*.[ot]t[fc]")), None)
        if found:
            return str(found)
    return None


def find_postgres() -> str | None:
    """The folder of PostgreSQL's server programs: PATH first, then Debian's folders, the newest version first."""
    if initdb := shutil.which("initdb"):
        return str(Path(initdb).resolve().parent)
    versions = [p for p in Path(POSTGRES_FOLDERS).glob("*/bin/initdb") if p.parts[-3].isdigit()]
    newest = max(versions, key=lambda p: int(p.parts[-3]), default=None)
    return str(newest.parent) if newest else None


def find_venv() -> str | None:
    """Debian splits ensurepip off; without it a virtual environment has no pip."""
    return "venv" if importlib.util.find_spec("ensurepip") else None


RUN_NEEDS = (
    Need("python venv", f"python{PYTHON[0]}.{PYTHON[1]}-venv", find_venv),
    Need("pango", "libpango-1.0-0", library("libpango-1.0.so.0")),
    Need("pangoft2", "libpangoft2-1.0-0", library("libpangoft2-1.0.so.0")),
    Need("harfbuzz-subset", "libharfbuzz-subset0", library("libharfbuzz-subset.so.0")),
    Need("a font", "fonts-dejavu-core", find_font),
)
TEST_NEEDS = (
    Need("postgresql", "postgresql", find_postgres),
    Need("redis", "redis-server", program("redis-server", "valkey-server")),
    Need("chromium", "chromium", program("chromium", "chromium-browser", "google-chrome")),
    Need("pdfsig", "poppler-utils", program("pdfsig")),
    Need("qpdf", "qpdf", program("qpdf")),
    Need("softhsm2", "softhsm2", program("softhsm2-util")),
)


def missing(needs: Sequence[Need]) -> list[Need]:
    """Those of the needs that this machine does not meet."""
    return [need for need in needs if need.find() is None]


def privilege() -> list[str] | None:
    """The prefix that runs a command as root here, or None when this account may not."""
    if os.environ.get("ASSAY_INSTALL") == "0" or not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def install_command(packages: Sequence[str]) -> list[str]:
    """The apt command that installs these packages and nothing beside what they depend on."""
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]


def install(packages: Sequence[str], prefix: Sequence[str]) -> None:
    """Installs Debian packages; apt's words go to stderr. A failure shows in the second look for what is missing."""
    print(f"preflight: installing {' '.join(packages)}", file=sys.stderr)
    environ = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    for command in (["apt-get", "update", "-qq"], [*install_command(packages), "-qq"]):
        subprocess.run([*environ, *command], check=False, stdout=sys.stderr)


def found_line(needs: Sequence[Need]) -> str:
    """One line that says what was found; call it only when nothing is missing."""
    parts = [f"python {sys.version.split()[0]}"]
    for need in needs:
        if need in TEST_NEEDS:
            parts.append(f"{need.name} {describe(need)}")
        elif need.package.startswith("lib"):
            parts.append(need.name)
    return "preflight: found " + ", ".join(parts)


def describe(need: Need) -> str:
    """Where a test server or browser is; for the browser also its version, since pages are judged by it."""
    place = need.find() or "nowhere"
    if need.name != "chromium":
        return place
    answer = subprocess.run([place, "--version"], capture_output=True, text=True, check=False).stdout.split()
    version = next((word for word in answer if word[:1].isdigit()), "of unknown version")
    return f"{place} {version}"


def wrong_python(version: tuple[int, int]) -> str | None:
    """Why this Python cannot be used, or None."""
    if version == PYTHON:
        return None
    wanted = ".".join(map(str, PYTHON))
    return (
        f"Assay needs Python {wanted}, and this is {version[0]}.{version[1]}: "
        f"install Python {wanted} or name one with `make PYTHON=/path/to/python{wanted} ...`."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Checks, installs what it may, and answers 0 when nothing is missing."""
    parser = argparse.ArgumentParser(prog="python -m compliance.preflight", description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what the test suite needs")
    needs = (*RUN_NEEDS, *TEST_NEEDS) if parser.parse_args(argv).tests else RUN_NEEDS
    if refusal := wrong_python(sys.version_info[:2]):
        print(f"preflight: {refusal}", file=sys.stderr)
        return 2
    absent = missing(needs)
    prefix = privilege()
    if absent and prefix is not None:
        install([need.package for need in absent], prefix)
        importlib.invalidate_caches()
        absent = missing(needs)
    if absent:
        names = ", ".join(need.name for need in absent)
        command = " ".join(["sudo", *install_command([need.package for need in absent])])
        print(f"preflight: this machine lacks {names}. Install with:\n{command}", file=sys.stderr)
        return 2
    print(found_line(needs))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
