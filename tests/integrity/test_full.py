"""What only the full level finds."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import Verdict, VerifyOptions
from tests.integrity.damaged import Damaged, brief


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


def make(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def full(path: Path):
    return verify_database(path, VerifyOptions(full=True))


def test_rows_that_reference_nothing(path: Path) -> None:
    make(
        path,
        "CREATE TABLE p(id INTEGER PRIMARY KEY)",
        "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p)",
        "INSERT INTO p VALUES (1)",
        "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3), (4, NULL)",
    )
    (finding,) = full(path).findings
    assert (finding.code, finding.object, finding.verdict) == (
        "foreign-key-broken",
        "c",
        Verdict.RULES_BROKEN,
    )
    assert finding.problem == "2 rows reference what is not in p: rows 2, 3"
    assert verify_database(path).findings == ()


def test_a_foreign_key_that_fits_no_key(path: Path) -> None:
    make(path, "CREATE TABLE p(x)", "CREATE TABLE c(p REFERENCES p(x))", "INSERT INTO c VALUES (1)")
    (finding,) = full(path).findings
    assert "mismatch" in finding.problem
    assert finding.verdict == Verdict.RULES_BROKEN


def test_values_that_are_no_json(path: Path) -> None:
    make(
        path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, doc JSON, other TEXT)",
        "INSERT INTO t(doc, other) VALUES ('{}', 'x'), ('{', 'y'), (NULL, 'z'), (jsonb('[1]'), '')",
    )
    (finding,) = full(path).findings
    assert (finding.code, finding.problem) == (
        "json-invalid",
        "1 of the values in doc, declared as JSON, are none",
    )


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        ("CREATE TABLE t(a INTEGER NOT NULL)", "INSERT INTO t VALUES (NULL)"),
        ("CREATE TABLE t(a CHECK(a > 5))", "INSERT INTO t VALUES (1)"),
        ("CREATE TABLE t(a INT) STRICT", "INSERT INTO t VALUES ('x')"),
    ],
)
def test_rows_that_break_the_schema(path: Path, schema: str, row: str) -> None:
    loose = schema.replace(" NOT NULL", "").replace(" STRICT", "").replace(" CHECK(a > 5)", "")
    make(path, loose, row)
    connection = apsw.Connection(str(path))
    connection.pragma("writable_schema", 1)
    connection.execute("UPDATE sqlite_schema SET sql = ?", (schema,))
    connection.close()
    (finding,) = full(path).findings
    assert (finding.code, finding.object) == ("constraint-broken", "t")


def test_a_full_text_index_over_another_table_that_went_astray(path: Path) -> None:
    make(
        path,
        "CREATE TABLE d(id INTEGER PRIMARY KEY, t TEXT)",
        "CREATE VIRTUAL TABLE f USING fts5(t, content='d', content_rowid='id')",
        "INSERT INTO d VALUES (1, 'one'), (2, 'two')",
        "INSERT INTO f(rowid, t) SELECT id, t FROM d",
    )
    assert full(path).findings == ()
    make(path, "UPDATE d SET t = 'three' WHERE id = 2")
    assert brief(full(path).findings) == {("fts-damaged", "f")}
    assert verify_database(path).findings == ()


def test_a_function_of_the_application_in_a_constraint_leaves_the_rest_checked(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.create_scalar_function("ours", lambda _value: 1)
    connection.execute("CREATE TABLE t(a CHECK(ours(a)))")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    (finding,) = full(path).findings
    assert (finding.code, finding.verdict) == ("not-checked", Verdict.UNPROVEN)
    assert "ours" in finding.problem


def test_a_collation_of_the_application_is_no_damage(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.create_collation("ours", lambda a, b: (a > b) - (a < b))
    connection.execute("CREATE TABLE t(a TEXT COLLATE ours); CREATE INDEX ix ON t(a)").fetchall()
    connection.execute("INSERT INTO t VALUES ('x')")
    connection.close()
    for found in (full(path), verify_database(path)):
        assert not found.damaged
        assert {f.verdict for f in found.findings} == {Verdict.UNPROVEN}
        verdicts = {item.name: item.verdict for item in found.objects}
        assert verdicts["t"] == verdicts["ix"] == Verdict.UNPROVEN


def test_in_rollback_mode_it_works_on_a_copy(damaged_delete: Damaged, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    report = damaged_delete.verify(full=True, temp=temp)
    assert any("private copy" in note for note in report.notes)
    assert list(temp.iterdir()) == []
