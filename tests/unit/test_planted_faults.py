"""The faults that `python -m tests.mutants` plants: one place each, named so that a reader sees what was changed."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, accepted_faults, modules
from tests.mutants.plant import Fault, faults


def planted(tmp_path: Path, source: str) -> list[Fault]:
    path = tmp_path / "some.py"
    path.write_text(source)
    return faults("some", path)


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        ("a = b < 3", ["a = None", "a = b <= 3", "a = b < 4"]),
        ("a = not b", ["a = None", "a = b"]),
        ("a: int = -1", ["a: int = None", "a: int = 1", "a: int = -2"]),
        ("a += 'x'", ["a -= 'x'", "a += '~x~'"]),
        ("a = b and True", ["a = None", "a = b or True", "a = b and False"]),
        ("f(1, a=2, strict=True)", ["pass", "f(1, strict=True)", "f(2, a=2, strict=True)", "f(1, a=3, strict=True)"]),
        ("if a:\n    continue", ["if True:", "if False:", "break"]),
        ("a = [b for b in c if b]", ["a = None", "a = [b for b in c]"]),
        ("return", []),
        ("'A docstring.'", []),
    ],
)  # fmt: skip
def test_one_place_is_changed_at_a_time(tmp_path: Path, statement: str, changes: list[str]) -> None:
    body = statement.replace("\n", "\n        ")
    found = planted(tmp_path, f"def f(a, b, c):\n    for d in c:\n        {body}\n")
    assert sorted(fault.change.partition(" -> ")[2] for fault in found) == sorted(changes)
    assert {fault.function for fault in found} <= {"f"}


def test_a_fault_has_a_name_that_does_not_depend_on_its_line(tmp_path: Path) -> None:
    source = "class A:\n    @property\n    def b(self) -> 'int':\n        return 1\n"
    (one,), (moved,) = planted(tmp_path, source), planted(tmp_path, f"# ...\n{source}")
    assert (one.name, one.line, moved.line) == ("some.A.b: return 1 -> return 2", 4, 5)
    assert one.name == moved.name


def test_what_is_worked_out_at_import_takes_effect_there(tmp_path: Path) -> None:
    source = "B = f()\n\ndef f(a=1):\n    return 2\n\ndef g(a=3):\n    return 4\n"
    assert {fault.change: fault.function for fault in planted(tmp_path, source)} == {
        "B = f() -> B = None": None, "def f(a=1): -> def f(a=2):": None, "return 2 -> return 3": None,
        "def g(a=3): -> def g(a=4):": None, "return 4 -> return 5": "g",
    }  # fmt: skip


def test_a_fault_is_compiled_into_its_module(tmp_path: Path) -> None:
    values: list[object] = []
    for fault in planted(tmp_path, "a = 1\nb = a + 2\n"):
        module: dict[str, object] = {"a": 0}
        try:
            exec(fault.compiled(), module)
        except TypeError:
            values.append(TypeError)
        else:
            values.append((module["a"], module["b"]))
    assert values == [TypeError, (2, 4), (1, None), (1, -1), (1, 4)]


def test_every_accepted_fault_is_one_that_is_planted() -> None:
    strangers = [
        name
        for module, accepted in accepted_faults().items()
        for name in accepted.keys()
        - {fault.name for fault in faults(module, ROOT.joinpath(*module.split(".")).with_suffix(".py"))}
    ]
    assert not strangers
    assert accepted_faults().keys() <= {*modules()}
