"""Schemathesis in rounds, each with another seed, until the product has answered as many requests as were asked for.

The first round goes through the examples and the edges of each operation's schema as well; every round sends random
requests to every operation, and random sequences along the links of the OpenAPI document.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.product import ALL_SCOPES, Product

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
EVERYTHING, AGAIN = "examples,coverage,fuzzing,stateful", "fuzzing,stateful"
LIKELY = 0.6
"""How often a parameter gets a value that means something."""
EXAMPLES, STEPS = 40, 50
"""Examples of each operation in a round, steps of a sequence at most. Small rounds leave sequences their share."""
ROOT = str(Path(__file__).parents[2])
PATH = tuple(filter(None, [os.environ.get("PYTHONPATH")]))
ALSO = {"school_urn": "urn"}
"""Parameters that take another one's values."""


def fuzz(product: Product, known: dict[str, list[Any]], folder: Path, requests: int, seconds: float) -> Counter[str]:
    """Requests that were answered, by status; AssertionError for an answer that is not as documented, or too few in
    time.
    """
    url = product.urls["registers"]
    (folder / "schemathesis.toml").write_text(configuration(known))
    before, ends = answered(url), time.monotonic() + seconds
    for seed in itertools.count(1):
        left = ends - time.monotonic()
        assert left > 0, f"only {(answered(url) - before).total()} requests in {seconds:.0f} s"
        one_round(product, folder, seed, left)
        so_far = answered(url) - before
        if so_far.total() >= requests:
            return so_far
    raise AssertionError("rounds never end")


def one_round(product: Product, folder: Path, seed: int, seconds: float) -> None:
    """One run of schemathesis; AssertionError, with what it says, when it found anything."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{product.urls['registers']}/openapi.json",
            "--header", f"Authorization: Bearer {product.token(ALL_SCOPES)}",
            "--checks", ",".join(CHECKS), "--phases", EVERYTHING if seed == 1 else AGAIN, "--seed", str(seed),
            "--exclude-path", "/oauth/token", "--request-timeout", "30", "--no-color",
            "--suppress-health-check", "all",  # how long it takes to think of a request says nothing of the product
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.bodies", "PYTHONPATH": os.pathsep.join((ROOT, *PATH))},
    )  # fmt: skip
    found = done.stdout[done.stdout.find("= FAILURES") :][:12000]
    assert done.returncode == 0, f"seed {seed}:\n{found}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def configuration(known: dict[str, list[Any]]) -> str:
    """What schemathesis is told in its file: what parameters may mean, and how much is enough.

    It keeps no database of examples: what it would replay meets another state of the product, and ends the round.
    """
    known = known | {name: known[other] for name, other in ALSO.items()}
    lines = ["[generation]", f"max-examples = {EXAMPLES}", 'database = "none"', "[phases.stateful]"]
    lines += [f"max-steps = {STEPS}"]
    for name, values in known.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines += ["[parameters]"]
    lines += [f'{name} = {{ dictionary = "{name}", probability = {LIKELY} }}' for name in known]
    return "\n".join(lines) + "\n"


def answered(url: str) -> Counter[str]:
    """How many requests the product has answered, by status."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics").text):
        for sample in family.samples:
            if sample.name == "rollcall_http_request_seconds_count":
                found[sample.labels["status"]] += int(sample.value)
    return found
