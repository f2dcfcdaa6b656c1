"""A source imported into a private copy of the tables of a database."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Refused
from dbtool.transfer import staging
from dbtool.transfer.differences import STAGED
from dbtool.transfer.options import ImportOptions
from dbtool.transfer.sources import find_inputs
from dbtool.transfer.staging import columns_of, compare_all, comparison, staged_source


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "users.csv"
    path.write_text("id,zip\n1,012\n2,34\n")
    return path


def test_values_are_what_an_import_into_the_table_would_make_of_them(source: Path) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE users(id TEXT PRIMARY KEY, zip TEXT, more)")
    connection.execute("INSERT INTO users VALUES ('1', '012', 5), ('2', '34', 6)")
    inputs, options = find_inputs(str(source), None), ImportOptions()
    with staged_source("users", inputs, connection, options, Silent()) as stage:
        rows = connection.execute(f"SELECT * FROM {STAGED}.users").fetchall()
        made = compare_all(connection, stage, inputs, options, Silent())
        columns = columns_of(stage.result)

    assert rows == [("1", "012", None), ("2", "34", None)]
    assert made[0].equal
    assert columns == {"users": ("id", "zip")}
    assert [name for _, name, _ in connection.execute("PRAGMA database_list")] == ["main"]


def test_a_source_that_changes_all_the_while_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(100))
    monkeypatch.setattr(staging, "_stamps", lambda _: [(next(numbers), 0)])
    with (
        pytest.raises(Refused) as caught,
        staged_source(
            "users",
            find_inputs(str(source), None),
            apsw.Connection(":memory:"),
            ImportOptions(),
            Silent(),
        ),
    ):
        pass

    assert caught.value.code == "source-changing"


@pytest.mark.parametrize(
    ("sql", "pk", "key"),
    [
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, a)", (), ("id",)),
        ("CREATE TABLE t(a, b, PRIMARY KEY (b, a))", (), ("b", "a")),
        ("CREATE TABLE t(a UNIQUE, b)", (), ()),
        ("CREATE TABLE t(a UNIQUE, b)", ("A",), ("A",)),
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, a)", ("a",), ()),
        ("CREATE TABLE t(a)", ("none",), ()),
    ],
)
def test_the_key_must_name_one_row(sql: str, pk: tuple[str, ...], key: tuple[str, ...]) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(sql)

    assert comparison(connection, "t", ("a",), ImportOptions(pk=pk)).key == key
