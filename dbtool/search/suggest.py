"""What may have been meant: words of the index that are close to one that no row has.

Of a small table every word is compared. Of a large one not the whole vocabulary is read: every
word at one step from the wrong one (a letter too many, missing, wrong, or two swapped) is looked
up; and the words that begin with one of its first two letters are compared for two steps.
The distance is that of Damerau and Levenshtein (optimal string alignment).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import apsw

from dbtool.search.rows import ask
from dbtool.search.sidecar import IndexedTable

__all__ = ["distance", "suggestions"]

_SHORTEST: Final = 5
_MOST_STEPS: Final = 2
_SMALL_ROWS: Final = 50_000
_MOST_READ: Final = 60_000
"""Words of the vocabulary that are compared, in one table."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_VOCABULARY: Final = "temp.dbtool_vocabulary"


def suggestions(
    connection: apsw.Connection,
    schema: str,
    tables: Iterable[IndexedTable],
    word: str,
    *,
    most: int = 5,
) -> tuple[str, ...]:
    """Return words of the index that may have been meant, the likeliest first.

    Args:
        connection: has the index attached as `schema`, and may make temporary tables.
        schema: see there.
        tables: whose words to look at.
        word: as a token of the index.
        most: how many to return.
    """
    if len(word) < _SHORTEST:
        return ()
    found: dict[str, int] = {}
    for table in tables:
        for candidate, rows in _candidates(connection, schema, table, word):
            found[candidate] = found.get(candidate, 0) + rows
    ranked = []
    for candidate, rows in found.items():
        steps = distance(word, candidate, _MOST_STEPS)
        if 0 < steps <= _MOST_STEPS:
            ranked.append((steps, candidate[:1] != word[:1], -rows, candidate))
    return tuple(entry[3] for entry in sorted(ranked)[:most])


def distance(one: str, other: str, most: int) -> int:
    """Return the steps from one word to another; more than `most` where there are more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            steps = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            swapped = i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted
            if swapped:
                steps = min(steps, before_last[j - 2] + 1)
            row.append(steps)
        if min(row) > most:
            return most + 1
        before_last, last = last, row
    return last[-1]


def _candidates(
    connection: apsw.Connection, schema: str, table: IndexedTable, word: str
) -> Iterator[tuple[str, int]]:
    connection.execute(
        f"CREATE VIRTUAL TABLE {_VOCABULARY} USING fts5vocab({schema}, {table.words}, 'row')"
    )
    lengths = len(word) - _MOST_STEPS, len(word) + _MOST_STEPS
    try:
        if 0 < table.rows <= _SMALL_ROWS:
            yield from _read(connection, "length(term) BETWEEN ? AND ?", lengths)
            return
        for near in _one_step(word):
            yield from _read(connection, "term = ?", (near,))
        for letter in dict.fromkeys(word[:2]):
            asked = "term >= ? AND term < ? AND length(term) BETWEEN ? AND ?"
            for term, rows in _read(connection, asked, (letter, letter + "\U0010ffff", *lengths)):
                if distance(word, term, _MOST_STEPS) > 1:  # or it was looked up
                    yield term, rows
    finally:
        connection.execute(f"DROP TABLE {_VOCABULARY}")


def _read(
    connection: apsw.Connection, where: str, values: tuple[str | int, ...]
) -> Iterator[tuple[str, int]]:
    sql = f"SELECT term, doc FROM {_VOCABULARY} WHERE {where} LIMIT {_MOST_READ}"
    yield from ((term, rows) for term, rows in ask(connection, sql, values))


def _one_step(word: str) -> set[str]:
    letters = _LETTERS + "".join(sorted(set(word) - set(_LETTERS)))
    splits = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in splits if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in splits if len(tail) > 1}
    found |= {head + c + tail[1:] for head, tail in splits if tail for c in letters}
    found |= {head + c + tail for head, tail in splits for c in letters}
    return found - {word}
