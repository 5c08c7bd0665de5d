"""`python -m tests.mutants [MODULE ...]`: plants faults in the engine's rules (`absence_engine/domain`), in all modules
or in some (`weeks`, `patterns.find`), and asks the unit tests whether they notice.

Told are, by module, how many were planted, how many were noticed and accepted, and each other one that lived.
`accepted.toml` lists those that change nothing that can be seen, with the reason. Exit status 1 when of a module's
other faults less than 95 of 100 were noticed, or when an accepted one is none any more.
"""

import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.mutants.meet import LIVED, Reach, meet, reach
from tests.mutants.plant import Fault, faults

ROOT = Path(__file__).parents[2] / "services" / "absence-engine" / "absence_engine" / "domain"
ACCEPTED = Path(__file__).with_name("accepted.toml")
ENOUGH = 95
"""Of a hundred."""


class Result(NamedTuple):
    """What became of a module's faults; `gone`: what is accepted, and is no fault of it or was noticed."""

    module: str
    planted: int
    noticed: int
    accepted: int
    lived: list[Fault]
    gone: list[str]

    @property
    def is_enough(self) -> bool:
        return not self.gone and self.noticed * 100 >= (self.planted - self.accepted) * ENOUGH


def main() -> int:
    accepted = accepted_faults()
    tests = reach()
    results: list[Result] = []
    for module in sys.argv[1:] or modules():
        results.append(tried(module, tests, accepted.get(module, {})))
        tell(results[-1])
    planted, noticed, spared = (sum(column) for column in zip(*(one[1:4] for one in results), strict=True))
    print(f"{'all':<20}{planted:>6} planted {noticed:>6} noticed {spared:>4} accepted", flush=True)
    return 0 if all(one.is_enough for one in results) else 1


def modules() -> list[str]:
    """All modules of the rules, by their names within the package."""
    found = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.rglob("*.py"))]
    return [name for name in found if not name.endswith("__init__")]


def accepted_faults() -> dict[str, dict[str, str]]:
    """By module, the faults that are accepted, each with its reason."""
    found: dict[str, dict[str, str]] = {}
    for one in tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", []):
        found.setdefault(one["module"], {}).update(dict.fromkeys(one["faults"], one["reason"]))
    return found


def tried(module: str, tests: Reach, accepted: Mapping[str, str]) -> Result:
    planted = faults(module, ROOT.joinpath(*module.split(".")).with_suffix(".py"))
    said = meet(planted, tests)
    lived = [fault for fault in planted if said[fault] == LIVED]
    spared = [fault for fault in lived if fault.name in accepted]
    gone = sorted({*accepted} - {fault.name for fault in spared})
    others = [fault for fault in lived if fault.name not in accepted]
    return Result(module, len(planted), len(planted) - len(lived), len(spared), others, gone)


def tell(result: Result) -> None:
    counts = f"{result.planted:>6} planted {result.noticed:>6} noticed {result.accepted:>4} accepted"
    print(f"{result.module:<20}{counts}{'' if result.is_enough else '  TOO FEW'}")
    told(f"line {fault.line}: {fault.name}" for fault in result.lived)
    told(f"accepted, and no fault that lives: {name}" for name in result.gone)


def told(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"    {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
