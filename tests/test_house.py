"""The house rules that no linter knows: words, sizes, accessible templates, nothing of one machine, live URL names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLResolver, get_resolver

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted(
    p for app in ("compliance", "scanning") for p in (ROOT / app).rglob("*.py") if "migrations" not in p.parts
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [p for p in TEMPLATES if "pdf" not in p.parts]  # the PDF's templates style themselves, no browser policy there
CONTENT = sorted(p for p in (ROOT / "compliance" / "catalogs").rglob("*") if p.suffix in {".yaml", ".yml", ".json"})
PLAIN_ENGLISH = ("types", "packs", "detectors", "filescan", "ingest", "entitlement", "normalise.py")
MOST_LINES = 400
ONE_FILE = {"assay_verify.py"}  # handed to people as one file, so that nothing else has to come along
MOST_FUNCTION_LINES = 50
MOST_TENSOR_LINES = 80

FORBIDDEN_WORDS = re.compile(
    r"\b(clean(?:ed|er)?|clear(?:ed)?|proof|proves?n?|guarantee[sd]?|compliant)\b", re.IGNORECASE
)
# A word is forbidden of a model; these phrases say it of something else. Each has its reason.
ALLOWED_PHRASES = {
    r"clear (?:all|the|this|these)? ?(?:filters?|search|selection|field|form)": "what a button does",
    r"clean(?:-label)? (?:accuracy|images?|samples?|inputs?|label|data|inference)": "the literature's term for inputs",
    r"clean-label": "the name of an attack",
    r"(?:inclusion|consistency|merkle|audit|possession|tamper)[- ]proof": "mathematics, or the negation in prose",
    r"proof[- ]of[- ](?:inclusion|consistency|possession|concept)": "mathematics, or the name of a demonstration",
    r"clear[- ](?:text|language|owner|rule|statement|responsibilit\w+|criteri\w+|procedure)": "not of a model",
    r"(?:not|no|never|cannot|nor|without) (?:be |a |an |as |been |say |called? |means? |it is )*"
    r"(?:clean(?:ed)?|clear(?:ed)?|proof|proven?|guaranteed?|compliant)": "the denial is the point",
}
ALLOWED = re.compile("|".join(f"(?:{phrase})" for phrase in ALLOWED_PHRASES), re.IGNORECASE)
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}

COMMENT = re.compile(r"\{#.*?#\}|\{% comment .*?endcomment %\}|<!--.*?-->", re.DOTALL)
TRANSLATE = re.compile(r"\{%\s*(?:translate|trans)\s+([\"'])(.*?)\1", re.DOTALL)
SPOKEN_ATTRIBUTE = re.compile(r"\b(?:title|alt|placeholder|label|aria-[a-z]+|text|heading)=([\"'])(.*?)\1", re.DOTALL)
TAG = re.compile(r"<[^>]*>|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
URL_TAG = re.compile(r"\{%\s*url\s+[\"']([^\"']+)[\"']")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|opt|home|farm|Users)/[a-z]")


def ids(paths: list[Path]) -> list[str]:
    return [str(p.relative_to(ROOT)) for p in paths]


def misused(text: str) -> list[str]:
    """The forbidden words of a text, each with a little of what stands around it."""
    rest = ALLOWED.sub(lambda match: " " * len(match.group()), text)
    return [" ".join(text[max(0, m.start() - 40) : m.end() + 20].split()) for m in FORBIDDEN_WORDS.finditer(rest)]


def spoken(template: str) -> str:
    """What a template says to a reader: text, translated strings and spoken attributes; no tags, no comments."""
    source = COMMENT.sub(" ", template)
    strings = [match.group(2) for rule in (TRANSLATE, SPOKEN_ATTRIBUTE) for match in rule.finditer(source)]
    return "\n".join([TAG.sub(" ", source), *strings])


def translated_strings(tree: ast.AST) -> Iterator[str]:
    """Strings that go through gettext."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in GETTEXT:
                yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def plain_sentences(tree: ast.AST) -> Iterator[str]:
    """String constants with a blank in them that are no docstring: what pure packages say to people."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and " " in value and id(node) not in documented:
            yield value


@pytest.mark.parametrize("said", ["This model is clean.", "Clear of backdoors", "guaranteed safe", "fully compliant"])
def test_the_word_rule_catches_a_verdict(said: str) -> None:
    assert misused(said)


@pytest.mark.parametrize("said", ["Clear filters", "clean accuracy 0.98", "A pass is never proof.", "non-compliance"])
def test_the_word_rule_leaves_other_uses_alone(said: str) -> None:
    assert misused(said) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_pages_and_packs_never_overstate(path: Path) -> None:
    assert misused(spoken(path.read_text(encoding="utf-8"))) == []


def test_strings_and_content_never_overstate() -> None:
    wrong: dict[str, list[str]] = {}
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        plain = any(part in PLAIN_ENGLISH for part in path.relative_to(ROOT).parts[1:2])
        strings = [*translated_strings(tree), *(plain_sentences(tree) if plain else ())]
        if found := [hit for string in strings for hit in misused(string)]:
            wrong[str(path.relative_to(ROOT))] = found
    assert wrong == {}


def test_files_and_functions_stay_small() -> None:
    large: list[str] = []
    for path in CODE:
        source = path.read_text(encoding="utf-8")
        name = str(path.relative_to(ROOT))
        if (lines := source.count("\n")) > MOST_LINES and path.name not in ONE_FILE:
            large.append(f"{name}: {lines} lines")
        most = MOST_TENSOR_LINES if "detectors" in path.parts else MOST_FUNCTION_LINES
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > most:
                    large.append(f"{name}: {node.name} has {length} lines")
    assert large == []


CLOCKS = {"localdate", "localtime", "now", "today", "utcnow", "in_days"}


def read_when_imported(tree: ast.AST) -> Iterator[int]:
    """The lines at which importing a module reads the clock: all that runs outside functions, with decorators and defaults."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
            for part in (*node.decorator_list, *defaults):
                yield from read_when_imported(ast.Expr(part))
            continue
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in CLOCKS:
                yield node.lineno
        yield from read_when_imported(node)


