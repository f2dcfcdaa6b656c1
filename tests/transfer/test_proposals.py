"""Foreign keys that rows show."""

from __future__ import annotations

from pathlib import Path

from tests.transfer.kit import load, prepare


def test_a_key_that_holds_for_every_row_is_proposed(tmp_path: Path) -> None:
    folder, database = tmp_path / "in", tmp_path / "a.db"
    folder.mkdir()
    prepare(database, "CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1)")
    (folder / "orders.csv").write_text("id,user_id\n1,1\n2,1\n")
    assert load(folder, database).notes == (
        "orders.user_id could be a foreign key: REFERENCES users(id) holds for every row",
    )


def test_one_that_does_not_hold_is_not(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    prepare(database, "CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1)")
    (tmp_path / "orders.csv").write_text("id,user_id\n1,1\n2,7\n")
    assert load(tmp_path / "orders.csv", database).notes == ()
    (tmp_path / "orders.csv").write_text("id,user_id\n1,1\n")
    assert load(tmp_path / "orders.csv", database).notes == ()
