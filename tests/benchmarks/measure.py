"""Run commands and say what they cost: wall time, peak memory, bytes they left behind."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """What one measured command took; medians where it ran several times."""

    seconds: float
    peak_mib: float
    spread: str = ""
    cpu_seconds: float = 0.0
    """User and system time; says more than `seconds` on a busy machine."""


def run(
    command: Sequence[str | Path], *, env: dict[str, str] | None = None, expect: int = 0
) -> Cost:
    """Run a command to its end; fail loudly when it does not exit as expected."""
    started = time.perf_counter()
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=nothing,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        assert process.stderr
        complaint = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != expect:
        sys.exit(
            f"{' '.join(map(str, command))} gave {process.returncode}: "
            f"{complaint.decode(errors='replace')[-2000:]}"
        )
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Cost(seconds, usage.ru_maxrss / 1024, cpu_seconds=cpu_seconds)


def median(runs: Sequence[Cost]) -> Cost:
    """Return median time and highest memory of several runs."""
    times = sorted(cost.seconds for cost in runs)
    return Cost(
        statistics.median(times),
        max(cost.peak_mib for cost in runs),
        f"{times[0]:.2f}-{times[-1]:.2f}",
        statistics.median(cost.cpu_seconds for cost in runs),
    )


def repeat(times: int, once: Callable[[], Cost], before: Callable[[], None] = lambda: None) -> Cost:
    """Measure `once` several times, `before` each time outside of the clock."""
    runs = []
    for _ in range(times):
        before()
        os.sync()
        runs.append(once())
    return median(runs)


def size_of(path: Path) -> int:
    """Return the bytes of all files in a folder, or of one file."""
    if path.is_file():
        return path.stat().st_size
    return sum(found.stat().st_size for found in path.rglob("*") if found.is_file())


def missing(*programs: str) -> list[str]:
    """Return the peers that are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def remove(*paths: Path) -> None:
    """Remove files and folders, whatever they are."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    print(f"\n{title}\n")
    for number, row in enumerate((head, *rows)):
        print(
            "| "
            + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            + " |"
        )
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    sys.stdout.flush()
