"""Templates: what they hold, and that those of dbtool work."""

from __future__ import annotations

import tomllib
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.core.query import run_query
from dbtool.errors import DbtoolError, NotFound, Refused, UsageError
from dbtool.migrate.api import upgrade
from dbtool.migrate.dump import schema_sql
from dbtool.migrate.lint.run import lint
from dbtool.migrate.opening import open_to_migrate
from dbtool.migrate.options import RunOptions
from dbtool.migrate.runner import Runner
from dbtool.migrate.template import Template, builtin_templates, find_template, placed

COLUMNS = {
    "clients": ["ID", "Name", "PublicKey", "LastSeen", "AESKey"],
    "files": [
        *("ID", "FileName", "PathName", "Verified", "FileSize", "ModificationDate", "CRC"),
        *("ClientID", "FileCategory", "MimeType", "FileExtension", "OriginalPath", "FileHash"),
        *("TransferDuration", "TransferSpeed", "CompressionRatio"),
    ],
    "transfer_stats": [
        *("Date", "TotalFiles", "TotalBytes", "SuccessfulTransfers", "FailedTransfers"),
        *("AverageFileSize", "PeakTransferSpeed"),
    ],
    "client_activity": [
        *("ID", "ClientID", "ActivityType", "Timestamp", "FileCount", "BytesTransferred"),
    ],
    "file_categories": ["ID", "Name", "Description", "DefaultPath", "Color"],
    "client_quotas": ["ClientID", "QuotaBytes", "UsedBytes", "LastUpdated", "WarningThreshold"],
    "file_versions": [
        *("ID", "FileID", "VersionNumber", "PathName", "FileSize", "CreatedDate", "IsActive"),
        *("VersionHash", "ParentVersionID"),
    ],
}
INDEXED = [
    *(("files", "ClientID"), ("files", "FileName"), ("clients", "Name"), ("files", "Verified")),
    *(("clients", "LastSeen"), ("files", "FileSize"), ("files", "ClientID,Verified")),
    ("files", "ClientID,FileName"),
]
ROWS = """
INSERT INTO clients VALUES (x'01', 'Ann', NULL, '2026-01-02T00:00:00', NULL),
  (x'02', 'Bob', NULL, '2026-01-03T00:00:00', NULL);
INSERT INTO files(ID, FileName, PathName, Verified, FileSize, ModificationDate, ClientID)
  VALUES (x'11', 'Report.PDF', '/data/ann/1', 1, 2000, '2026-01-02T10:00:00', x'01'),
  (x'12', 'notes.txt', '/data/bob/2', 0, 10, '2026-02-02', x'02');
INSERT INTO client_quotas(ClientID, UsedBytes) VALUES (x'01', 1000000000);
INSERT INTO client_activity(ClientID, ActivityType, Timestamp) VALUES (x'01', 'up', datetime());
INSERT INTO transfer_stats(Date, SuccessfulTransfers, FailedTransfers) VALUES ('2026-01-02', 3, 1);
"""


@pytest.fixture(scope="module")
def vault() -> apsw.Connection:
    template = find_template("file-vault")
    assert template.migrations is not None
    connection = apsw.Connection(":memory:")
    upgrade(connection, template.migrations.path)
    connection.execute(ROWS).fetchall()
    connection.pragma("query_only", 1)
    return connection


def settings(name: str = "file-vault") -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads(find_template(name).settings)


def test_what_dbtool_brings() -> None:
    assert builtin_templates() == ("blank", "file-vault")
    blank = find_template("blank")
    assert (blank.migrations, blank.files) == (None, ())
    assert len(find_template("file-vault").files) == 6


def test_the_tables_of_a_file_store(vault: apsw.Connection) -> None:
    for table, columns in COLUMNS.items():
        rows = vault.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
        assert [name for (name,) in rows] == columns


def test_the_indexes_of_a_file_store(vault: apsw.Connection) -> None:
    rows = vault.execute(
        "SELECT m.tbl_name, group_concat(x.name) FROM sqlite_schema m, pragma_index_info(m.name) x "
        "WHERE m.type = 'index' AND m.sql IS NOT NULL GROUP BY m.name"
    ).fetchall()
    assert set(INDEXED) <= set(rows)


def test_defaults_and_references_of_a_file_store(vault: apsw.Connection) -> None:
    (quota,) = vault.execute("SELECT QuotaBytes, WarningThreshold FROM client_quotas").fetchall()
    assert quota == (1073741824, 0.8)
    assert vault.execute("SELECT DISTINCT FileCategory FROM files").get == "document"
    rows = vault.execute("SELECT \"table\", on_delete FROM pragma_foreign_key_list('files')")
    assert rows.fetchall() == [("clients", "CASCADE")]


