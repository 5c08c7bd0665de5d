"""How often and how long the faults are: once and shortly in a test run, ten times each with `make faults`."""

import os

import pytest

ROUNDS = int(os.environ.get("ROLLCALL_FAULT_ROUNDS", "1"))
OUTAGE_SECONDS = float(os.environ.get("ROLLCALL_OUTAGE_SECONDS", "8"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(1, ROUNDS + 1), scope="module")  # one round after the other


@pytest.fixture
def outage_seconds() -> float:
    """How long an outage lasts: long enough for every time-out on the way to have passed at least once."""
    return OUTAGE_SECONDS
