"""Schemathesis on the OpenAPI document of the running product: whatever is sent, the answers are as documented."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.product import Product

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
]
"""Not the two that take the schema for all there is to say: rules of the field answer 422, and a row that breaks one is
answered as rejected.
"""


def test_no_request_gets_an_undocumented_answer(product: Product, tmp_path: Path) -> None:
    url = product.urls["registers"]
    scopes = "registers:write registers:read pupils:write pupils:read totals:read cases:write cases:read letters:read"
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json",
            "--header", f"Authorization: Bearer {product.token(scopes)}",
            "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing",
            "--max-examples", "15", "--seed", "1",
            "--exclude-path", "/oauth/token", "--request-timeout", "30", "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=170,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
