"""Histories of other tools, as those tools write them."""

from __future__ import annotations

import hashlib

import pytest

from dbtool.errors import DbtoolError
from dbtool.migrate.adopt import Foreign, baseline_text, matching, read_foreign, tools_in
from dbtool.migrate.opening import open_to_look
from tests.migrate.kit import Project

ONE, TWO = "CREATE TABLE a(b);", "CREATE TABLE c(d);"
DBMATE = (
    'CREATE TABLE IF NOT EXISTS "schema_migrations" (version varchar(128) primary key);'
    "INSERT INTO schema_migrations VALUES ('20200101000000'), ('20200102000000')"
)
GOOSE = (
    "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT"
    " NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));"
    "INSERT INTO goose_db_version(version_id, is_applied) VALUES (0, 1), (20200101000000, 1),"
    " (20200102000000, 1), (20200103000000, 1), (20200103000000, 0)"
)
MIGRATE = (
    "CREATE TABLE schema_migrations (version uint64, dirty bool);"
    "CREATE UNIQUE INDEX version_unique ON schema_migrations (version);"
    "INSERT INTO schema_migrations VALUES (20200102000000, {dirty})"
)
SQLX = (
    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,"
    " installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,"
    " checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);"
)
YOYO = (
    "CREATE TABLE _yoyo_migration (migration_hash VARCHAR(64), migration_id VARCHAR(255),"
    " applied_at_utc TIMESTAMP, PRIMARY KEY (migration_hash));"
    "CREATE TABLE yoyo_lock (locked INT DEFAULT 1, ctime TIMESTAMP, pid INT NOT NULL);"
    "CREATE INDEX yi ON _yoyo_migration(migration_id);"
    "INSERT INTO _yoyo_migration VALUES ('x', '0001.first', '2020-01-01')"
)


@pytest.fixture
def files(project: Project) -> Project:
    project.write("20200101000000_one.sql", ONE)
    project.write("20200102000000_two.sql", TWO)
    project.write("20200103000000_three.sql", "CREATE TABLE e(f);")
    return project


def foreign(project: Project, tool: str, sql: str) -> Foreign:
    project.sql(sql)
    with open_to_look(project.db) as connection:
        assert tools_in(connection) == (tool,)
        return read_foreign(connection, tool)


def sqlx_rows(success: int = 1, second: str = TWO) -> str:
    rows = [
        f"({version}, 'x', '2020', {success}, x'{hashlib.sha384(text.encode()).hexdigest()}', 1)"
        for version, text in ((20200101000000, ONE), (20200102000000, second))
    ]
    columns = "version, description, installed_on, success, checksum, execution_time"
    return f"{SQLX}INSERT INTO _sqlx_migrations({columns}) VALUES {', '.join(rows)}"


@pytest.mark.parametrize(
    ("tool", "sql"),
    [
        ("dbmate", DBMATE),
        ("goose", GOOSE),
        ("migrate", MIGRATE.format(dirty=0)),
        ("sqlx", sqlx_rows()),
    ],
)
def test_what_a_tool_applied_is_matched_with_its_files(files: Project, tool: str, sql: str) -> None:
    found = matching(foreign(files, tool, sql), files.migrations())
    assert [migration.name for migration in found] == ["one", "two"]


@pytest.mark.parametrize(
    ("tool", "sql", "names"),
    [
        (
            "alembic",
            "CREATE TABLE alembic_version(version_num); INSERT INTO alembic_version VALUES"
            " ('ae1027a6acf')",
            ("ae1027a6acf",),
        ),
        ("yoyo", YOYO, ("0001.first",)),
        (
            "sqlite-utils",
            "CREATE TABLE _sqlite_migrations(migration_set, name, applied_at);"
            "INSERT INTO _sqlite_migrations VALUES ('s', 'm001', '2020')",
            ("m001",),
        ),
    ],
)
def test_tools_with_python_of_their_own_give_names(
    project: Project, tool: str, sql: str, names: tuple[str, ...]
) -> None:
    found = foreign(project, tool, sql)
    assert (found.versions, found.reads_files) == (names, False)


@pytest.mark.parametrize(
    ("tool", "sql"), [("migrate", MIGRATE.format(dirty=1)), ("sqlx", sqlx_rows(success=0))]
)
def test_a_history_that_stopped_half_way_is_refused(files: Project, tool: str, sql: str) -> None:
    with pytest.raises(DbtoolError) as caught:
        foreign(files, tool, sql)
    assert (caught.value.code, caught.value.exit_code) == ("history-dirty", 4)


def test_a_file_that_sqlx_had_otherwise_is_refused(files: Project) -> None:
    found = foreign(files, "sqlx", sqlx_rows(second="CREATE TABLE other(x);"))
    with pytest.raises(DbtoolError) as caught:
        matching(found, files.migrations())
    assert caught.value.code == "migration-edited"


def test_a_version_without_a_file_is_refused(files: Project) -> None:
    found = foreign(files, "dbmate", DBMATE)
    with pytest.raises(DbtoolError) as caught:
        matching(found, files.migrations()[1:])
    assert caught.value.code == "migration-missing"


def test_a_history_that_is_not_there_is_not_found(project: Project) -> None:
    with pytest.raises(DbtoolError) as caught, open_to_look(project.db) as connection:
        read_foreign(connection, "goose")
    assert caught.value.code == "history-not-found"


def test_a_baseline_has_the_schema_without_the_tables_of_the_tool(project: Project) -> None:
    project.sql(f"{YOYO}; {ONE} CREATE INDEX ai ON a(b); CREATE VIEW v AS SELECT b FROM a")
    with open_to_look(project.db) as connection:
        text = baseline_text(connection, without="yoyo")
        assert "yoyo" in baseline_text(connection)
    assert "yoyo" not in text
    assert "CREATE INDEX ai" in text
    assert "CREATE VIEW v" in text
