"""How planted faults meet the tests: each in a fork of its own, the quickest tests that reach it first.

A fault in a function is put into a process that has collected the tests, in the place of the function's code. One that
takes effect at import is there before the tests are collected.
"""

import gc
import importlib
import importlib.abc
import importlib.util
import os
import pickle
import resource
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

import hypothesis
import hypothesis.strategies
import msgspec  # noqa: F401  # what every fork needs is imported once
import numpy as np  # noqa: F401
import pytest

from tests.mutants.plant import Fault

PACKAGE = "absence_engine.domain"
TESTS = ("tests/unit/absence_engine", "tests/unit/test_two_implementations.py")
OPTIONS = (
    "--noconftest", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider", "-s",
    "-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=",
)  # fmt: skip
EXAMPLES = 8
"""So many examples hypothesis draws at most, the same ones for each fault."""
SECONDS = 10.0
"""Of processor time: what takes longer, together with all that is quicker, does not meet a fault."""
MEMORY = 3 << 29

LIVED = ""
"""What is said in place of the test that noticed a fault, when none did."""
ENDED = "(ended)"
"""A fork that did not come to its end: its time or memory was over, or it could not even begin."""
UNTRIED = "(untried)"

Items = Mapping[str, pytest.Item]


class Reach(NamedTuple):
    """The seconds that each test takes, and which tests enter a function (module, qualified name)."""

    seconds: Mapping[str, float]
    tests: Mapping[tuple[str, str], Sequence[str]]

    def of(self, fault: Fault) -> list[str]:
        """The tests that a fault meets: those that enter its function; all of files whose tests enter its module."""
        module = f"{PACKAGE}.{fault.module}"
        if fault.function is not None:
            names = {*self.tests.get((module, fault.function), ())}
        else:
            files = _files(name for (of, _), its in self.tests.items() if of == module for name in its)
            names = {name for name in self.seconds if name.partition("::")[0] in files} or {*self.seconds}
        found: list[str] = []
        spent = 0.0
        for name in sorted(names, key=lambda name: self.seconds[name]):
            spent += self.seconds[name]
            if spent < SECONDS or not found:
                found.append(name)
        return found


def reach() -> Reach:
    """What the tests reach; RuntimeError when one fails by itself."""
    said = forked(lambda: collected(TESTS, _profiled))
    if not isinstance(said, Reach):
        raise RuntimeError(f"without any fault, this fails: {said}")
    return said


def meet(faults: Sequence[Fault], reach: Reach) -> dict[Fault, str]:
    """By fault, the test that noticed it, LIVED or ENDED."""
    within = [fault for fault in faults if fault.function is not None and reach.of(fault)]
    files = _files(name for fault in within for name in reach.of(fault))
    found = dict.fromkeys(faults, LIVED)
    if within:
        found |= zip(
            within, forked(lambda: collected(files, lambda items: _swapped(within, reach, items))), strict=True
        )
    order = _Order()
    for fault in faults:
        if fault.function is None or found[fault] == UNTRIED:
            names = order.of(fault, reach)
            work = lambda fault=fault, names=names: _imported(fault, names)  # noqa: E731
            found[fault] = order.noted(fault, forked(work, _limit(names, reach)))
    return found


class _Order:
    """In which order a fault meets tests: first those that have noticed others of its function, then the quickest."""

    def __init__(self) -> None:
        self._noticed: defaultdict[tuple[str | None, str], int] = defaultdict(int)

    def of(self, fault: Fault, reach: Reach) -> list[str]:
        return sorted(reach.of(fault), key=lambda name: -self._noticed[fault.function, name])

    def noted(self, fault: Fault, said: str) -> str:
        self._noticed[fault.function, said] += 1
        return said


def _limit(names: Iterable[str], reach: Reach) -> int:
    return int(10 + 2 * sum(reach.seconds[name] for name in names))


def _files(names: Iterable[str]) -> list[str]:
    return sorted({name.partition("::")[0] for name in names})


def forked(work: Callable[[], Any], seconds: int | None = None) -> Any:
    """What some work says in a fork of this process, or ENDED; RuntimeError where it raises something. `seconds` bounds
    its processor time, and then what it prints is lost.
    """
    read, write = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            if seconds is not None:
                silence = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(silence, stream)
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            said = pickle.dumps((work(), None))
        except BaseException:
            said = pickle.dumps((None, traceback.format_exc()))
        with os.fdopen(write, "wb") as out:
            out.write(said)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as heard:
        said = heard.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        return ENDED
    found, raised = pickle.loads(said)
    if raised is not None:
        raise RuntimeError(raised)
    return found


