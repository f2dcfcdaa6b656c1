"""The shape of every index of a database, and which indexes another one makes superfluous.

An index is superfluous if its terms, in order, begin another index of the same table with the same
collations, directions and condition: whatever the shorter one finds, the longer one finds as well.
It must not be UNIQUE itself, since it then enforces something; of two equal ones the one that a
constraint made stays, as it cannot be dropped. Nothing here is measured: a narrower index may still
be a little faster to scan, which is for the reader of the advice to know.

Definitions are read through SQLite; only the text of expressions and conditions, which no pragma
gives, is taken from the statement. Tables that SQLite cannot load are left out, not an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import apsw

__all__ = [
    "IndexShape",
    "IndexTerm",
    "RedundantIndex",
    "read_index_shapes",
    "redundant_indexes",
]

_TABLES: Final = (
    "SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name"
)
_LIST: Final = 'SELECT name, "unique", origin, partial FROM pragma_index_list(?, ?)'
_TERMS: Final = (
    'SELECT cid, name, "desc", coll FROM pragma_index_xinfo(?, ?) WHERE key ORDER BY seqno'
)
_SQL: Final = "SELECT name, sql FROM {schema}.sqlite_schema WHERE type = 'index' AND sql NOT NULL"
_ROWID_ALIAS: Final = (
    "SELECT name FROM pragma_table_info(?1, ?2) WHERE pk AND upper(type) = 'INTEGER' "
    "AND 1 = (SELECT count(*) FROM pragma_table_info(?1, ?2) WHERE pk) "
    "AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) WHERE origin = 'pk')"
)
_CODE: Final = "SELECT name, sql FROM {schema}.sqlite_schema WHERE type IN ('view', 'trigger')"
_EXPRESSION: Final = -2
_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<word>[^\W\d][\w$]*)
      | (?P<other>\d[\w.]*|<=|>=|<>|!=|==|\|\||<<|>>|->>?|.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^\W\d][\w$]*")


@dataclass(frozen=True, slots=True)
class IndexTerm:
    """One column or expression of an index."""

    text: str
    """Name of the column as declared; an expression in a form that compares."""
    is_expression: bool
    descending: bool
    collation: str

    def key(self) -> tuple[str, bool, bool, str]:
        """Return what two equal terms have in common."""
        text = self.text if self.is_expression else self.text.lower()
        return text, self.is_expression, self.descending, self.collation.lower()


@dataclass(frozen=True, slots=True)
class IndexShape:
    """One index."""

    name: str
    table: str
    terms: tuple[IndexTerm, ...]
    """Key terms in order, without what SQLite adds to find the row."""
    unique: bool
    where: str
    """Condition of a partial index in a form that compares; empty: it covers all rows."""
    origin: str
    """c: CREATE INDEX; u: a UNIQUE constraint; pk: a PRIMARY KEY."""

    @property
    def droppable(self) -> bool:
        """Whether DROP INDEX takes it: constraints keep theirs."""
        return self.origin == "c"


@dataclass(frozen=True, slots=True)
class RedundantIndex:
    """An index that another one makes superfluous."""

    index: IndexShape
    covered_by: str
    """Name of the index that serves instead; "rowid" where the table itself does."""
    duplicate: bool
    """True: both have the same terms; False: this one is the beginning of the other."""
    named_in: tuple[str, ...] = ()
    """Views and triggers that say INDEXED BY this index: without it they fail."""


def read_index_shapes(connection: apsw.Connection, schema: str = "main") -> list[IndexShape]:
    """Return every index of the tables that SQLite can load, by table and name.

    Args:
        connection: reads the database.
        schema: main, or the name of an attached database; not quoted here.
    """
    statements = {
        str(name): str(sql) for name, sql in _rows(connection, _SQL.format(schema=schema))
    }
    shapes = [
        _shape(connection, schema, str(table), row, statements)
        for (table,) in _rows(connection, _TABLES.format(schema=schema))
        for row in _rows(connection, _LIST, (str(table), schema))
    ]
    return sorted(shapes, key=lambda shape: (shape.table, shape.name))


def redundant_indexes(
    connection: apsw.Connection, shapes: Sequence[IndexShape] | None = None, schema: str = "main"
) -> list[RedundantIndex]:
    """Return the indexes that others make superfluous; dropping all of them at once is sound.

    Args:
        connection: reads the database.
        shapes: what `read_index_shapes` gave; None: it is called.
        schema: as of `read_index_shapes`.
    """
    shapes = read_index_shapes(connection, schema) if shapes is None else shapes
    code = [
        (str(name), " ".join(_tokens(sql)))
        for name, sql in _rows(connection, _CODE.format(schema=schema))
        if isinstance(sql, str) and "indexed" in sql.lower()
    ]
    found = []
    by_table: dict[str, list[IndexShape]] = {}
    for shape in shapes:
        by_table.setdefault(shape.table, []).append(shape)
    for table, own in by_table.items():
        alias = _rows(connection, _ROWID_ALIAS, (table, schema))
        covered = {shape.name: _covering(shape, own, _name(alias)) for shape in own}
        for shape in own:
            by = covered[shape.name]
            if by is None:
                continue
            while (further := covered.get(by.name)) is not None:
                by = further  # the one named is one that stays
            phrase = f"indexed by {_word(shape.name)}"
            users = tuple(name for name, sql in code if phrase in sql)
            same = _keys(by) == _keys(shape)
            found.append(RedundantIndex(shape, by.name, duplicate=same, named_in=users))
    return found


def _covering(
    shape: IndexShape, others: Iterable[IndexShape], rowid_alias: str
) -> IndexShape | None:
    """Return what serves instead of `shape`; None where nothing does."""
    if not shape.droppable or not shape.terms:
        return None
    first = shape.terms[0]
    binary = first.collation.upper() == "BINARY" and not first.is_expression
    alone = len(shape.terms) == 1 and not shape.where
    if rowid_alias and alone and binary and first.text.lower() == rowid_alias.lower():
        return replace(shape, name="rowid", origin="pk")
    # An equal one first, then the shortest: the cheapest to read instead.
    return min(
        (other for other in others if _serves(other, shape)),
        key=lambda other: (len(other.terms), not other.unique, other.name),
        default=None,
    )


def _serves(other: IndexShape, shape: IndexShape) -> bool:
    """Say whether `other` finds all that `shape` finds, and stays when `shape` goes."""
    if other is shape or other.where != shape.where:
        return False
    key, wider = _keys(shape), _keys(other)
    if wider[: len(key)] != key:
        return False
    if len(wider) > len(key):
        return not shape.unique
    if shape.unique and not other.unique:
        return False
    # Equal terms: exactly one of the two has to stay.
    return _rank(other) < _rank(shape)


def _rank(shape: IndexShape) -> tuple[bool, bool, str]:
    return shape.droppable, not shape.unique, shape.name


def _shape(
    connection: apsw.Connection,
    schema: str,
    table: str,
    row: tuple[object, ...],
    statements: Mapping[str, str],
) -> IndexShape:
    name, unique, origin, partial = row
    columns = _rows(connection, _TERMS, (str(name), schema))
    texts: list[str] = []
    where = ""
    if partial or any(column[0] == _EXPRESSION for column in columns):
        texts, where = _parsed(statements.get(str(name), ""))
    # What is not known equals nothing else.
    unknown = f"unknown, of {name}"
    terms = tuple(
        _term(column, texts[at] if at < len(texts) and texts[at] else f"{at}, {unknown}")
        for at, column in enumerate(columns)
    )
    condition = (where or unknown) if partial else ""
    return IndexShape(str(name), table, terms, bool(unique), condition, str(origin))


def _keys(shape: IndexShape) -> list[tuple[str, bool, bool, str]]:
    return [term.key() for term in shape.terms]


def _term(column: tuple[object, ...], expression: str) -> IndexTerm:
    number, name, descending, collation = column
    is_expression = number == _EXPRESSION
    text = expression if is_expression else str(name)
    return IndexTerm(text, is_expression, bool(descending), str(collation))


def _parsed(sql: str) -> tuple[list[str], str]:
    """Return the terms of a CREATE INDEX without COLLATE, ASC and DESC, and its condition."""
    terms: list[list[str]] = [[]]
    rest: list[str] = []
    depth, seen = 0, False
    for piece in _tokens(sql):
        if seen and not depth:
            rest.append(piece)
            continue
        depth += (piece == "(") - (piece == ")")
        if depth == 1 and piece == "(":
            seen = True
        elif depth == 1 and piece == ",":
            terms.append([])
        elif depth:
            terms[-1].append(piece)
    where = " ".join(rest[1:]) if rest[:1] == ["where"] else ""
    return [" ".join(_bare(term)) for term in terms], where.rstrip("; ")


def _bare(term: list[str]) -> list[str]:
    if term[-1:] and term[-1] in ("asc", "desc"):
        term = term[:-1]
    return term[:-2] if len(term) > 2 and term[-2] == "collate" else term  # noqa: PLR2004 - something before it


def _tokens(sql: str) -> Iterator[str]:
    """Yield the tokens of `sql` so that equal ones compare equal: names unquoted, in lower case."""
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup, match[0]
        if kind == "skip":
            continue
        if kind == "quoted":
            text = _word(text[1:-1].replace(text[0] * 2, text[0]))
        yield text if kind == "text" else text.lower()


def _word(name: str) -> str:
    """Return a name as a token that no punctuation equals."""
    return name.lower() if _PLAIN.fullmatch(name) else f'"{name.lower()}"'


def _name(rows: list[tuple[object, ...]]) -> str:
    return str(rows[0][0]) if rows else ""


def _rows(
    connection: apsw.Connection, sql: str, bindings: tuple[str, ...] = ()
) -> list[tuple[object, ...]]:
    """Return all rows; none where SQLite cannot load the object."""
    try:
        return connection.execute(sql, bindings).fetchall()
    except (apsw.SQLError, UnicodeDecodeError):
        return []
