"""A client floods, drips and pours (`tests.hostile`): the others get their answers, and the product stays as it was."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rollcall.issuer import load

from tests import hostile
from tests.bench import processes
from tests.e2e import school
from tests.e2e.product import ALL_SCOPES, Product, embedded, eventually

ASKED = 150
MEMORY_MIB = 150


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("hostile")
    with embedded(folder, "2025-12-01") as product:
        with product.client() as client:
            school.put_school(client, hostile.URN)
            school.put_calendar(client, hostile.URN, ["2025-09-02"])
        yield product


@pytest.fixture
def let_loose(product: Product) -> Iterator[None]:
    folder = Path(product.processes[0].arguments[product.processes[0].arguments.index("--data") + 1])
    token = load(folder / "issuer.json").sign("hostile", ALL_SCOPES, None, 3600)
    command = [sys.executable, "-m", "tests.hostile", product.urls["registers"], token]
    loose = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    yield
    assert loose.poll() is None, "it ended by itself"
    loose.kill()
    loose.wait()


def test_others_read_and_write_while_one_client_does_its_worst(product: Product, let_loose: None) -> None:
    root = [product.processes[0].process.pid]
    before = processes.pss_mib(root)
    marks = {"marks": [{"local_id": "1", "code": "/"}]}
    with product.client() as client:
        for number in range(ASKED):
            urn = 200000 + number % 3
            read = client.get(f"/v1/schools/{hostile.URN}/registers/2025-09-02/AM")
            assert read.status_code == 200, read.text
            if number < 3:
                school.put_school(client, urn)
                school.put_calendar(client, urn, ["2025-09-02"])
            written = client.put(f"/v1/schools/{urn}/registers/2025-09-02/PM", json=marks)
            assert written.status_code == 200, written.text
        assert client.get("/health/ready").status_code == 200
    assert processes.pss_mib(root) - before < MEMORY_MIB


def test_nothing_is_left_of_it(product: Product) -> None:
    with product.client() as client:
        eventually(lambda: client.get("/health/ready").json()["status"] == "ready")
    assert product.audited()