class _Instead:
    """Has something else done with the tests that were collected."""

    def __init__(self, work: Callable[[Items], Any]) -> None:
        self._work, self.said = work, ENDED

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            function = getattr(item, "obj", None)
            # What a test has asked for can be read and changed in this attribute alone.
            if isinstance(given := getattr(function, "_hypothesis_internal_use_settings", None), hypothesis.settings):
                fewer = hypothesis.settings(
                    given,
                    max_examples=min(given.max_examples, EXAMPLES),
                    derandomize=True,
                    database=None,
                    deadline=None,
                    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
                )
                function._hypothesis_internal_use_settings = fewer  # pyright: ignore

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            self.said = self._work({item.nodeid: item for item in session.items})
        return True


def collected(files: Sequence[str], work: Callable[[Items], Any]) -> Any:
    """What some work says of the tests of some files; ENDED where they could not be collected."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they would be imported in every fork, and no test needs one
    instead = _Instead(work)
    pytest.main([*OPTIONS, *files], plugins=[instead])
    return instead.said


def _passes(item: pytest.Item) -> bool:
    before = item.session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return item.session.testsfailed == before


def _noticed_by(names: Iterable[str], items: Items) -> str:
    """The first of some tests that fails; a fault at import may have taken one away."""
    return next((name for name in names if name in items and not _passes(items[name])), LIVED)


def _profiled(items: Items) -> Reach | str:
    seconds: dict[str, float] = {}
    tests: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, item in items.items():
        entered: set[tuple[str, CodeType]] = set()

        def hook(frame: FrameType, event: str, _: object, entered: set[tuple[str, CodeType]] = entered) -> None:
            if event == "call" and frame.f_globals.get("__name__", "").startswith(PACKAGE):
                entered.add((frame.f_globals["__name__"], frame.f_code))

        _clear_caches()
        began = time.process_time()
        sys.setprofile(hook)
        passes = _passes(item)
        sys.setprofile(None)
        if not passes:
            return name
        seconds[name] = time.process_time() - began
        for key in {(module, code.co_qualname.partition(".<locals>")[0]) for module, code in entered}:
            tests[key].append(name)
    return Reach(seconds, dict(tests))


def _swapped(faults: Sequence[Fault], reach: Reach, items: Items) -> list[str]:
    """What becomes of faults in functions."""
    gc.freeze()
    order, found = _Order(), list[str]()
    for fault in faults:
        names = order.of(fault, reach)

        def work(fault: Fault = fault, names: Sequence[str] = names) -> str:
            try:
                _swap(fault)
            except (LookupError, TypeError, ValueError):
                return UNTRIED
            return _noticed_by(names, items)

        found.append(order.noted(fault, forked(work, _limit(names, reach))))
    return found


def _swap(fault: Fault) -> None:
    assert fault.function is not None
    found: Any = importlib.import_module(f"{PACKAGE}.{fault.module}")
    for part in fault.function.split("."):
        found = vars(found)[part]
    while not isinstance(found, FunctionType):  # within a property, a class method, a cache
        found = next(
            getattr(found, name) for name in ("fget", "func", "__wrapped__", "__func__") if hasattr(found, name)
        )
    found.__code__ = _code_of(fault.compiled(), fault.function)
    _clear_caches()


def _code_of(code: CodeType, function: str) -> CodeType:
    for part in function.split("."):
        code = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part)
    return code


def _clear_caches() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE.partition(".")[0]):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _imported(fault: Fault, names: Sequence[str]) -> str:
    """What becomes of a fault that takes effect at import."""
    sys.meta_path.insert(0, _Finder(fault))
    return collected(_files(names), lambda items: _noticed_by(names, items))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the faulty module in the place of the sound one."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != f"{PACKAGE}.{self._fault.module}":
            return None
        return importlib.util.spec_from_file_location(fullname, self._fault.path, loader=self)  # pyright: ignore

    def exec_module(self, module: ModuleType) -> None:
        exec(self._fault.compiled(), vars(module))
