"""The output formats of `dbtool export`, byte for byte.

Where a change is meant, the test fails once more: copy the output that it names over the committed
file, and read the difference before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run
from tests.golden.conftest import HERE

CREATED = re.compile(rb'"created": "[^"]+"')
SCHEMA = """
CREATE TABLE kinds(id INTEGER PRIMARY KEY AUTOINCREMENT, v, t TEXT NOT NULL DEFAULT '');
CREATE TABLE "odd, name"(a, twice AS (a * 2));
CREATE VIEW seen AS SELECT v FROM kinds;
CREATE INDEX by_text ON kinds(t);
INSERT INTO kinds(v, t) VALUES
    (NULL, ''), (9007199254740993, 'NULL'), (-0.0, 'a,b'), (0.1, 'say "hi"'), (9e999, '\\N'),
    (x'00ff', 'two' || char(10) || 'lines'), (1.0, 'tab' || char(9)), (1, 'ä€😀'),
    ('|*_<b>', 'cr' || char(13)), ('', char(0) || char(27));
INSERT INTO "odd, name" VALUES(1), ('x');
"""


@pytest.fixture
def kinds() -> Path:
    """Return a database with a value of every kind."""
    connection = apsw.Connection("kinds.db")
    connection.execute(SCHEMA)
    connection.close()
    return Path("kinds.db")


@pytest.mark.parametrize("output", ["csv", "tsv", "ndjson", "json", "md"])
@pytest.mark.usefixtures("surroundings")
def test_the_rows_are_the_committed_file(
    kinds: Path, run: Run, output: str, tmp_path: Path
) -> None:
    made = tmp_path / f"export-rows.{output}"
    outcome = run("export", "--table", "kinds", "--to", str(made), str(kinds))
    assert outcome.code == (0 if "json" in output else 3)
    assert made.read_bytes() == (HERE / "output" / made.name).read_bytes()


@pytest.mark.parametrize("output", ["sql", "json", "md"])
@pytest.mark.usefixtures("surroundings")
def test_the_database_is_the_committed_file(
    kinds: Path, run: Run, output: str, tmp_path: Path
) -> None:
    made = tmp_path / f"export-database.{output}"
    run("export", "--to", str(made), str(kinds))
    assert made.read_bytes() == (HERE / "output" / made.name).read_bytes()


@pytest.mark.usefixtures("surroundings")
def test_the_manifest_and_the_schema_are_the_committed_files(
    kinds: Path, run: Run, tmp_path: Path
) -> None:
    assert run("export", "--to", str(tmp_path / "out"), str(kinds)).code == 0
    manifest = CREATED.sub(b'"created": ""', (tmp_path / "out/manifest.json").read_bytes())
    (tmp_path / "export-manifest.json").write_bytes(manifest)
    assert manifest == (HERE / "output/export-manifest.json").read_bytes()
    schema = (tmp_path / "out/schema.sql").read_bytes()
    assert schema == (HERE / "output/export-schema.sql").read_bytes()
