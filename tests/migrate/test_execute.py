"""What SQLite says to a statement, with file, line and statement."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError
from dbtool.migrate.execute import beginning
from tests.migrate.kit import Project


def failure(
    project: Project, text: str, name: str = "0002_x.sql", **options: object
) -> DbtoolError:
    project.write(name, text)
    before = project.content()
    with pytest.raises(DbtoolError) as caught:
        project.run(**options)
    assert project.content() == before
    return caught.value


def test_a_syntax_error_is_named_with_the_line_that_it_is_in(shop: Project) -> None:
    text = "SELECT 1;\nCREATE TABLE z(\n  a,\n  b cc dd PRIMARY,\n);"
    error = failure(shop, text, allow=["not-judged"])
    assert error.code == "migration-syntax"
    assert error.message.startswith("0002_x.sql, line 4: ")


def test_a_syntax_error_is_found_before_anything_runs(shop: Project) -> None:
    shop.write("0002_fine.sql", "CREATE TABLE fine(a);")
    error = failure(shop, "\nSELEC 1;", "0003_x.sql")
    assert error.message == '0003_x.sql, line 2: near "SELEC": syntax error'


def test_a_constraint_is_named_with_the_statement(shop: Project) -> None:
    error = failure(shop, "-- dbtool:up\n\nINSERT INTO p(id) VALUES (1);")
    assert (error.code, error.exit_code) == ("migration-failed", 1)
    assert error.message == "0002_x.sql, line 3: UNIQUE constraint failed: p.id"
    assert error.context == "INSERT INTO p(id) VALUES (1);"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("COMMIT;", "COMMIT"),
        ("BEGIN;", "BEGIN"),
        ("ATTACH 'x.db' AS x;", "ATTACH"),
        ("DELETE FROM _dbtool_migrations;", "changing _dbtool_migrations"),
        ("INSERT OR ROLLBACK INTO p(id) VALUES (9);\nCREATE TABLE z(a);", ""),
    ],
)
def test_what_is_not_allowed_is_refused(shop: Project, sql: str, what: str) -> None:
    if not what:
        shop.write("0002_x.sql", sql)
        shop.run()
        return
    error = failure(shop, f"CREATE TABLE z(a);\n{sql}", allow=["explicit-transaction"])
    assert (error.code, error.exit_code) == ("migration-refused", 5)
    assert error.message == f"0002_x.sql, line 2: {what} is not allowed here"


def test_a_statement_that_rolls_back_by_itself_leaves_nothing(shop: Project) -> None:
    error = failure(shop, "CREATE TABLE z(a);\nINSERT OR ROLLBACK INTO p(id) VALUES (1);")
    assert error.code == "migration-failed"


def test_python_runs_with_the_connection_and_is_undone(shop: Project) -> None:
    shop.write(
        "0002_x.py",
        "def up(db):\n    for i in (10, 11):\n"
        "        db.execute('INSERT INTO p VALUES (?, ?)', (i, 'x'))\n"
        "def down(db):\n    db.execute('DELETE FROM p WHERE id >= 10')\n",
    )
    result = shop.run()
    assert result.done[0].rows == {"p": (2, 4)}
    shop.run("down")
    assert shop.sql("SELECT count(*) FROM p") == [(2,)]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("    x = 1\n    raise ValueError('no')", "migration-failed", "line 3: ValueError: no"),
        ("    db.execute('SELEC')", "migration-syntax", "line 2: near"),
        ("    db.execute('COMMIT')", "migration-refused", "line 2: COMMIT is not allowed"),
    ],
)
def test_an_error_in_python_is_named_with_its_line(
    shop: Project, body: str, code: str, message: str
) -> None:
    error = failure(shop, f"def up(db):\n{body}\n", "0002_x.py")
    assert error.code == code
    assert message in error.message


def test_python_that_ends_the_program_has_failed(shop: Project) -> None:
    body = "import sys\ndef up(db):\n    db.execute('DELETE FROM c')\n    sys.exit(0)\n"
    error = failure(shop, body, "0002_x.py")
    assert error.code == "migration-failed"
    assert "line 4: SystemExit" in error.message


def test_python_that_goes_on_after_a_rollback_changes_nothing(shop: Project) -> None:
    body = (
        "def up(db):\n    try:\n        db.execute('INSERT OR ROLLBACK INTO p(id) VALUES (1)')\n"
        "    except Exception:\n        pass\n    db.execute('DELETE FROM c')\n"
    )
    error = failure(shop, body, "0002_x.py")
    assert error.code == "migration-refused"
    assert error.message.startswith("0002_x.py, line 6: a statement before")


def test_python_that_switches_foreign_keys_on_changes_nothing(shop: Project) -> None:
    body = (
        "import apsw\ndef up(db):\n    db.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)\n"
        "    db.execute('DELETE FROM p WHERE id = 1')\n"
    )
    error = failure(shop, body, "0002_x.py")
    assert error.code == "migration-refused"
    assert error.message.startswith("0002_x.py, line 4: foreign keys were switched on")


def test_a_long_statement_is_shown_by_its_beginning() -> None:
    assert beginning("SELECT  1,\n 2") == "SELECT 1, 2"
    assert len(beginning("x " * 100)) == 70
