"""Searches find what a plain reading of every row finds."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import UsageError
from dbtool.search.access import (
    SearchAccess,
    open_database,
    search_corpus,
    search_database,
)
from dbtool.search.model import SearchOptions

WORDS = ["rock", "roll", "rocks", "Stone", "née", "1999", "x-ray", "東京", "O'Neil", "café"]
APART = "東京"
Row = tuple[object, ...]
COLUMNS = {"p": ("id", "name", "text", "n"), "q": ("k", "text", "n")}


def plain(value: object) -> list[str]:
    """Return the words of a value by rules written down anew."""
    if value is None or isinstance(value, bytes):
        return []
    text = unicodedata.normalize("NFD", str(value)).lower()
    text = "".join(c for c in text if not unicodedata.combining(c))
    for character in APART:
        text = text.replace(character, f" {character} ")
    return re.findall(r"[^\W_]+", text)


def holds(words: list[str], phrase: list[str], *, prefix: bool) -> bool:
    size = len(phrase)
    for at in range(len(words) - size + 1):
        part = words[at : at + size]
        if part == phrase or (
            prefix and part[:-1] == phrase[:-1] and part[-1].startswith(phrase[-1])
        ):
            return True
    return False


class Question:
    """A random query: its text, and whether a row answers it."""

    def __init__(self, draw: random.Random, depth: int = 0) -> None:
        self.draw = draw
        kind = draw.random()
        if depth > 2 or kind < 0.45:
            self.text, self.test = self.word()
        elif kind < 0.6:
            self.text, self.test = self.number()
        elif kind < 0.7:
            inner = Question(draw, depth + 1)
            self.text = f"-({inner.text})"
            self.test = lambda table, row: not inner.test(table, row)
        else:
            parts = [Question(draw, depth + 1) for _ in range(2)]
            both = kind < 0.87
            self.text = f"({parts[0].text}{' ' if both else ' OR '}{parts[1].text})"
            every = all if both else any
            self.test = lambda table, row: every(part.test(table, row) for part in parts)

    def word(self):
        draw = self.draw
        phrase = " ".join(draw.choices(WORDS, k=draw.choice((1, 1, 1, 2))))
        prefix = draw.random() < 0.3
        if prefix:
            phrase = phrase[: max(1, len(phrase) - draw.randint(0, 2))]
        column = draw.choice((None, None, "name", "text"))
        wanted = plain(phrase)
        text = f'"{phrase}"' + "*" * prefix

        def test(table: str, row: Row) -> bool:
            return any(
                holds(plain(value), wanted, prefix=prefix)
                for name, value in zip(COLUMNS[table], row, strict=True)
                if column is None or name == column
            )

        return (f"{column}:{text}" if column else text), test

    def number(self):
        operator = self.draw.choice(("=", "!=", "<", "<=", ">", ">="))
        limit = self.draw.randint(-2, 6)
        compare = {
            "=": lambda v: v == limit,
            "!=": lambda v: v != limit,
            "<": lambda v: v is not None and v < limit,
            "<=": lambda v: v is not None and v <= limit,
            ">": lambda v: v is not None and v > limit,
            ">=": lambda v: v is not None and v >= limit,
        }[operator]
        return f"n{operator}{limit}", lambda table, row: compare(row[-1])


def value(draw: random.Random) -> object:
    kind = draw.random()
    if kind < 0.1:
        return None
    if kind < 0.15:
        return draw.choice((b"rock", 1999, 7.5))
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 5)))


def fill(path: Path, draw: random.Random) -> dict[str, dict[object, Row]]:
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, name, text TEXT, n INT);"
        "CREATE TABLE q(k TEXT PRIMARY KEY, text, n INT) WITHOUT ROWID"
    )
    rows: dict[str, dict[object, Row]] = {"p": {}, "q": {}}
    for number in range(40):
        n = draw.choice((None, draw.randint(-3, 7)))
        rows["p"][100 + number] = (100 + number, value(draw), value(draw), n)
        rows["q"][f"key{number}"] = (f"key{number}", value(draw), n)
    connection.executemany("INSERT INTO p VALUES(?, ?, ?, ?)", list(rows["p"].values()))
    connection.executemany("INSERT INTO q VALUES(?, ?, ?)", list(rows["q"].values()))
    for (
        table,
        found,
    ) in rows.items():  # as SQLite keeps them: text columns have made text of numbers
        for row in connection.execute(f"SELECT * FROM {table}"):
            found[row[0]] = row
    connection.close()
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_words_and_conditions_find_what_reading_finds(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "a.db"
    rows = fill(path, draw)
    ways = (SearchAccess(use=False), SearchAccess(scanned_bytes=0))
    for number in range(25):
        question = Question(draw)
        expected = {
            (table, key)
            for table, found in rows.items()
            for key, row in found.items()
            if question.test(table, row)
        }
        result = search_database(path, question.text, SearchOptions(limit=1000), ways[number % 2])
        got = {(hit.table, hit.key[0][1]) for hit in result.hits}
        assert got == expected, question.text
        assert result.total == len(expected)


PIECES = (
    "rock", "ro*", '"', "(", ")", " ", " OR ", " AND ", "NOT ", "-", "name:", "n>", "n:", "text<=",
    "2026", "7d", "..", "table:p", "*", "東", "🎉", "\0", "\udcff", "!", "é", "=", "NULL", "p.n=",
    '"a b"', "k:", "\\", "%", "_", "'", ";", "--", "1e999", "9" * 30, "{", "}", "^", "+", "NEAR(",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_any_query_has_an_answer_or_an_error_with_a_place(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "a.db"
    fill(path, draw)
    with open_database(path, SearchAccess(), progress=Silent()) as opened:
        for _ in range(400):
            text = "".join(draw.choices(PIECES, k=draw.randint(1, 9)))
            mode = draw.choice(("word", "word", "substring", "regex"))
            try:
                search_corpus(opened.corpus, text, SearchOptions(mode=mode), Silent())
            except UsageError as error:
                assert error.code in ("query-invalid", "regex-invalid"), text
                assert error.context or not text.strip(" \0"), text


@pytest.mark.parametrize("seed", range(4))
def test_substrings_find_what_reading_finds(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "a.db"
    rows = fill(path, draw)
    for _ in range(25):
        whole = " ".join(draw.choices(WORDS, k=2))
        at = draw.randrange(len(whole) - 2)
        needle = whole[at : at + draw.randint(1, 5)].replace('"', "").strip() or "o"
        expected = {
            (table, key)
            for table, found in rows.items()
            for key, row in found.items()
            if any(
                needle.lower() in str(v).lower()
                for v in row
                if v is not None and not isinstance(v, bytes)
            )
        }
        options = SearchOptions(mode="substring", limit=1000)
        result = search_database(path, f'"{needle}"', options)
        assert {(hit.table, hit.key[0][1]) for hit in result.hits} == expected, needle
