"""Records what the dashboard was shown, and shows it again.

A recording is a text file of JSON lines: a head with the format's version and the databases, then
one line for each reading and each look, with its time. It holds what is on the screen: sizes,
names, plans; so the file is made readable by its owner alone.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from dbtool.errors import NotFound, StorageFailed, UsageError
from dbtool.tui.model import DatabaseRef, Live, LiveAlert, LockHolder, Problem, Reading
from dbtool.tui.source import Source

__all__ = ["FORMAT", "Recorder", "Replay", "open_recording"]

FORMAT: Final = "dbtool.recording/1"


class Recorder:
    """A source that writes down what another one answers."""

    replayed = False

    def __init__(self, source: Source, path: Path, databases: tuple[DatabaseRef, ...]) -> None:
        """Begin a recording.

        Raises:
            StorageFailed: `recording-failed`, the file exists or cannot be made.
        """
        self._source = source
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StorageFailed(
                "recording-failed",
                f"cannot record to {path}: {error.strerror}",
                hint="name a file that does not exist, in a folder that you may write to",
            ) from error
        self._file: IO[str] | None = os.fdopen(descriptor, "w", encoding="utf-8")
        self._write({"format": FORMAT, "databases": [asdict(d) for d in databases]})

    def now(self) -> float:
        """Return the time of the source."""
        return self._source.now()

    def advance(self, looks: int = 1) -> None:
        """Pass on."""
        self._source.advance(looks)

    async def read(
        self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()
    ) -> Reading | None:
        """Answer a feed, and keep the answer."""
        reading = await self._source.read(feed, database, extra)
        if reading is not None:
            record = {"database": database.path, "reading": asdict(reading)}
            self._write(record | ({"extra": extra} if extra else {}))
        return reading

    async def look(self, database: DatabaseRef) -> Live | None:
        """Take a look, and keep it."""
        live = await self._source.look(database)
        if live is not None:
            self._write({"database": database.path, "live": asdict(live)})
        return live

    async def past(self, database: DatabaseRef) -> list[Live]:
        """Return the past, and keep it."""
        looks = await self._source.past(database)
        self._write({"database": database.path, "past": [asdict(live) for live in looks]})
        return looks

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            # ASCII: names that are not UTF-8 come as surrogates, which no file takes as they are.
            self._file.write(json.dumps(record, default=str) + "\n")
            self._file.flush()
        except OSError:
            # A full disk ends the recording, not the view; what was written can be replayed.
            self.close()


class Replay:
    """A source that answers from a recording, at the pace at which it was made."""

    replayed = True

    def __init__(self, databases: tuple[DatabaseRef, ...], records: list[dict[str, Any]]) -> None:
        self.databases = databases
        self._readings: dict[tuple[str, str], list[tuple[Reading, tuple[str, ...]]]] = {}
        self._past: dict[str, list[Live]] = {}
        self._looks: dict[str, list[Live]] = {}
        for record in records:
            place = record["database"]
            if "reading" in record:
                answer = _reading(record["reading"]), tuple(record.get("extra", ()))
                self._readings.setdefault((place, answer[0].feed), []).append(answer)
            elif "past" in record:
                self._past.setdefault(place, [_live(live) for live in record["past"]])
            else:
                self._looks.setdefault(place, []).append(_live(record["live"]))
        answered = [r.at_s for answers in self._readings.values() for r, _ in answers]
        times = [live.at_s for looks in self._looks.values() for live in looks] or answered
        self._moments = sorted(set(times))
        self._place = 0

    @property
    def at_s(self) -> float:
        """The moment that is shown."""
        return self._moments[self._place] if self._moments else 0.0

    @at_s.setter
    def at_s(self, moment_s: float) -> None:
        self._place = max(bisect_right(self._moments, moment_s) - 1, 0)

    @property
    def ended(self) -> bool:
        """Whether the last moment is shown."""
        return self._place >= len(self._moments) - 1

    def now(self) -> float:
        """Return the moment that is shown."""
        return self.at_s

    def advance(self, looks: int = 1) -> None:
        """Show a moment of some looks later, or earlier; it stays within the recording."""
        last = max(len(self._moments) - 1, 0)
        self._place = min(max(self._place + looks, 0), last)

    async def read(
        self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()
    ) -> Reading | None:
        """Return the newest answer that was given until the moment that is shown.

        With further words only an answer to the same ones, whenever in the recording it was given.
        """
        found = reversed(self._readings.get((database.path, feed), []))
        if extra:
            return next((r for r, words in found if words == extra), None)
        return next((r for r, _ in found if r.at_s <= self.at_s), None)

    async def look(self, database: DatabaseRef) -> Live | None:
        """Return the newest look in the same way."""
        found = self._looks.get(database.path, ())
        return next((live for live in reversed(found) if live.at_s <= self.at_s), None)

    async def past(self, database: DatabaseRef) -> list[Live]:
        """Return every look before the moment that is shown, the oldest first."""
        return [*self._past.get(database.path, ()), *self.looks(database)[:-1]]

    def looks(self, database: DatabaseRef) -> list[Live]:
        """Return every look until the moment that is shown, the oldest first."""
        return [live for live in self._looks.get(database.path, ()) if live.at_s <= self.at_s]


def open_recording(path: Path) -> Replay:
    """Read a recording.

    Raises:
        NotFound: `recording-not-found`.
        UsageError: `recording-invalid`, it is none, or of a newer format.
        StorageFailed: `recording-failed`, it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError as error:
        raise NotFound("recording-not-found", f"there is no recording {path}") from error
    except UnicodeDecodeError as error:
        raise UsageError("recording-invalid", f"{path} is no recording: it is not text") from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise StorageFailed("recording-failed", message) from error
    try:
        head, *records = [json.loads(line) for line in _whole(lines)]
        _require_format(head)
        databases = tuple(DatabaseRef(**database) for database in head["databases"])
        return Replay(databases, records)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            "recording-invalid",
            f"{path} is no recording of the dashboard",
            context=str(error).partition("\n")[0],
            hint="dbtool dashboard --record FILE makes one",
        ) from error


def _require_format(head: Mapping[str, Any]) -> None:
    if head.get("format") != FORMAT:
        raise ValueError(f"its format is {head.get('format')!r}, this dbtool reads {FORMAT}")


def _whole(lines: list[str]) -> list[str]:
    """Return the lines without a last one that was cut off when its maker was killed."""
    return lines[:-1] if len(lines) > 1 and not lines[-1].endswith("}") else lines


def _reading(fields: dict[str, Any]) -> Reading:
    problem = fields.pop("problem", None)
    warnings = tuple(fields.pop("warnings", ()))
    return Reading(**fields, warnings=warnings, problem=Problem(**problem) if problem else None)


def _live(fields: dict[str, Any]) -> Live:
    holders = tuple(LockHolder(**holder) for holder in fields.pop("holders", ()))
    alerts = tuple(LiveAlert(**alert) for alert in fields.pop("alerts", ()))
    return Live(**fields, holders=holders, alerts=alerts)
