"""Where a job is, and how it ended, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.jobs import Job
from dbtool.tui.line import Status

__all__ = ["outcome", "progress_of"]


def outcome(job: Job) -> tuple[Status, str, str]:
    """Return how well a job ended, what happened, and what to do next."""
    state = job.state
    took = format_duration(max(state.elapsed_s, 0.0))
    if state.cancelled:
        return Status.WARN, f"{job.title}: stopped after {took}; nothing is half-written", ""
    if state.problem is not None and not state.fine:
        hint = state.problem.hint.partition("\n")[0]
        return Status.CRIT, f"{job.title}: {state.problem.message}", hint
    what = _told(state.result if isinstance(state.result, Mapping) else {})
    text = f"{job.title}: {what or 'done'} in {took}"
    if state.exit_code == 13:  # noqa: PLR2004 - damage found, see the table of exit codes
        return Status.CRIT, f"{job.title}: damage found", "v, then repair"
    if state.warnings or not state.fine:
        warned = state.warnings[-1] if state.warnings else f"exit code {state.exit_code}"
        return Status.WARN, f"{text}; {warned}", ""
    return Status.OK, text, ""


def _told(result: Mapping[str, Any]) -> str:
    """Return what a command's summary says, for those commands that can be started here."""
    schema = str(result.get("schema", "")).partition("/")[0]
    if schema == "dbtool.backup":
        if result.get("unchanged"):
            return "unchanged, no new snapshot was needed"
        return f"snapshot {str(result.get('snapshot'))[:8]}, {format_size(result['added'])} added"
    if schema == "dbtool.restore":
        written, pages = result.get("pages_written", 0), result.get("pages", 0)
        return f"{written:,} of {pages:,} pages written to {result.get('target')}"
    if schema == "dbtool.verify-database":
        return f"{result.get('verdict')}"
    return ""


def progress_of(job: Job) -> str:
    """Return where a job is, such as `reading pages  12 MiB/50 MiB`."""
    state = job.state
    if not state.phase:
        return format_duration(max(state.elapsed_s, 0.0))
    if state.unit == "bytes":
        done = format_size(state.done)
        whole = f"/{format_size(state.total)}" if state.total else ""
        return f"{state.phase}  {done}{whole}"
    whole = f"/{state.total:,}" if state.total else ""
    return f"{state.phase}  {state.done:,}{whole} {state.unit}"
