"""`dbtool monitor --once` and `--textfile`: one look at each database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.monitor.samplers import samplers, watched
from dbtool.cli.monitor.telling import Telling
from dbtool.cli.monitor.view import SCHEMA, report_lines, sampling_data
from dbtool.cli.visible import Painted
from dbtool.core.clock import SystemClock
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.monitor.sampler import Sampler, Sampling

__all__ = ["run"]

_ALERT = 4
_WARNINGS = 3
_PAUSE_S = 0.25


def run(session: Session, db: str | None, textfile: Path | None) -> int:
    """Look once, show and tell it; return the exit code."""
    if textfile is not None and textfile.suffix != ".prom":
        raise UsageError(
            "invalid-value",
            f"node_exporter reads no {textfile.name}: the name has to end with .prom",
            hint=f"--textfile {textfile}.prom",
        )
    telling = Telling(session)
    with samplers(session, watched(session, db), SystemClock()) as found, session.work() as work:
        taken = {name: _sample(sampler, work) for name, sampler in found.items()}
        paths = {name: sampler.path for name, sampler in found.items()}
        elsewhere = {name for name, sampler in found.items() if sampler.told_elsewhere}
    for name, sampling in taken.items():
        telling.hear(name, paths[name], sampling, elsewhere=name in elsewhere)
    telling.ping()
    if textfile is not None:
        from dbtool import __version__
        from dbtool.monitor.exporter import write_textfile

        # Told first: where the disk is full, this fails.
        write_textfile(textfile, taken, __version__)
    firing = any(sampling.firing for sampling in taken.values())
    if textfile is None or firing:
        _show(session, taken, paths, firing=firing)
    if firing:
        return _ALERT
    return _WARNINGS if session.warnings else 0


def _sample(sampler: Sampler, progress: Any) -> Sampling:
    """Look once; where somebody writes, until it is clear whether for too long."""
    sampling = sampler.sample()
    deadline_s = time.monotonic() + sampler.limits.writer_for_s + 2 * _PAUSE_S
    while _may_be_held(sampling) and time.monotonic() < deadline_s:
        time.sleep(_PAUSE_S)
        progress.advance(0)
        sampling = sampler.sample()
    return sampling


def _may_be_held(sampling: Sampling) -> bool:
    return any(a.code == "writer-held" and a.state == "pending" for a in sampling.alerts)


def _show(
    session: Session, taken: dict[str, Sampling], paths: dict[str, Path], *, firing: bool
) -> None:
    output = session.output
    documents = [sampling_data(name, paths[name], one) for name, one in taken.items()]
    if output.format in ("csv", "tsv"):
        flat = [{k: v for k, v in one.items() if k != "unknown"} for one in documents]
        for one, sampling in zip(flat, taken.values(), strict=True):
            one["alerts"] = [alert.code for alert in sampling.firing]
        output.table(SCHEMA, (), flat, ())
    elif output.format == "table":
        if session.quiet and not firing:
            return
        for number, (name, sampling) in enumerate(taken.items()):
            if number:
                output.line(Painted(""))
            lines = report_lines(name, paths[name], sampling)
            output.report(SCHEMA, {}, lines, always=True)
    else:
        output.report(SCHEMA, {"firing": firing, "databases": documents}, ())
