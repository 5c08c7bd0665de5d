"""The house rules that no linter knows: where things live, how long they may grow, what may not be here at all."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "registers": "registers",
    "absence-engine": "absence_engine",
    "casework": "casework",
    "notifications": "notifications",
}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
SQL = re.compile(r"\A\s*(select\b|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b|with\s+\w+\s*(\(|as\b))", re.I)


@cache
def kept_files() -> list[Path]:
    """Every file of the repository, those about to be added included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@cache
def modules() -> dict[Path, ast.Module]:
    """The product's own Python, parsed."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in kept_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ("services", "libs")
    }


def said(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_every_service_has_the_same_rooms() -> None:
    for folder, package in SERVICES.items():
        root = ROOT / "services" / folder / package
        rooms = ["domain", "store", "actions", "api", "main"] + ([] if package == "registers" else ["consumer"])
        missing = [room for room in rooms if not (root / room).is_dir() and not (root / f"{room}.py").is_file()]
        assert not missing, f"{folder} lacks {missing}"


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without those of the functions inside it, which are counted for themselves."""
    inner = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function
    ]
    covered = {line for node in inner for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(set(range(function.lineno, (function.end_lineno or function.lineno) + 1)) - covered)


def test_modules_and_functions_stay_short() -> None:
    long: list[str] = []
    for path, tree in modules().items():
        if path.parent.name == "versions":  # a migration is never changed, so it can't grow
            continue
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST_MODULE:
            long.append(f"{said(path, 1)} has {length} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = own_lines(node)
                if lines > LONGEST_FUNCTION:
                    long.append(f"{said(path, node.lineno)} {node.name} has {lines} lines")
    assert not long, "\n".join(long)


def test_every_module_says_what_it_is() -> None:
    assert not [said(path, 1) for path, tree in modules().items() if not ast.get_docstring(tree)]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def test_only_the_kafka_broker_knows_aiokafka() -> None:
    known = {
        path.relative_to(ROOT).as_posix()
        for path, tree in modules().items()
        if any(name.split(".")[0] == "aiokafka" for name, _ in imports(tree))
    }
    assert known
    assert all(path.startswith("libs/common/common/kafka") for path in known), known


def test_sql_lives_in_the_stores() -> None:
    """The audit's and the bench's are their own: they read beside the services."""
    strayed: list[str] = []
    for path, tree in modules().items():
        parts = path.relative_to(ROOT).parts
        if parts[0] != "services" or "store" in parts:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
                strayed.append(said(path, node.lineno))
    assert not strayed, strayed


def test_what_was_not_foreseen_is_caught_in_one_place_at_most() -> None:
    """`except BaseException` that raises again cleans up; it catches nothing."""
    caught: list[str] = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = ast.unparse(node.type) if node.type else "everything"
            if kinds in ("Exception", "everything"):
                caught.append(said(path, node.lineno))
            elif kinds == "BaseException":
                assert any(isinstance(inner, ast.Raise) for inner in ast.walk(node)), said(path, node.lineno)
    assert len(caught) <= 1, caught


def test_nothing_is_left_for_later() -> None:
    words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "pragma: no " + "cover", "mark." + "skip", "mark." + "xfail"]
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in kept_files()
        if path.suffix in (".py", ".md", ".toml", ".yml", ".html", ".txt", ".sql", "")
        for word in words
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found, found


def test_no_package_registry_is_named() -> None:
    """Whoever installs decides where from."""
    hosts = [
        "py" + "pi.org",
        "files.python" + "hosted.org",
        "npm" + "js.org",
        "npm" + "js.com",
        "crates" + ".io",
        "maven" + ".org",
        "maven" + ".apache.org/maven2",
        "proxy.go" + "lang.org",
        "deb.deb" + "ian.org",
    ]
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in kept_files()
        for host in hosts
        if host in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found, found


@pytest.mark.parametrize("name", ["README.md", "CHANGES.md", "Makefile", "Dockerfile", "docker-compose.yml", ".ci/run"])
def test_the_house_is_complete(name: str) -> None:
    assert (ROOT / name).is_file()
