"""The report of an unexpected error: where it happened, without values, rows or secrets.

Messages of exceptions may quote data, so only those of errors that speak about code or the system
are kept.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool import __version__
from dbtool.cli.failure import BUG, Failure
from dbtool.cli.visible import visible_lines

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["describe"]

_SPEAK_OF_CODE = (AttributeError, ImportError, NameError, TypeError, RecursionError)
_SECRET_OPTIONS = ("--password-command", "--note")


def describe(session: Session, error: Exception) -> Failure:
    """Write the report and return the failure that names it."""
    kind = type(error).__name__
    try:
        path = _write(_text(session.words, error))
    except OSError as problem:
        return Failure(
            "bug",
            BUG,
            f"a bug in dbtool: {kind}",
            f"no report could be written: {problem.strerror}",
        )
    return Failure(
        "bug",
        BUG,
        f"a bug in dbtool: {kind}",
        hint=f"look at {path} and send it in\nthe same command with -vv shows more",
    )


def _write(text: str) -> Path:
    from platformdirs import user_state_path

    folder = user_state_path("dbtool", appauthor=False) / "reports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000:06d}.txt"
    path.touch(mode=0o600)
    path.write_text(visible_lines(text), encoding="utf-8")
    return path


def _text(words: list[str], error: BaseException) -> str:
    import platform

    lines = [
        f"dbtool {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: dbtool {' '.join(_without_secrets(words))}",
        "",
    ]
    current: BaseException | None = error
    while current is not None:
        lines += [_headline(current), *_frames(current), ""]
        current = current.__cause__ or current.__context__
    return "\n".join(lines)


def _headline(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, OSError):
        return f"{name}: [{error.errno}] {error.strerror}"
    if isinstance(error, _SPEAK_OF_CODE):
        return f"{name}: {error}"
    return f"{name} (message left out: it may quote data)"


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]


def _without_secrets(words: list[str]) -> list[str]:
    shown: list[str] = []
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        option, equals, _ = word.partition("=")
        if before in _SECRET_OPTIONS:
            shown.append("...")
        elif option in _SECRET_OPTIONS and equals:
            shown.append(f"{option}=...")
        else:
            shown.append(word)
    return shown
