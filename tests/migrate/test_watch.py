"""What a migration does is refused, recorded and counted."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import Refused
from dbtool.migrate.watch import Loss, Watch


@pytest.fixture
def watch() -> Watch:
    connection = apsw.Connection("")
    connection.execute(
        "CREATE TABLE a(x); INSERT INTO a VALUES (1), (2), (3); CREATE TABLE b(y);"
        "INSERT INTO b VALUES (1), (2); CREATE TRIGGER t AFTER UPDATE ON a BEGIN"
        " DELETE FROM b WHERE y = new.x; END"
    )
    return Watch(connection)


def run(watch: Watch, *statements: str, transactional: bool = True) -> list[Loss]:
    watch.connection.execute("BEGIN" if transactional else "SELECT 1")
    watch.begin(transactional=transactional)
    with watch.watching():
        for sql in statements:
            watch.connection.execute(sql)
        return watch.losses(watch.rows())


@pytest.mark.parametrize(
    "sql",
    [
        "COMMIT",
        "END",
        "ROLLBACK",
        "BEGIN",
        "ATTACH '' AS z",
        "DETACH z",
        "SELECT load_extension('x')",
        "PRAGMA writable_schema = 1",
        "PRAGMA temp.writable_schema = 1",
    ],
)
def test_what_leaves_the_transaction_or_the_database_is_refused(watch: Watch, sql: str) -> None:
    with pytest.raises(apsw.Error, match="not authorized"):
        run(watch, sql)
    assert watch.refused


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM _dbtool_migrations",
        "ALTER TABLE _dbtool_migrations RENAME TO taken",
        "ALTER TABLE _dbtool_migrations ADD COLUMN y",
        "CREATE TRIGGER h AFTER INSERT ON _DBTOOL_migrations BEGIN DELETE FROM a; END",
        "CREATE TEMP TRIGGER h AFTER INSERT ON main._dbtool_migrations BEGIN DELETE FROM a; END",
        "CREATE INDEX h ON _dbtool_migrations(x)",
        "CREATE TEMP TABLE _dbtool_migrations(x)",
    ],
)
def test_changing_the_history_is_refused(watch: Watch, sql: str) -> None:
    watch.connection.execute("CREATE TABLE _dbtool_migrations(x)")
    with pytest.raises(apsw.AuthError):
        run(watch, sql)
    assert watch.refused == "changing _dbtool_migrations"


def test_the_history_may_be_read_and_analyzed(watch: Watch) -> None:
    watch.connection.execute("CREATE TABLE _dbtool_migrations(x UNIQUE)")
    run(watch, "SELECT x FROM _dbtool_migrations", "ANALYZE", "REINDEX")


def test_nothing_runs_after_the_transaction_was_ended(watch: Watch) -> None:
    watch.connection.execute("CREATE TABLE u(k UNIQUE); INSERT INTO u VALUES (1)")
    with pytest.raises(apsw.ConstraintError):
        run(watch, "INSERT OR ROLLBACK INTO u VALUES (1)")
    with watch.watching(), pytest.raises(Refused, match="ended the transaction"):
        watch.connection.execute("DELETE FROM a")
    assert watch.connection.execute("SELECT count(*) FROM a").get == 3


def test_savepoints_and_settings_that_change_nothing_are_let_through(watch: Watch) -> None:
    run(watch, "SAVEPOINT s", "RELEASE s", "PRAGMA foreign_keys = ON", "PRAGMA user_version = 3")
    assert watch.connection.pragma("user_version") == 3


@pytest.mark.parametrize("schema", ["", "main.", "temp."])
def test_foreign_keys_stay_off_without_a_transaction_too(watch: Watch, schema: str) -> None:
    watch.connection.pragma("foreign_keys", 0)
    run(watch, f"PRAGMA {schema}foreign_keys = ON", transactional=False)
    assert watch.connection.pragma("foreign_keys") == 0


def test_vacuum_needs_no_transaction_and_is_let_through_then(watch: Watch) -> None:
    run(watch, "VACUUM", transactional=False)
    with pytest.raises(apsw.AuthError):
        run(watch, "ATTACH ':memory:' AS z", transactional=False)
    with pytest.raises(apsw.AuthError):
        run(watch, "VACUUM INTO '/dev/null'", transactional=False)


def test_rows_are_counted_before_the_first_write(watch: Watch) -> None:
    run(watch, "INSERT INTO a VALUES (4)", "DELETE FROM a WHERE x < 3")
    assert watch.before == {"a": 3}
    assert watch.rows() == {"a": (3, 2)}


def test_a_delete_of_the_migration_is_no_loss(watch: Watch) -> None:
    assert run(watch, "DELETE FROM a WHERE x = 1") == []


def test_a_delete_of_a_trigger_is_a_loss_and_the_trigger_is_named(watch: Watch) -> None:
    assert run(watch, "UPDATE a SET x = x") == [Loss("b", 2, 0, "t")]


def test_a_delete_of_both_is_no_loss(watch: Watch) -> None:
    assert run(watch, "DELETE FROM b WHERE y = 9", "UPDATE a SET x = x") == []
    assert run(watch, "DELETE FROM b WHERE y = 9", transactional=False) == []


def test_rows_that_a_replace_overwrites_are_a_loss(watch: Watch) -> None:
    watch.connection.execute("CREATE TABLE u(k UNIQUE); INSERT INTO u VALUES (1), (2)")
    assert run(watch, "UPDATE OR REPLACE u SET k = 1") == [Loss("u", 2, 1, "")]


def test_a_table_dropped_and_made_again_with_fewer_rows_is_a_loss(watch: Watch) -> None:
    found = run(
        watch,
        "DROP TRIGGER t",
        "CREATE TABLE n(y)",
        "INSERT INTO n SELECT y FROM b WHERE y = 1",
        "DROP TABLE b",
        "ALTER TABLE n RENAME TO b",
    )
    assert found == [Loss("b", 2, 1, "")]


def test_a_table_renamed_away_and_copied_with_fewer_rows_is_a_loss(watch: Watch) -> None:
    found = run(
        watch,
        "ALTER TABLE b RENAME TO older",
        "ALTER TABLE older RENAME TO old",
        "CREATE TABLE b(y, z)",
        "INSERT INTO b(y) SELECT y FROM old WHERE y = 1",
        "DROP TABLE old",
    )
    assert found == [Loss("b", 2, 1, "")]


def test_a_table_that_keeps_its_rows_under_another_name_has_lost_none(watch: Watch) -> None:
    assert run(watch, "ALTER TABLE b RENAME TO b_2025", "CREATE TABLE b(y)") == []


def test_a_table_dropped_for_good_is_no_loss_here(watch: Watch) -> None:
    assert run(watch, "DROP TABLE b") == []
    assert watch.drops == {"b"}
    assert watch.rows() == {"b": (2, 0)}


def test_a_table_of_the_migration_alone_is_not_counted(watch: Watch) -> None:
    run(watch, "CREATE TABLE n AS SELECT x FROM a", "DROP TABLE n", "ALTER TABLE b RENAME TO d")
    assert watch.rows() == {}
    watch.connection.execute("ROLLBACK")
    run(watch, "ALTER TABLE b RENAME TO d", "DROP TABLE d")
    assert watch.rows() == {"b": (2, 0)}


def test_a_statement_out_of_the_cache_is_recorded_as_well(watch: Watch) -> None:
    run(watch, "UPDATE a SET x = x")
    watch.connection.execute("ROLLBACK")
    assert run(watch, "UPDATE a SET x = x") == [Loss("b", 2, 0, "t")]


def test_what_was_there_before_comes_back(watch: Watch) -> None:
    run(watch, "SELECT 1")
    assert watch.connection.authorizer is None
    assert watch.connection.exec_trace is None
