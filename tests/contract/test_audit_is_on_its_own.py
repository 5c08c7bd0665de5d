"""The second implementation shares no code with the services: it imports the standard library and asyncpg alone."""

import ast
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / "libs" / "audit" / "audit"
MAY_IMPORT = sys.stdlib_module_names | {"asyncpg", "audit"}


def imported(module: Path) -> set[str]:
    """The top-level packages that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("module", sorted(AUDIT.rglob("*.py")), ids=lambda path: str(path.relative_to(AUDIT)))
def test_a_module_of_the_audit_imports_nothing_of_ours(module: Path) -> None:
    assert imported(module) <= MAY_IMPORT
