"""A database that is exported to a folder and imported again is equal, by SQLite's own `dbhash`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
import apsw.sqlite_extra
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.cli.app import main
from tests.transfer.export import conftest as hard

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=40),
)
NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    min_size=1, max_size=4, unique_by=str.lower,
).filter(lambda names: not any(name.lower().startswith("sqlite_") for name in names))  # fmt: skip
ENCODINGS = ["UTF-8", "UTF-16le", "UTF-16be"]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def dbhash(path: Path) -> str:
    """Return what SQLite's program says of the content of a database."""
    program = apsw.sqlite_extra.path("sqlite3_dbhash")
    if program is None:
        pytest.skip("apsw has no sqlite3_dbhash here")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def there_and_back(home: Path, form: list[str]) -> None:
    before, folder, after = home / "before.db", home / "folder", home / "after.db"
    assert main(["export", "-q", "--to", str(folder), *form, str(before)]) == 0
    assert main(["import", "-q", str(folder), str(after)]) == 0
    assert dbhash(after) == dbhash(before)
    one, other = apsw.Connection(str(before)), apsw.Connection(str(after))
    assert hard.content(other) == hard.content(one)
    one.close()
    other.close()


@pytest.mark.parametrize("form", [[], ["--as", "json"], ["--compress", "zstd"]])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_database_with_everything_is_equal(
    tmp_path: Path, encoding: str, form: list[str]
) -> None:
    connection = apsw.Connection(str(tmp_path / "before.db"))
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    connection.execute(hard.SCHEMA)
    hard.fill(connection)
    hard.spoil(connection)
    connection.close()
    there_and_back(tmp_path, form)


@settings(max_examples=25, deadline=None)
@given(NAMES, NAMES, st.lists(st.lists(VALUES, min_size=4, max_size=4), max_size=8),
       st.sampled_from(ENCODINGS), st.booleans())  # fmt: skip
def test_any_names_and_values_come_back(
    tables: list[str], columns: list[str], rows: list[list[Any]], encoding: str, keyed: bool
) -> None:
    with TemporaryDirectory() as folder:
        connection = apsw.Connection(str(Path(folder) / "before.db"))
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        listed = ", ".join(map(quoted, columns))
        for table in tables:
            key = "dbtool_key INTEGER PRIMARY KEY, " if keyed else ""
            connection.execute(f"CREATE TABLE {quoted(table)}({key}{listed})")
            places = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {quoted(table)}({listed}) VALUES({places})",
                [row[: len(columns)] for row in rows],
            )
        connection.close()
        there_and_back(Path(folder), [])