def test_every_way_down_leads_back(tmp_path: Path) -> None:
    template = find_template("file-vault")
    assert template.migrations is not None
    path = tmp_path / "vault.db"
    upgrade(path, template.migrations.path)
    with open_to_migrate(path) as connection:
        migrations = template.migrations.migrations
        Runner(connection, migrations, RunOptions(to="0"), progress=Silent()).down()
        assert "CREATE" not in schema_sql(connection)


def test_the_rules_have_nothing_to_say() -> None:
    template = find_template("file-vault")
    assert template.migrations is not None
    assert [f for f in lint(template.migrations.migrations) if f.ignored is None] == []


@pytest.mark.parametrize("name", settings()["stats"])
def test_saved_statistics_only_read_and_give_rows(vault: apsw.Connection, name: str) -> None:
    query = settings()["stats"][name]
    assert query["description"]
    try:
        assert list(run_query(vault, str(query["sql"])).rows)
    finally:
        vault.authorizer = None


def test_the_saved_statistics_are_those_of_a_file_store() -> None:
    assert list(settings()["stats"]) == [
        *("database", "storage", "clients", "files"),
        *("activity", "quotas", "transfers", "performance"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("search_term", "REPORT", ["Report.PDF"]),
        ("file_type", ".pdf", ["Report.PDF"]),
        ("file_type", "txt", ["notes.txt"]),
        ("client_name", "ann", ["Report.PDF"]),
        ("date_from", "2026-01-03", ["notes.txt"]),
        ("date_to", "2026-01-02", ["Report.PDF"]),
        ("min_size", "1000", ["Report.PDF"]),
        ("max_size", 10, ["notes.txt"]),
        ("verified_only", None, ["Report.PDF"]),
    ],
)
def test_the_filters_of_the_saved_search(
    vault: apsw.Connection, name: str, value: object, found: list[str]
) -> None:
    search = settings()["search"]["files"]
    condition = search["filters"][name]  # type: ignore[index]
    assert condition.count("?") == (value is not None)
    sql = f"SELECT FileName FROM {search['table']} WHERE {condition}"
    rows = vault.execute(sql, () if value is None else (value,)).fetchall()
    assert [row[0] for row in rows] == found


def test_every_filter_is_tried() -> None:
    filters = settings()["search"]["files"]["filters"]
    wanted = "search_term file_type client_name date_from date_to min_size max_size verified_only"
    assert list(filters) == wanted.split()  # type: ignore[call-overload]


def made(folder: Path, toml: str | None = None, **files: str) -> Path:
    (folder / "migrations").mkdir(parents=True)
    for name, text in files.items():
        (folder / "migrations" / f"{name}.sql").write_text(text, encoding="utf-8")
    if toml is not None:
        (folder / "dbtool.toml").write_text(toml, encoding="utf-8")
    return folder


def test_a_folder_of_the_user_is_a_template(tmp_path: Path) -> None:
    made(tmp_path / "shop", '[stats.a]\nsql = "SELECT 1"', m0001_a="")
    folder = made(tmp_path / "own", "[search.a]\ntable = 'a'")
    (folder / "migrations/0001_a.up.sql").write_text("CREATE TABLE a(x)", encoding="utf-8")
    (folder / "migrations/0001_a.down.sql").write_text("DROP TABLE a", encoding="utf-8")
    template = find_template(str(folder))
    assert template.name == "own"
    assert {path.name for path in template.files} == {"0001_a.up.sql", "0001_a.down.sql"}


@pytest.mark.parametrize(
    "toml",
    [
        "[hooks]\non_success = ['rm']",
        "[databases.a]\npath = 'x'",
        "[repository]\npassword_command = 'x'",
        "version = 1",
        "[search",
    ],
)
def test_a_template_asks_questions_and_nothing_else(tmp_path: Path, toml: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_template(str(made(tmp_path / "t", toml)))
    assert caught.value.code == "template-invalid"


def test_what_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        find_template("file-valt")
    assert caught.value.hint == "did you mean file-vault?"
    with pytest.raises(UsageError):
        find_template(str(tmp_path))


def test_migrations_are_placed_whole_or_not_at_all(tmp_path: Path) -> None:
    template = find_template("file-vault")
    folder = tmp_path / "project" / "migrations"
    with pytest.raises(RuntimeError), placed(template, folder) as files:
        assert all(path.exists() for path in files)
        raise RuntimeError
    assert not folder.exists()
    with placed(template, folder) as files:
        pass
    assert [path.name for path in files] == [path.name for path in template.files]


def test_a_project_with_migrations_takes_no_template(tmp_path: Path) -> None:
    folder = made(tmp_path / "project") / "migrations"
    (folder / "0001_mine.sql").write_text("SELECT 1", encoding="utf-8")
    with pytest.raises(Refused), placed(find_template("file-vault"), folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["0001_mine.sql"]


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    template: Template = find_template("file-vault")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(DbtoolError), placed(template, blocked / "migrations"):
        pass
    assert blocked.read_bytes() == b""
