"""What the texts say of settings, commands, targets and files is compared with the thing itself, so that neither drifts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
APPS = ("compliance", "scanning")

ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>`[^`]*`|empty) \| (?P<meaning>.+) \|$", re.MULTILINE)
COMMAND_ROW = re.compile(r"^\| `(?P<name>[a-z_]+)[^`|]*(?:\\\|[^`|]*)*` \| .+ \| (?P<codes>[0-3 ]+) \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<fragment>[^)\s]*))?\)")
CODE_BLOCK = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# Defaults are worked out as they come out of an empty environment, with the folders as they are seen from the checkout.
NAMES = {
    "PRODUCTION": False,
    "production": False,
    "BASE_DIR": Path(),
    "VAR": Path("var"),
    "EVIDENCE_ROOT": Path("var/evidence"),
    "str": str,
}


def spelt(value: object) -> str:
    """A default as a person would type it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else str(value)
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def read_by_settings() -> dict[str, str]:
    """Every variable that the settings read, with its default, in the order of the files."""
    found: dict[str, str] = {}
    files = ("settings.py", "sign_in_settings.py", "notice_settings.py")
    trees = [ast.parse((ROOT / "compliance" / name).read_text(encoding="utf-8")) for name in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env":
            name = ast.literal_eval(call.args[0])
            default = next(keyword.value for keyword in call.keywords if keyword.arg == "default")
            value = spelt(eval(ast.unparse(default), {"__builtins__": {}}, NAMES))
            found[name] = f"`{value}`" if value else "empty"
    return found


def test_the_table_of_variables_is_what_the_settings_read() -> None:
    assert {row["name"]: row["default"] for row in ROW.finditer(README)} == read_by_settings()


def test_nothing_but_the_settings_reads_the_environment_behind_the_table() -> None:
    documented = {row["name"] for row in ROW.finditer(README)} | {"ASSAY_INSTALL", "FONTCONFIG_FILE", "TMPDIR"}
    asked = re.compile(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"")
    sources = [path.read_text(encoding="utf-8") for app in APPS for path in (ROOT / app).rglob("*.py")]
    assert {name for source in sources for name in asked.findall(source)} - documented == set()


def commands() -> set[str]:
    """Every management command of ours."""
    return {path.stem for app in APPS for path in (ROOT / app).glob("management/commands/[a-z]*.py")}


def test_every_command_is_in_the_readme() -> None:
    assert {row["name"] for row in COMMAND_ROW.finditer(README)} == commands()


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_commands_and_targets_exist(text: Path) -> None:
    content = text.read_text(encoding="utf-8")
    own = commands() | {"migrate", "check", "changepassword", "shell", "makemigrations", "spectacular", "collectstatic"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"manage\.py ([a-z][a-z_]+)", content)) - own == set()
    named = re.findall(r"^ +(?:SERVE=0 )?make ([a-z-]+)|`(?:SERVE=0 )?make ([a-z-]+)`", content, re.MULTILINE)
    assert {indented or quoted for indented, quoted in named} - targets == set()


def slugs(text: str) -> Iterator[str]:
    """The fragments under which a page's headings are reached: lower case, blanks as hyphens, other signs dropped."""
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(text: Path) -> None:
    content = CODE_BLOCK.sub("", text.read_text(encoding="utf-8"))
    broken = []
    for link in LINK.finditer(content):
        target = (text.parent / link["path"]).resolve() if link["path"] else text
        found = target.exists()
        if found and link["fragment"]:
            found = link["fragment"] in set(slugs(target.read_text(encoding="utf-8")))
        if not found:
            broken.append(link.group())
    assert broken == []
