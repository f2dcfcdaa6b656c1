"""The steps of a job, one after another, and what became of each.

A step that fails does not stop the others, except those that it makes dangerous: nothing is thinned
out on a night without a new backup. The job's exit code is that of its first failure, or else the
first that is not 0. What the steps do is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dbtool.core.clock import Clock
from dbtool.core.quantities import format_duration
from dbtool.errors import DbtoolError

__all__ = ["JobReport", "Step", "StepReport", "Verdict", "run_job"]

Verdict = Literal["ok", "warning", "failed", "skipped"]

_WARNINGS = 3
_TROUBLE = ("failed", "skipped")


@dataclass(frozen=True, slots=True)
class StepReport:
    """What became of one step."""

    name: str
    verdict: Verdict
    summary: str
    """One line for people."""
    exit_code: int = 0
    error: DbtoolError | None = None
    """What stopped it; None where it ran to its end."""
    data: dict[str, Any] = field(default_factory=dict)
    """The result for programs."""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do."""

    name: str
    work: Callable[[], StepReport]
    """Does it; may raise `DbtoolError`."""
    needs: tuple[str, ...] = ()
    """Steps without whose success this one must not run."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of a job."""

    database: str
    steps: tuple[StepReport, ...]
    duration_s: float

    @property
    def exit_code(self) -> int:
        """That of the first failed step, or the first that is not 0, or 0."""
        failed = [step.exit_code for step in self.steps if step.verdict == "failed"]
        others = [step.exit_code for step in self.steps if step.exit_code]
        return next(iter([*failed, *others]), 0)

    @property
    def succeeded(self) -> bool:
        """Whether everything was done, warnings or not."""
        return self.exit_code in (0, _WARNINGS)

    @property
    def summary(self) -> str:
        """One line: the database, the verdict, each step, the time; the subject of a mail."""
        verdict = "FAILED" if not self.succeeded else "warnings" if self.exit_code else "ok"
        steps = "; ".join(f"{step.name}: {step.summary}" for step in self.steps)
        return f"{self.database} {verdict}: {steps} ({format_duration(self.duration_s)})"


def run_job(
    database: str,
    steps: Sequence[Step],
    *,
    clock: Clock,
    on_step: Callable[[StepReport], None] = lambda _: None,
) -> JobReport:
    """Run the steps in order and return what became of them.

    Args:
        database: as people call it.
        steps: in the order in which they run.
        clock: measures.
        on_step: told of each step when it ends.

    Raises:
        KeyboardInterrupt: and whatever else is not a `DbtoolError`: no job outlives those.
    """
    began_s = clock.monotonic()
    done: list[StepReport] = []
    for step in steps:
        report = _run_step(step, {past.name for past in done if past.verdict in _TROUBLE}, clock)
        done.append(report)
        on_step(report)
    return JobReport(database, tuple(done), clock.monotonic() - began_s)


def _run_step(step: Step, troubled: set[str], clock: Clock) -> StepReport:
    missing = [name for name in step.needs if name in troubled]
    if missing:
        return StepReport(step.name, "skipped", f"not run, because {missing[0]} did not succeed")
    began_s = clock.monotonic()
    try:
        report = step.work()
    except DbtoolError as error:
        report = StepReport(step.name, "failed", error.message, error.exit_code, error)
    return StepReport(
        report.name,
        report.verdict,
        report.summary,
        report.exit_code,
        report.error,
        report.data,
        clock.monotonic() - began_s,
    )
