"""The faults that are planted: each a change of one place of a module, as somebody might have written it wrongly.

A comparison, an operator, a number, a text, a condition, a filter, a value that is not assigned, a keyword that is left
out, a statement that is not there. What is no behaviour stays: annotations, docstrings, decorators, names of types.
"""

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}  # fmt: skip
LEFT_OUT = {"annotation", "returns", "decorator_list", "bases"}
CONTEXT = 50
"""So many characters beside a change are shown of a long statement."""


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """A change of one place. `function`: the outermost one (a qualified name) whose code it changes; None where it
    takes effect while the module is imported. `change`: the statement before and after.
    """

    module: str
    function: str | None
    path: Path
    line: int
    change: str
    tree: ast.Module
    old: ast.AST
    new: ast.AST

    @property
    def name(self) -> str:
        """What it is known by: not its line, which moves."""
        return f"{self.module}.{self.function or '(import)'}: {self.change}"

    def compiled(self) -> CodeType:
        """The module with the fault in it."""
        _put(self.tree, self.old, self.new)
        code = compile(ast.fix_missing_locations(self.tree), str(self.path), "exec", dont_inherit=True)
        _put(self.tree, self.new, self.old)
        return code


def faults(module: str, path: Path) -> list[Fault]:
    """All faults of a module, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    early = set(_called_at_import(tree))
    found = [
        Fault(module, None if function in early else function, path, _line_of(old, statement), change, tree, old, new)
        for statement, old, function in _places(tree, None, None, ())
        for new in changes(old)
        for change in [_said(statement, old, new)]
    ]
    return sorted(found, key=lambda fault: fault.line)


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a node's place instead."""

    def but(**fields: Any) -> ast.AST:
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        return changed

    def without(several: Sequence[Any], n: int, *instead: Any) -> list[Any]:
        return [*several[:n], *instead, *several[n + 1 :]]

    match node:
        case ast.Compare(ops=ops):
            yield from (but(ops=without(ops, n, COMPARED[type(op)]())) for n, op in enumerate(ops))
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in COMPUTED:
            yield but(op=COMPUTED[type(op)]())
        case ast.BoolOp(op=op):
            yield but(op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool() | int() | str() | bytes() as value):
            yield but(value=_other(value))
        case ast.Call(keywords=keywords):
            named = [n for n, keyword in enumerate(keywords) if keyword.arg and keyword.arg != "strict"]
            yield from (but(keywords=without(keywords, n)) for n in named)
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield but(value=ast.Constant(None))
        case ast.If() | ast.IfExp():
            yield from (but(test=ast.Constant(value)) for value in (True, False))
        case ast.While():
            yield but(test=ast.Constant(False))
        case ast.comprehension(ifs=ifs):
            yield from (but(ifs=without(ifs, n)) for n in range(len(ifs)))
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case _:
            pass


def _other(value: bool | int | str | bytes) -> bool | int | str | bytes:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"~{value}~"
        case bytes():
            return b"~" + value


def _places(
    node: ast.AST, statement: ast.stmt | None, function: str | None, classes: tuple[str, ...]
) -> Iterator[tuple[ast.stmt, ast.AST, str | None]]:
    """Every node that is behaviour, with its statement and its function. A default is worked out where its function is
    defined, not where it runs.
    """
    for part in _parts(node):
        within = part if isinstance(part, ast.stmt) else statement
        owner, inside = function, classes
        if isinstance(node, ast.FunctionDef) and not isinstance(part, ast.arguments):
            owner = function or ".".join((*classes, node.name))
        if isinstance(node, ast.ClassDef):
            inside = (*classes, node.name)
        if within is not None:
            yield within, part, owner
        yield from _places(part, within, owner, inside)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    left_out = LEFT_OUT | {"keywords"} if isinstance(node, ast.ClassDef) else LEFT_OUT
    for name, value in ast.iter_fields(node):
        parts: list[Any] = value if isinstance(value, list) else [value]
        yield from (
            part for part in parts if name not in left_out and isinstance(part, ast.AST) and not _is_no_behaviour(part)
        )


def _is_no_behaviour(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.keyword(arg="strict"):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):  # the name of a type
            return name.lstrip("_")[0].isupper() and any(letter.islower() for letter in name)
        case _:
            return False


def _called_at_import(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield node.func.id


def _line_of(node: ast.AST, statement: ast.stmt) -> int:
    return getattr(node, "lineno", statement.lineno)


def _put(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(one is old for one in value):
                value[:] = [new if one is old else one for one in value]


def _said(statement: ast.stmt, old: ast.AST, new: ast.AST) -> str:
    """`was -> is`, of a long statement what lies near the change."""
    was = _line(statement)
    if statement is old:
        changed = _line(new)
    else:
        _put(statement, old, new)
        changed = _line(statement)
        _put(statement, new, old)
    if len(was) <= 2 * CONTEXT:
        return f"{was} -> {changed}"
    same = next((n for n, (a, b) in enumerate(zip(was, changed, strict=False)) if a != b), 0)
    begin = max(same - CONTEXT, 0)
    return f"{was[begin : same + CONTEXT]} -> {changed[begin : same + CONTEXT]}"


def _line(statement: ast.AST) -> str:
    """A statement as one line; of a compound one the first."""
    shown = copy.copy(statement)
    for name in ("body", "orelse", "handlers", "finalbody", "decorator_list"):
        if isinstance(getattr(shown, name, None), list):
            setattr(shown, name, [ast.Pass()] if name == "body" else [])
    return ast.unparse(ast.fix_missing_locations(shown)).partition("\n")[0]
