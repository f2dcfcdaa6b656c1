"""Our own files: sections, rebuilds, ignores, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import UsageError
from dbtool.migrate.model import Ignore, Rebuild, Statement
from dbtool.migrate.sections import parse_file

FILE = Path("0001_x.sql")
TEXT = """-- A remark.
-- dbtool:ignore drop-column copied in 0007
-- dbtool:up
CREATE TABLE a(b);
-- dbtool:rebuild orders
-- dbtool:map total = price * 2;
CREATE TABLE orders(id INTEGER PRIMARY KEY, total);
-- dbtool:map "at" = 'x'
DROP INDEX c;
-- dbtool:down tx=none
VACUUM
-- dbtool:verify
SELECT 1 WHERE 0;
"""


def test_all_that_a_file_can_say_is_read() -> None:
    parsed = parse_file(FILE, TEXT)
    assert parsed.marked
    assert parsed.ignores == (Ignore("drop-column", "copied in 0007", 2),)
    assert parsed.up is not None
    first, rebuild, last = parsed.up.steps
    assert first == Statement("CREATE TABLE a(b);", 4)
    assert isinstance(rebuild, Rebuild)
    assert (rebuild.table, rebuild.line, rebuild.create.line) == ("orders", 5, 7)
    assert rebuild.maps == (("total", "price * 2"), ("at", "'x'"))
    assert last == Statement("DROP INDEX c;", 9)
    assert parsed.down is not None
    assert (parsed.down.transactional, parsed.down.steps) == (False, (Statement("VACUUM", 11),))
    assert parsed.verify == (Statement("SELECT 1 WHERE 0;", 13),)


def test_a_file_without_sections_is_a_way_up() -> None:
    parsed = parse_file(FILE, "CREATE TABLE a(b);")
    assert not parsed.marked
    assert parsed.up is not None
    assert len(parsed.up.steps) == 1
    assert parsed.down is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- dbtool:upp\nSELECT 1;", "line 1: there is no dbtool:upp"),
        ("-- dbtool:up\n-- dbtool:up", "line 2: dbtool:up a second time, after line 1"),
        ("SELECT 1;\n-- dbtool:up", "line 1: SQL stands before the line dbtool:up"),
        ("-- dbtool:up x=1", "line 1: dbtool:up knows no x=1"),
        ("-- dbtool:up\n-- dbtool:verify tx=none", "line 2: dbtool:verify knows no tx=none"),
        ("-- dbtool:ignore drop-table", "line 1: an ignore needs a rule and a reason"),
        ("\n-- dbtool:rebuild t\nSELECT 1;", "line 2: after a rebuild comes the new CREATE TABLE"),
        ("-- dbtool:rebuild t", "line 1: after a rebuild comes the new CREATE TABLE"),
        ("-- dbtool:rebuild t\nCREATE TABLE u(a);", "line 1: the rebuild is of t, and the CREATE"),
        ("-- dbtool:map a = b", "line 1: a map without a rebuild before it"),
        ("-- dbtool:rebuild t\nCREATE TABLE t(a);\n-- dbtool:map a", "line 3: this is no map"),
        ("-- dbtool:up\n\nSELECT 'x", "line 3: the quotation ' does not end"),
        ("-- dbtool:up\n-- dbtool:verify\n-- dbtool:rebuild t\nCREATE TABLE t(a);", "line 2: a re"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_file(FILE, text)
    assert caught.value.message.startswith(f"0001_x.sql, {message}")
