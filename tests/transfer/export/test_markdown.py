"""Tables in Markdown."""

from __future__ import annotations

import apsw

from tests.transfer.export.conftest import exported


def test_nothing_in_a_cell_means_anything_to_markdown_html_or_a_terminal() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE "t\n#"("a|b" , c)')
    connection.execute("INSERT INTO \"t\n#\" VALUES('<b>*x*|`y`', NULL), ('two\nlines', 'NULL')")
    connection.execute('INSERT INTO "t\n#" VALUES(?, ?)', ("\x1b[31m", 1.5))
    assert exported(connection, "markdown", "t\n#").decode() == (
        "| a\\|b | c |\n| --- | --- |\n"
        "| &lt;b&gt;\\*x\\*\\|\\`y\\` | NULL |\n"
        "| two<br>lines | 'NULL' |\n"
        "| \\\\x1b\\[31m | 1.5 |\n"
    )


def test_several_tables_have_headings() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE a(x INTEGER PRIMARY KEY); CREATE TABLE b(y INTEGER PRIMARY KEY)"
    )
    text = exported(connection, "markdown").decode()
    assert text == "## a\n\n| x |\n| --- |\n\n## b\n\n| y |\n| --- |\n"
