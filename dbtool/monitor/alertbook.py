"""Remembers alerts from look to look: pending until their time is over, firing until well below.

    ok --over--> pending --for so long--> firing --clear for a while--> ok

Time is what passed between looks by the monotonic clock, so a wall clock that jumps fires nothing.
Of the time in which no process looked, 15 minutes count at most: nobody knows what was in between.
What is not known leaves a firing alert as it is, and makes no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from dbtool.monitor.alerts import ALERTS, Judgement, Severity

__all__ = ["Alert", "AlertBook", "AlertState"]

AlertState = Literal["ok", "pending", "firing", "unknown"]

LONGEST_GAP_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stands."""

    code: str
    state: AlertState
    severity: Severity
    since: datetime | None
    """When it came into this state; None: at an earlier time that is not known."""
    evidence: str
    """One sentence; of one that is unknown, why."""
    command: str
    """What to run next, `DB` for the database; empty: nothing."""
    value: float | None
    limit: float | None
    changed: bool
    """Whether it began or ceased to fire with this look."""


@dataclass(slots=True)
class _Page:
    state: AlertState = "ok"
    subject: str = ""
    held_s: float = 0.0
    """How long the limit has been passed."""
    clear_s: float = 0.0
    """How long a firing one has been clear."""
    since: datetime | None = None


def _page(state: Any, subject: str, held_s: float, clear_s: float, since: str | None) -> _Page:
    if state not in get_args(AlertState):
        raise ValueError(state)
    began = None if since is None else datetime.fromisoformat(since)
    return _Page(state, str(subject), float(held_s), float(clear_s), began)


class AlertBook:
    """The alerts of one database.

    Args:
        kept: `state` of an earlier book; one of another shape counts as none.
    """

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self._pages: dict[str, _Page] = {}
        with suppress(TypeError, ValueError, LookupError, AttributeError):
            self._pages = {code: _page(*page) for code, page in (kept or {}).items()}

    @property
    def state(self) -> dict[str, Any]:
        """What another book goes on from; JSON."""
        return {
            code: [
                page.state,
                page.subject,
                page.held_s,
                page.clear_s,
                page.since and page.since.isoformat(),
            ]
            for code, page in self._pages.items()
        }

    def update(
        self, judgements: Iterable[Judgement], *, elapsed_s: float, now: datetime
    ) -> tuple[Alert, ...]:
        """Take in what was judged; return all alerts, in the order they were judged.

        Args:
            judgements: of one look.
            elapsed_s: since the look before; negative counts as nothing.
            now: time of the look.
        """
        passed_s = min(max(elapsed_s, 0.0), LONGEST_GAP_S)
        alerts = []
        for judged in judgements:
            page = self._pages.setdefault(judged.code, _Page())
            before = page.state
            _turn(page, judged, passed_s)
            if page.state != before:
                page.since = now
            changed = (before == "firing") != (page.state == "firing")
            severity = ALERTS[judged.code][0]
            alerts.append(
                Alert(
                    judged.code,
                    page.state,
                    severity,
                    page.since,
                    _evidence(page, judged),
                    judged.command if judged.over is not False else "",
                    judged.value,
                    judged.limit,
                    changed,
                )
            )
        return tuple(alerts)


def _evidence(page: _Page, judged: Judgement) -> str:
    if page.state != "firing" or judged.over:
        return judged.evidence
    if judged.over is None:
        return f"not known just now: {judged.evidence}"
    return f"{judged.evidence}; it ends when that lasts"


def _turn(page: _Page, judged: Judgement, passed_s: float) -> None:
    if judged.over is None:
        if page.state != "firing":
            page.state, page.held_s = "unknown", 0.0
        return
    if page.state == "firing" and page.subject == judged.subject:
        _cool(page, judged, passed_s)
    elif judged.over:
        same = page.state == "pending" and page.subject == judged.subject
        page.held_s = page.held_s + passed_s if same else 0.0
        page.subject, page.clear_s = judged.subject, 0.0
        page.state = "firing" if page.held_s >= judged.for_s else "pending"
    elif page.state == "firing":
        _cool(page, judged, passed_s)
    else:
        page.state, page.held_s, page.subject = "ok", 0.0, ""


def _cool(page: _Page, judged: Judgement, passed_s: float) -> None:
    """Let a firing alert end where it is clear for long enough."""
    page.clear_s = page.clear_s + passed_s if judged.clear else 0.0
    # What was about somebody who has gone needs no second look.
    over = page.clear_s >= judged.clear_for_s or page.subject != judged.subject
    if judged.clear and over:
        page.state, page.held_s, page.clear_s, page.subject = "ok", 0.0, 0.0, ""
