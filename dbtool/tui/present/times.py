"""Times as panels show them: short, in the user's zone."""

from __future__ import annotations

from datetime import UTC, datetime

from dbtool.core.quantities import format_age, format_duration

__all__ = ["age", "clock", "moment", "parse", "stale_note"]

_STALE_S = 15.0


def parse(text: str | None) -> datetime | None:
    """Return a time that a JSON document holds; None for None and for what is no time."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def age(text: str | None, now_s: float, never: str = "never") -> str:
    """Return how long ago a time of a document was, such as `2 h ago`."""
    time = parse(text)
    return never if time is None else format_age(time, datetime.fromtimestamp(now_s, UTC))


def moment(text: str | None) -> str:
    """Return a time of a document in the user's zone, to the second."""
    time = parse(text)
    return "" if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(at_s: float) -> str:
    """Return a time of day in the user's zone."""
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%H:%M:%S")


def stale_note(age_s: float | None, problem: str = "") -> str:
    """Return what stands at the edge of a panel that is not fresh; empty where it is."""
    if problem:
        known = "" if age_s is None else f"; shown is from {format_duration(age_s)} ago"
        return f"{problem}{known}"
    if age_s is None or age_s < _STALE_S:
        return ""
    return f"as of {format_duration(age_s)} ago"
