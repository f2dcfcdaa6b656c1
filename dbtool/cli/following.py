"""What people, programs and systemd hear of a running `follow`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dbtool.cli.notify import notify
from dbtool.cli.views import counted, local_time, short
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import DbtoolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbtool.backup.follow import Follower, FollowOptions, Look
    from dbtool.backup.model import BackupResult
    from dbtool.cli.attention import Attention
    from dbtool.cli.context import Session

__all__ = ["Narrator"]


class Narrator:
    """The `Listener` of one run of `follow`.

    Args:
        session: of this run.
        attention: the signals.
        follower: what is told of.
        shown: the database, as people call it.
        reconfigured: reads the options again from the configuration.
    """

    def __init__(
        self,
        session: Session,
        attention: Attention,
        follower: Follower,
        *,
        shown: str,
        reconfigured: Callable[[], FollowOptions],
    ) -> None:
        self._session = session
        self._attention = attention
        self._follower = follower
        self._shown = shown
        self._reconfigured = reconfigured
        self._began = datetime.now(UTC)
        self._ready = False
        self._troubled = False
        self._reasons: set[str] = set()
        self._snapshots = self._pages = self._bytes = self._failures = 0

    def began(self) -> None:
        """Say what is followed."""
        interval_s = self._follower.options.interval_s
        self._session.output.record("start", {"database": self._shown, "interval": interval_s})
        self._session.note(
            f"following {self._shown} every {format_duration(interval_s)}; Ctrl-C ends it"
        )

    def stopped(self) -> bool:
        """Return whether a signal asked to end."""
        if self._attention.take_reload():
            self._reload()
        return self._attention.stopped

    def _reload(self) -> None:
        notify("RELOADING=1")
        try:
            self._session.forget_config()
            self._follower.options = self._reconfigured()
        except DbtoolError as error:
            self._session.warn(f"the old configuration stays in force: {error.message}")
        else:
            every = format_duration(self._follower.options.interval_s)
            self._session.note(f"read the configuration again; following every {every}")
        notify("READY=1")

    def wait(self, seconds: float) -> None:
        """Wait, at most until a signal comes."""
        self._attention.wait(seconds)

    def looked(self, look: Look) -> None:
        """Hear of a look."""
        if not self._ready:
            notify("READY=1")
            self._ready = True
        if self._troubled:
            self._troubled = False
            self._session.note(f"following {self._shown} again; nothing was lost")
        if look.kind == "scan" and look.reason not in self._reasons:
            self._reasons.add(look.reason)
            self._session.note(f"read all pages: {look.reason}")
        if look.result is not None and not look.result.unchanged:
            self._took(look.result, look)
        notify("WATCHDOG=1")

    def _took(self, result: BackupResult, look: Look) -> None:
        snapshot = result.snapshot
        assert snapshot is not None
        self._snapshots += 1
        self._pages += result.pages_changed
        self._bytes += result.bytes_added
        text = (
            f"{short(snapshot.id)}  {counted(result.pages_changed, 'page')}, "
            f"{format_size(result.bytes_added)} added in {format_duration(result.duration_s)}"
        )
        notify(f"STATUS=snapshot {text}")
        output = self._session.output
        output.record("snapshot", _data(result, look))
        if output.format == "table" and not self._session.quiet:
            output.line(f"{local_time(snapshot.time)}  {text}")

    def troubled(self, error: DbtoolError, retry_s: float) -> None:
        """Hear that a look failed."""
        self._failures += 1
        self._troubled = True
        again = f"trying again in {format_duration(retry_s)}"
        notify(f"STATUS={error.message}; {again}", "WATCHDOG=1")
        if self._failures == 1 and not self._ready:
            notify("READY=1")
            self._ready = True
        self._session.warn(f"{error.message}; {again}")

    def ended(self) -> None:
        """Sum up."""
        took_s = (datetime.now(UTC) - self._began).total_seconds()
        data = {
            "snapshots": self._snapshots,
            "pages": self._pages,
            "added": self._bytes,
            "failures": self._failures,
            "duration": round(took_s, 3),
        }
        lines = [
            ("followed", f"{self._shown} for {format_duration(took_s)}"),
            (
                "took",
                f"{counted(self._snapshots, 'snapshot')}, {counted(self._pages, 'page')}, "
                f"{format_size(self._bytes)}",
            ),
        ]
        self._session.output.report("dbtool.follow/1", data, lines)


def _data(result: BackupResult, look: Look) -> dict[str, Any]:
    snapshot = result.snapshot
    assert snapshot is not None
    return {
        "snapshot": snapshot.id,
        "time": snapshot.time,
        "how": look.kind,
        "reason": look.reason,
        "pages_scanned": result.pages_scanned,
        "pages_changed": result.pages_changed,
        "added": result.bytes_added,
        "duration": result.duration_s,
    }
