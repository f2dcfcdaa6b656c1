"""What `[retention.TABLE]` says: which rows are old, and what becomes of them."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dbtool.errors import UsageError

__all__ = ["RetentionRule", "archive_file", "archive_files", "parse_rule"]

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_DIRECTIVE: Final = re.compile(r"(%[^A-Za-z%]*[A-Za-z%])")
_DIGITS: Final = {"%Y": 4, "%G": 4, "%j": 3} | dict.fromkeys(
    ("%y", "%m", "%d", "%H", "%M", "%S", "%U", "%W", "%V"), 2
)


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One section."""

    table: str
    column: str
    """Holds the time of a row: ISO 8601 text, or seconds or milliseconds since 1970."""
    older_than_s: float
    archive_to: str | None
    """Path with a strftime pattern in braces; None: rows are not kept."""
    rollup: str | None
    """SQL that sums up what is about to go, from the table `expired`."""
    secure_delete: bool
    compress: tuple[str, ...]
    """Columns to compress in the archive."""


def parse_rule(table: str, values: Mapping[str, Any]) -> RetentionRule:
    """Judge a section.

    Args:
        table: its name; `main.` before it stands for a table named like a key of [retention].
        values: its keys.

    Raises:
        UsageError: `config-incomplete`, `config-value`.
    """
    name = table.removeprefix("main.")
    for key in ("column", "older_than"):
        if values.get(key) in (None, ""):
            raise UsageError(
                "config-incomplete",
                f"[retention.{table}] has no {key}",
                hint='older_than = "180d" and column = "created_at" say which rows are old',
            )
    archive_to = values.get("archive_to")
    if archive_to is None and not values.get("discard"):
        raise UsageError(
            "config-incomplete",
            f"[retention.{table}] does not say where old rows go",
            hint='archive_to = "archive/{%Y-%m}.db" keeps them; discard = true deletes them',
        )
    if archive_to is not None and values.get("discard"):
        raise UsageError("config-value", f"[retention.{table}]: archive_to and discard exclude")
    return RetentionRule(
        name,
        str(values["column"]),
        float(values["older_than"]),
        None if archive_to is None else str(archive_to),
        values.get("rollup"),
        bool(values.get("secure_delete")),
        tuple(values.get("compress") or ()),
    )


def archive_file(rule: RetentionRule, time_s: float) -> Path:
    """Return the archive that a row of that time goes to."""
    moment = datetime.fromtimestamp(time_s, UTC)
    return Path(_BRACES.sub(lambda found: moment.strftime(found[1]), rule.archive_to or ""))


def archive_files(rule: RetentionRule) -> list[Path]:
    """Return the archives that hold something, by name."""
    if rule.archive_to is None:
        return []
    literal_and_times = _BRACES.split(rule.archive_to)
    pattern = "".join(
        _times_glob(piece) if at % 2 else glob.escape(piece)
        for at, piece in enumerate(literal_and_times)
    )
    found = map(Path, glob.glob(pattern, include_hidden=True))  # noqa: PTH207 - pathlib's has no escape before 3.13
    # One of no bytes was begun by a run that was killed.
    return sorted(path for path in found if path.is_file() and path.stat().st_size)


def _times_glob(pattern: str) -> str:
    """Return what matches the results of a strftime pattern."""
    return "".join(
        "[0-9]" * _DIGITS[piece] if piece in _DIGITS else "*" if at % 2 else glob.escape(piece)
        for at, piece in enumerate(_DIRECTIVE.split(pattern))
    )
