"""Schemathesis on the OpenAPI document of the running product: whatever is sent, in whatever order, the answers are as
documented. `make fuzz` does the same for longer.
"""

from pathlib import Path

import pytest

from tests.e2e.product import Product
from tests.fuzz.authority import furnish
from tests.fuzz.rounds import fuzz

REQUESTS, SECONDS = 5000, 420


@pytest.mark.timeout(SECONDS + 120)
def test_no_request_gets_an_undocumented_answer(product: Product, tmp_path: Path) -> None:
    statuses = fuzz(product, furnish(product), tmp_path, REQUESTS, SECONDS)
    assert statuses.total() >= REQUESTS
    assert not [status for status in statuses if status.startswith("5")], statuses
    product.audited()
