"""What a set of processes has used: CPU seconds, and memory as the sum of proportional set sizes."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(roots: Iterable[int]) -> set[int]:
    """The processes and all their descendants that are alive."""
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        stat = _stat(int(entry))
        if stat:
            parents[int(entry)] = int(stat[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid for pid in found if pid in parents}


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of the processes, their descendants, and their descendants that have ended."""
    seconds = 0.0
    for pid in family(roots):
        stat = _stat(pid)
        if stat:
            seconds += sum(int(ticks) for ticks in stat[11:15]) / _TICKS
    return seconds


def pss_mib(roots: Iterable[int]) -> float:
    """Memory in MiB; a page that several processes share counts once in all."""
    kib = 0
    for pid in family(roots):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib / 1024


def peak_mib(pid: int) -> float:
    """The most memory (resident) that a process has ever had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def postmaster(data: Path) -> int:
    """The process id of the PostgreSQL server that runs on a data folder."""
    return int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name: state, parent, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