def test_no_module_keeps_the_day_of_its_import() -> None:
    """A worker runs for months, and the suite over midnight."""
    modules = [*CODE, *sorted((ROOT / "tests").rglob("*.py"))]
    kept = [f"{p.relative_to(ROOT)}:{line}" for p in modules for line in read_when_imported(ast.parse(p.read_text()))]
    assert kept == []


@pytest.mark.parametrize(
    "source",
    ["D = date.today()", "@p([now()])\ndef f(): ...", "def f(d=localdate()): ...", "class A:\n    d = (in_days(1),)"],
)
def test_the_rule_of_days_catches_what_is_kept(source: str) -> None:
    assert list(read_when_imported(ast.parse(source)))


def test_no_module_is_named_for_nothing() -> None:
    names = {"utils", "helpers", "common", "manager", "misc"}
    assert [str(p) for p in CODE if p.stem in names or names & set(p.relative_to(ROOT).parts)] == []


def test_nothing_of_one_machine_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    wrong = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if "vendor" in path.parts or "samples" in path.parts or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        wrong += [f"{name}: {m.group()}" for m in MACHINE_PATH.finditer(text) if path != Path(__file__)]
    assert wrong == []


@pytest.mark.parametrize("path", TEMPLATES, ids=ids(TEMPLATES))
def test_table_headers_say_what_they_head(path: Path) -> None:
    headers = re.findall(r"<th\b[^>]*>", COMMENT.sub("", path.read_text(encoding="utf-8")))
    assert [header for header in headers if "scope=" not in header] == []


@pytest.mark.parametrize("path", PAGES, ids=ids(PAGES))
def test_pages_keep_to_the_content_policy(path: Path) -> None:
    source = COMMENT.sub("", path.read_text(encoding="utf-8"))
    inline = re.findall(r"<style\b|\sstyle=|\son[a-z]+=[\"']|\bhx-on|javascript:|<script(?![^>]*\bsrc=)[^>]*>", source)
    foreign = re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//[^\"']*\.(?:js|css|woff2?|png|svg)", source)
    assert (inline, foreign) == ([], [])


def url_names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Every name that `{% url %}` can find, with its namespaces."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from url_names(pattern, f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix)
        elif pattern.name:
            yield f"{prefix}{pattern.name}"


def test_every_url_name_in_templates_exists() -> None:
    known = set(url_names(get_resolver()))
    used = {(n, p) for p in TEMPLATES for n in URL_TAG.findall(COMMENT.sub("", p.read_text(encoding="utf-8")))}
    assert sorted(f"{p.relative_to(ROOT)}: {name}" for name, p in used if name not in known) == []


def test_naming_the_detectors_loads_no_torch() -> None:
    code = "import sys, scanning.detectors.registry; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
