"""What `PRAGMA integrity_check` and `quick_check` answer, line by line, turned into findings.

The wording is that of SQLite 3.54 (src/btree.c, src/pragma.c, ext/fts5, ext/rtree); a line that is
not known here becomes a finding on the table that was being checked, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, joined
from dbtool.integrity.objects import Catalogue, SchemaObject

__all__ = ["findings_of"]

_TREE: Final = re.compile(
    r"Tree (\d+) page (\d+)(?: (?:cell|right child) ?-?\d*)?: (.*)", re.DOTALL
)
_PAGE: Final = re.compile(r"(?:Page|page|Main freelist: .* page) (\d+)\b")
_LOST: Final = re.compile(r"Page (\d+): never used")
_INDEX: Final = re.compile(
    r"(?:row \S+ missing from index |wrong # of entries in index |non-unique entry in index "
    r"|row \S+ values differ from index |rowid not at end-of-record for row \S+ of index )(.+)",
    re.DOTALL,
)
_RULE: Final = re.compile(
    r"(?:NULL value in |CHECK constraint failed in |(?:non-)?[A-Z]+ value in )(.+)", re.DOTALL
)
_NO_PAGE: Final = re.compile(r"Tree \d+ page (\d+): btreeInitPage\(\) returns error code 11")
_BANNER: Final = "*** in database "


@dataclass(slots=True)
class _Group:
    """What is known of one object for one reason."""

    subject: SchemaObject | None
    code: Code
    verdict: Verdict
    rung: Rung | None
    lines: list[str] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)


def findings_of(
    rows: Iterable[str], *, checked: SchemaObject, catalogue: Catalogue, level: Level
) -> list[Finding]:
    """Return one finding for each object and reason.

    Args:
        rows: the answer, or what an exception said; "ok" counts as nothing.
        checked: the table that was checked.
        catalogue: the schema.
        level: of the check.
    """
    groups: dict[tuple[str, Code], _Group] = {}
    for row in rows:
        for line in _lines(row):
            group = _classified(line, checked, catalogue)
            key = (group.subject.name if group.subject else "", group.code)
            kept = groups.setdefault(key, group)
            kept.lines.append(line)
            kept.pages |= group.pages
    return [_finding(group, level) for group in groups.values()]


def _lines(row: str) -> list[str]:
    """Cut a row of the answer: trouble with trees comes as one row of many lines."""
    if row == "ok":
        return []
    if not row.startswith(_BANNER):
        return [row]
    return [line for line in row.split("\n")[1:] if line]


def _classified(line: str, checked: SchemaObject, catalogue: Catalogue) -> _Group:
    tree = _TREE.match(line)
    if tree:
        subject = catalogue.at(int(tree[1]))
        pages = {int(tree[2])}
        if subject is None:
            return _Group(None, Code.TREE_DAMAGED, Verdict.DATA_DAMAGE, Rung.SALVAGE, [], pages)
        return _tree(subject, pages)
    if line.startswith("Freelist: "):
        return _Group(
            _FREELIST,
            Code.FREELIST_DAMAGED,
            Verdict.DERIVED_DAMAGE,
            Rung.DERIVED,
            [],
            {int(page) for page in _PAGE.findall(line)},
        )
    index = _INDEX.match(line)
    if index:
        subject = catalogue.named(index[1]) or checked
        return _Group(subject, Code.INDEX_MISMATCH, Verdict.DERIVED_DAMAGE, Rung.DERIVED)
    if _RULE.match(line):
        return _Group(checked, Code.CONSTRAINT_BROKEN, Verdict.RULES_BROKEN, None)
    return _unnamed(line, checked)


def _unnamed(line: str, checked: SchemaObject) -> _Group:
    """Return what a line means that names neither a tree nor an index."""
    lost = _LOST.match(line)
    if lost:
        pages = {int(lost[1])}
        return _Group(None, Code.PAGE_LOST, Verdict.DERIVED_DAMAGE, Rung.DERIVED, [], pages)
    if checked.kind == Kind.FTS:
        return _Group(checked, Code.FTS_DAMAGED, checked.damage, checked.rung)
    if checked.kind == Kind.RTREE:
        return _Group(checked, Code.RTREE_DAMAGED, Verdict.DATA_DAMAGE, Rung.SALVAGE)
    return _tree(checked, {int(page) for page in _PAGE.findall(line)})


_FREELIST: Final = SchemaObject("freelist", Kind.FREELIST, "", 0, "", derived=True)


def _tree(subject: SchemaObject, pages: set[int]) -> _Group:
    if subject.kind == Kind.SCHEMA:
        code = Code.SCHEMA_DAMAGED
    elif subject.kind == Kind.INDEX:
        code = Code.INDEX_DAMAGED
    elif subject.kind == Kind.FTS:
        code = Code.FTS_DAMAGED
    else:
        code = Code.TREE_DAMAGED
    return _Group(subject, code, subject.damage, subject.rung, [], pages)


def _said(line: str) -> str:
    """Return a line for people; what SQLite calls its own functions is no help to them."""
    broken = _NO_PAGE.fullmatch(line)
    return f"page {broken[1]} does not hold together" if broken else line.replace("\n", " ")


def _finding(group: _Group, level: Level) -> Finding:
    subject = group.subject
    more = len(group.lines) - 1
    problem = _said(group.lines[0]) + (f", and {more:,} more" if more else "")
    return Finding(
        level,
        group.code,
        group.verdict,
        subject.kind if subject else Kind.FILE,
        subject.name if subject else "",
        problem,
        table=subject.table if subject else "",
        pages=joined(group.pages),
        rows_at_risk=None if group.verdict == Verdict.DATA_DAMAGE else 0,
        rung=group.rung,
        answers=tuple(group.lines),
    )
