"""Finds the line of a TOML text that sets a key, which `tomllib` does not tell.

Made for error messages: a text that `tomllib` accepted always has an answer, in odd layouts that of
the nearest section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

__all__ = ["Path", "dotted", "line_of"]

Path = tuple[str, ...]
"""The keys from the top of the document down."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PART: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEY: Final = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_KEY})\s*\]")
_SETTING: Final = re.compile(rf"\s*({_KEY})\s*=")


def dotted(path: Path) -> str:
    """Return a path as TOML writes it, with quotes where a part needs them."""
    return ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def line_of(text: str, path: Path) -> int:
    """Return the number of the line, from 1, that sets `path` or the nearest table around it."""
    nearest, depth = 1, 0
    for number, found in _settings(text):
        if found == path:
            return number
        if len(found) > depth and found == path[: len(found)]:
            nearest, depth = number, len(found)
    return nearest


@lru_cache(maxsize=2)
def _settings(text: str) -> tuple[tuple[int, Path], ...]:
    return tuple(_read(text))


def _read(text: str) -> Iterator[tuple[int, Path]]:
    section: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        header, setting = _HEADER.match(line), _SETTING.match(line)
        if header:
            section = _parse(header[1])
            yield number, section
        elif setting:
            yield number, section + _parse(setting[1])


def _parse(key: str) -> Path:
    import tomllib

    found: Any
    try:
        found = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:  # within a string of several lines, say
        return ()
    parts = []
    while isinstance(found, dict):
        ((name, found),) = found.items()
        parts.append(name)
    return tuple(parts)
