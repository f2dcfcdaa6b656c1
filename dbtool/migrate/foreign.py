"""Migration files of dbmate, goose, golang-migrate and sqlx, read as they are.

    dbmate          -- migrate:up [transaction:false]   -- migrate:down [transaction:false]
    goose           -- +goose Up   -- +goose Down   -- +goose NO TRANSACTION
    golang-migrate  N_name.up.sql and N_name.down.sql
    sqlx            N_name.sql, or such a pair; a first line -- no-transaction

Statements are found by SQLite's own rules, so goose's marks around a statement are not needed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dbtool.migrate.model import MigrationFormat, Section
from dbtool.migrate.sections import Parsed, at_line, parse_section, require_nothing_before

__all__ = ["format_of", "no_transaction", "parse_foreign"]

_DBMATE: Final = re.compile(r"^[ \t]*--[ \t]*migrate:(\w+)(.*)$", re.MULTILINE)
_GOOSE: Final = re.compile(r"^[ \t]*--[ \t]*\+goose[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_SQLX_ALONE: Final = re.compile(r"\A-- no-transaction\b")
_GOOSE_QUIET: Final = ("statementbegin", "statementend", "envsub off")


def format_of(text: str) -> MigrationFormat | None:
    """Return whose marks a text has; None: dbtool's own, or none."""
    if _DBMATE.search(text):
        return "dbmate"
    return "goose" if _GOOSE.search(text) else None


def no_transaction(text: str) -> bool:
    """Say whether sqlx would run the file without a transaction."""
    return _SQLX_ALONE.match(text) is not None


def parse_foreign(path: Path, text: str, kind: MigrationFormat) -> Parsed:
    """Read a text with the marks of dbmate or goose.

    Raises:
        UsageError: `migration-invalid` or `migration-syntax`, with file and line.
    """
    return _dbmate(path, text) if kind == "dbmate" else _goose(path, text)


def _dbmate(path: Path, text: str) -> Parsed:
    found: dict[str, tuple[re.Match[str], bool]] = {}
    for match in _DBMATE.finditer(text):
        way, options = match[1], match[2].split()
        unknown = [
            word for word in options if word not in ("transaction:false", "transaction:true")
        ]
        if way not in ("up", "down") or way in found or unknown:
            why = "stands here a second time" if way in found else "is not understood"
            what = f"{match[0].strip()} {why}"
            raise at_line(path, _line(text, match.start()), what)
        found[way] = match, "transaction:false" not in options
    marks = {way: match for way, (match, _) in found.items()}
    ways = _cut(path, text, marks, {way: alone for way, (_, alone) in found.items()})
    return Parsed(ways.get("up"), ways.get("down"))


def _goose(path: Path, text: str) -> Parsed:
    marks: dict[str, re.Match[str]] = {}
    transactional = True
    for match in _GOOSE.finditer(text):
        words = " ".join(match[1].lower().split())
        if words in ("up", "down") and words not in marks:
            marks[words] = match
        elif words == "no transaction":
            transactional = False
        elif words not in _GOOSE_QUIET:
            hint = "write the values themselves into the file" if "envsub" in words else ""
            why = "stands here a second time" if words in marks else "is not understood"
            what = f"{match[0].strip()} {why}"
            raise at_line(path, _line(text, match.start()), what, hint=hint)
    ways = _cut(path, text, marks, dict.fromkeys(marks, transactional))
    return Parsed(ways.get("up"), ways.get("down"))


def _cut(
    path: Path, text: str, marks: dict[str, re.Match[str]], transactional: dict[str, bool]
) -> dict[str, Section]:
    if marks:
        first = min(marks.values(), key=lambda match: match.start())
        require_nothing_before(path, text[: first.start()], first[0].strip())
    ways: dict[str, Section] = {}
    ends = sorted([*(match.start() for match in marks.values()), len(text)])
    for way, match in marks.items():
        end = next(end for end in ends if end > match.start())
        ways[way] = parse_section(
            path,
            text[match.end() : end],
            line=_line(text, match.end()),
            transactional=transactional[way],
        )
    return ways


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
