"""The text of dbtool's own migration files, read into sections.

    -- dbtool:ignore drop-column the column was copied to prices in 0007
    -- dbtool:up [tx=none]
    SQL, and any number of
    -- dbtool:rebuild TABLE
    CREATE TABLE TABLE(...);
    -- dbtool:map new_column = expression over the old row
    -- dbtool:down [tx=none]
    SQL
    -- dbtool:verify
    SELECT ... that must return no rows;

A file without any `up`, `down` or `verify` is a way up from its first line to its last. Whatever is
not understood is an error: a mistyped line must not turn into a comment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dbtool.errors import UsageError
from dbtool.migrate.directives import Directive, directives
from dbtool.migrate.model import Ignore, Rebuild, Section, Statement, Step
from dbtool.migrate.statements import UnendedText, created_table, split

__all__ = [
    "Parsed",
    "at_line",
    "parse_file",
    "parse_section",
    "read_statements",
    "require_nothing_before",
]

_SECTIONS: Final = ("up", "down", "verify")
_KNOWN: Final = (*_SECTIONS, "ignore", "rebuild", "map", "replaces")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one text holds."""

    up: Section | None
    """None: it has sections, and none of them is `up`."""
    down: Section | None
    verify: tuple[Statement, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    replaces: tuple[str, ...] = ()
    marked: bool = field(default=True)
    """False: it has no section line."""


def at_line(path: Path, line: int, what: str, *, hint: str = "", code: str = "") -> UsageError:
    """Return the error for a place in a migration file."""
    return UsageError(code or "migration-invalid", f"{path.name}, line {line}: {what}", hint=hint)


def parse_file(path: Path, text: str) -> Parsed:
    """Read a text of our own format.

    Raises:
        UsageError: `migration-invalid` or `migration-syntax`, with file and line.
    """
    found = list(directives(text))
    for each in found:
        _require_known(path, each)
    marks = [each for each in found if each.name in _SECTIONS]
    _require_once(path, marks)
    ignores = tuple(_ignore(path, each) for each in found if each.name == "ignore")
    replaces = tuple(
        word for each in found if each.name == "replaces" for word in each.argument.split()
    )
    if not marks:
        return Parsed(parse_section(path, text), None, (), ignores, replaces, marked=False)
    require_nothing_before(path, text[: marks[0].start], f"dbtool:{marks[0].name}")
    sections: dict[str, Section] = {}
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        body = text[mark.end : after.start if after else len(text)]
        line = mark.line
        transactional = _transactional(path, mark)
        sections[mark.name] = parse_section(path, body, line=line, transactional=transactional)
    verify = sections.get("verify", Section()).steps
    queries = tuple(step for step in verify if isinstance(step, Statement))
    if len(queries) != len(verify):
        raise at_line(path, sections["verify"].line, "a rebuild cannot stand in dbtool:verify")
    return Parsed(sections.get("up"), sections.get("down"), queries, ignores, replaces)


def parse_section(path: Path, text: str, *, line: int = 1, transactional: bool = True) -> Section:
    """Read the SQL of one direction, rebuilds included.

    Raises:
        UsageError: as `parse_file`.
    """
    steps: list[Step] = list(read_statements(path, text, line))
    rebuilds: dict[int, list[Directive]] = {}
    for each in directives(text):
        if each.name == "rebuild":
            rebuilds[each.line] = [each]
        elif each.name == "map":
            if not rebuilds:
                raise at_line(path, line + each.line - 1, "a map without a rebuild before it")
            rebuilds[max(rebuilds)].append(each)
    for found in rebuilds.values():
        index, rebuild = _rebuild(path, steps, found, line)
        steps[index] = rebuild
    return Section(tuple(steps), transactional, text, line)


def read_statements(path: Path, text: str, line: int) -> tuple[Statement, ...]:
    """Return the statements of a text.

    Raises:
        UsageError: `migration-syntax`, a quotation, comment or trigger does not end.
    """
    try:
        return tuple(split(text, first_line=line))
    except UnendedText as error:
        raise at_line(
            path, error.line, f"{error.what} does not end", code="migration-syntax"
        ) from error


def _rebuild(
    path: Path, steps: list[Step], found: list[Directive], first_line: int
) -> tuple[int, Rebuild]:
    mark, maps = found[0], found[1:]
    line = first_line + mark.line - 1
    index = next(
        (i for i, step in enumerate(steps) if isinstance(step, Statement) and step.line > line), -1
    )
    step = steps[index] if index >= 0 else None
    table = created_table(step.text) if isinstance(step, Statement) else None
    named = mark.argument.strip("\"`[]'")
    hint = f"-- dbtool:rebuild {named or 'TABLE'}\nCREATE TABLE {named or 'TABLE'}(...);"
    if not named or table is None:
        raise at_line(path, line, "after a rebuild comes the new CREATE TABLE", hint=hint)
    if table.lower() != named.lower():
        what = f"the rebuild is of {named}, and the CREATE TABLE after it of {table}"
        raise at_line(path, line, what, hint=hint)
    assert isinstance(step, Statement)
    pairs = tuple(_map(path, each, first_line) for each in maps)
    return index, Rebuild(named, step, pairs, line)


def _map(path: Path, directive: Directive, first_line: int) -> tuple[str, str]:
    column, equals, expression = directive.argument.partition("=")
    if not equals or not column.strip() or not expression.strip():
        hint = "-- dbtool:map new_column = expression over the old row"
        raise at_line(path, first_line + directive.line - 1, "this is no map", hint=hint)
    return column.strip().strip('"`[]'), expression.strip().rstrip(";")


def _require_known(path: Path, directive: Directive) -> None:
    if directive.name not in _KNOWN:
        close = get_close_matches(directive.name, _KNOWN, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(_KNOWN)}"
        what = f"there is no dbtool:{directive.name}"
        raise at_line(path, directive.line, what, hint=hint)


def _require_once(path: Path, marks: list[Directive]) -> None:
    seen: dict[str, int] = {}
    for mark in marks:
        if mark.name in seen:
            what = f"dbtool:{mark.name} a second time, after line {seen[mark.name]}"
            raise at_line(path, mark.line, what)
        seen[mark.name] = mark.line


def require_nothing_before(path: Path, text: str, mark: str) -> None:
    """Refuse SQL that stands before the first mark: it would be passed over in silence.

    Raises:
        UsageError: `migration-invalid` or `migration-syntax`.
    """
    before = read_statements(path, text, 1)
    if before:
        what = f"SQL stands before the line {mark}"
        raise at_line(path, before[0].line, what, hint="move it below, or remove the line")


def _ignore(path: Path, directive: Directive) -> Ignore:
    rule, _, reason = directive.argument.partition(" ")
    if not rule or not reason.strip():
        hint = "-- dbtool:ignore RULE why it is right here"
        raise at_line(path, directive.line, "an ignore needs a rule and a reason", hint=hint)
    return Ignore(rule, reason.strip(), directive.line)


def _transactional(path: Path, mark: Directive) -> bool:
    known = ("", "tx=none") if mark.name != "verify" else ("",)
    if mark.argument not in known:
        what = f"dbtool:{mark.name} knows no {mark.argument}"
        hint = f"-- dbtool:{mark.name} {known[-1]}".rstrip()
        raise at_line(path, mark.line, what, hint=hint)
    return mark.argument != "tx=none"
