"""What a deployment takes: the image, the compose file, the pinned packages."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SERVICES = {"registers", "absence-engine", "casework", "notifications"}


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def test_the_image_passes_its_linter() -> None:
    run(str(BIN / "hadolint"), "Dockerfile")


def test_the_image_is_small_in_rights_and_says_how_it_is() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert text.count("\nFROM ") == 2, "what builds it does not belong into it"
    assert "\nUSER 10001" in text
    assert re.search(r"HEALTHCHECK --interval=\d+s", text)


def test_the_compose_file_passes_its_schema() -> None:
    run(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_the_compose_file_runs_the_services_on_real_parts(compose: dict[str, Any]) -> None:
    there = compose["services"]
    assert set(there) == SERVICES | {"absence-engine-work", "postgres", "kafka", "issuer"}
    assert there["postgres"]["image"] == "postgres:18"
    assert there["kafka"]["image"] == "apache/kafka:4.3.1"
    commands = {name: ["service", name] for name in SERVICES}
    commands["absence-engine-work"] = ["service", "absence-engine", "--only", "work"]
    commands["absence-engine"] = ["service", "absence-engine", "--only", "web"]
    for name, command in commands.items():
        assert there[name]["command"] == command
        assert there[name]["depends_on"]["kafka"]["condition"] == "service_healthy"
    for name in ("postgres", "kafka"):
        assert there[name]["healthcheck"]["test"]
        assert there[name]["volumes"]


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "ROLLCALL_CLIENT_SECRET", "ROLLCALL_KEYS", "ROLLCALL_LOOKUP_KEY"):
        assert set(re.findall(r"\$\{" + name + r"([^}]*)\}", text)) == {":?set it in .env"}
    assert not re.search(r"=\S", (ROOT / ".env.example").read_text())


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_every_package_is_pinned_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=~! ]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}
    lock = pinned("requirements.lock")
    assert names <= set(lock)
    blocks = (ROOT / "requirements.lock").read_text().split("\n    # via")
    assert all("--hash=sha256:" in block for block in blocks[:-1])


def test_the_image_has_the_packages_that_were_tested() -> None:
    everything, image = pinned("requirements.lock"), pinned("requirements-run.lock")
    assert {name: everything.get(name) for name in image} == image
    assert "pytest" not in image
