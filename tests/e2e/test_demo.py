"""`rollcall demo`: what it shows, how it ends."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.binaries import free_port
from tests.e2e.product import ROLLCALL

PATIENCE_SECONDS = 150


def demo(*arguments: str) -> list[str]:
    return [ROLLCALL, "demo", "--pupils", "60", "--days", "21", "--port", str(free_port()), *arguments]


def test_the_demo_undoes_a_crossing_and_its_audit_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        demo("--once", "--data", str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = done.stdout
    for shown in (
        "marks in",
        "Primary (",
        "support review",
        "of 40 possible sessions were missed",
        "crossing reversed",
        "task cancelled",
        "recalled: nothing was sent",
        "differences: none",
    ):
        assert shown in told, f"{shown!r} is missing in:\n{told}"


def test_a_folder_that_holds_a_product_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    done = subprocess.run(demo("--data", str(tmp_path)), capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 2
    assert "holds a product already" in done.stderr


def test_a_demo_that_stays_up_ends_in_order_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with subprocess.Popen(demo("--data", str(folder)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "/absence?academic_year=2025-26" in line:
                break
        assert "TOKEN=" in told
        assert "/docs" in told
        began = time.monotonic()
        for _ in range(2):  # make passes one on, and whoever waits may send another
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 10
    assert not processes_of(folder)


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    found: list[str] = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found
