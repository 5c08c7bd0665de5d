"""The running product that the contract tests share: they look at its documents and its errors, not at its data."""

from collections.abc import Iterator

import pytest

from tests.e2e.product import Product, embedded


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with embedded(tmp_path_factory.mktemp("contract"), "2025-11-28") as product:
        yield product
