"""Runs: what is chosen, what is left alone, what stays after a failure, races."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Damaged, DbtoolError, Locked
from dbtool.migrate.opening import open_to_migrate
from dbtool.migrate.options import RunOptions
from dbtool.migrate.runner import Runner
from tests.migrate.kit import SHOP, Project

UPGRADE = """
import sys
from dbtool.migrate import upgrade
result = upgrade(sys.argv[1], sys.argv[2], allow=["foreign-keys"])
print(len(result.done), result.version, result.pending)
"""


def numbered(project: Project, count: int) -> None:
    for number in range(1, count + 1):
        down = f"-- dbtool:down\nDROP TABLE t{number};"
        project.write(f"{number:04}_t.sql", f"-- dbtool:up\nCREATE TABLE t{number}(a);\n{down}")


def test_to_and_count_choose_what_is_applied(project: Project) -> None:
    numbered(project, 5)
    assert [done.version for done in project.run(count=2).done] == ["0001", "0002"]
    assert [done.version for done in project.run(to="4").done] == ["0003", "0004"]
    assert [done.version for done in project.run(to="0003").done] == []
    result = project.run()
    assert (result.version, result.pending) == ("0005", 0)


def test_to_and_count_choose_what_is_undone(project: Project) -> None:
    numbered(project, 5)
    project.run()
    assert [done.version for done in project.run("down").done] == ["0005"]
    assert [done.version for done in project.run("down", count=2).done] == ["0004", "0003"]
    assert [done.version for done in project.run("down", to="0001_t").done] == ["0002"]
    assert project.run("down", to="0").version is None
    assert project.content() == {"schema": []}


def test_an_unknown_version_gets_the_nearest(project: Project) -> None:
    numbered(project, 2)
    with pytest.raises(DbtoolError) as caught:
        project.run(to="0022")
    assert caught.value.code == "migration-unknown"
    assert caught.value.hint == "did you mean 0002?"


def test_a_failure_leaves_those_before_it_and_nothing_of_its_own(project: Project) -> None:
    numbered(project, 2)
    project.write("0003_bad.sql", "CREATE TABLE z(a);\nINSERT INTO z VALUES (1);\nSELECT abs();")
    with pytest.raises(DbtoolError):
        project.run()
    assert project.sql("SELECT name FROM sqlite_schema WHERE name = 'z'") == []


def test_up_to_date_takes_no_lock_no_snapshot_and_writes_nothing(shop: Project) -> None:
    before = shop.db.read_bytes()
    called: list[int] = []
    result = shop.run(before_apply=lambda: called.append(1))
    assert (result.done, called) == ((), [])
    assert shop.db.read_bytes() == before


def test_one_snapshot_is_taken_before_the_first_change(project: Project) -> None:
    numbered(project, 3)
    states: list[list[str]] = []

    def snapshot() -> str:
        states.append(project.versions())
        return "id"

    assert project.run(before_apply=snapshot).snapshot == "id"
    assert states == [[]]


def test_a_snapshot_that_fails_stops_the_run(project: Project) -> None:
    numbered(project, 1)

    def snapshot() -> str:
        raise Locked("repository-locked", "somebody works on it")

    with pytest.raises(Locked):
        project.run(before_apply=snapshot)
    assert project.versions() == []


def test_down_uses_what_the_history_kept_where_the_file_is_gone_or_edited(shop: Project) -> None:
    shop.write("0001_shop.sql", SHOP.replace("DROP TABLE log", "SELECT nonsense"))
    shop.run("down")
    assert shop.content() == {"schema": []} or shop.content()["schema"] == [
        ("table", "sqlite_sequence", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)")
    ]


def test_python_out_of_the_history_is_never_run(project: Project) -> None:
    path = project.write("0001_x.py", "def up(db):\n    pass\ndef down(db):\n    pass\n")
    project.run()
    path.unlink()
    with pytest.raises(DbtoolError) as caught:
        project.run("down")
    assert caught.value.code == "migration-missing"


def test_what_has_no_way_down_is_refused(project: Project) -> None:
    project.write("0001_x.sql", "CREATE TABLE t(a);")
    project.run()
    with pytest.raises(DbtoolError) as caught:
        project.run("down")
    assert (caught.value.code, caught.value.exit_code) == ("migration-irreversible", 5)


def test_redo_takes_the_file_as_it_is_now(shop: Project) -> None:
    shop.write("0001_shop.sql", SHOP.replace("log(x)", "log(x TEXT)"))
    result = shop.run("redo", allow=["foreign-keys", "delete-without-where"])
    assert [done.way for done in result.done] == ["down", "up"]
    assert shop.sql("SELECT type FROM pragma_table_info('log')") == [("TEXT",)]
    assert shop.standing().entries[0].state == "applied"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DROP TABLE kept;", "migration-dangerous"),
        ("INSRT INTO made VALUES (1);", "migration-syntax"),
    ],
)
def test_redo_judges_the_new_text_before_anything_is_undone(
    project: Project, text: str, code: str
) -> None:
    project.write("0001_kept.sql", "CREATE TABLE kept(a); INSERT INTO kept VALUES (1);")
    made = "-- dbtool:up\nCREATE TABLE made(a); {}\n-- dbtool:down\nDROP TABLE made;"
    project.write("0002_made.sql", made.format(""))
    project.run()
    before = project.content()
    project.write("0002_made.sql", made.format(text))
    with pytest.raises(DbtoolError) as caught:
        project.run("redo")
    assert caught.value.code == code
    assert project.content() == before
    assert project.versions() == ["0001", "0002"]
    project.write("0002_made.sql", made.format("INSERT INTO made VALUES (7);"))
    project.run("redo")
    assert project.content()["made"] == ["(7,)"]


def test_no_setting_of_one_migration_is_one_of_the_next(project: Project) -> None:
    project.write("0001_a.sql", "CREATE TABLE a(b CHECK (b > 0)); INSERT INTO a VALUES (1);")
    project.write("0002_b.sql", "-- dbtool:up tx=none\nPRAGMA ignore_check_constraints = ON;")
    project.write("0003_c.sql", "INSERT INTO a VALUES (-1);")
    with pytest.raises(DbtoolError, match="CHECK constraint failed"):
        project.run()
    assert project.versions() == ["0001", "0002"]


@pytest.mark.parametrize("mode", ["off", "MEMORY"])
def test_no_migration_takes_the_journal_away(project: Project, mode: str) -> None:
    project.write("0001_a.sql", f"-- dbtool:up tx=none\nPRAGMA journal_mode = {mode};")
    with pytest.raises(DbtoolError, match=r"PRAGMA journal_mode = .* is not allowed") as caught:
        project.run()
    assert (caught.value.code, "damaged" in caught.value.hint) == ("migration-refused", True)
    project.write("0001_a.sql", "-- dbtool:up tx=none\nPRAGMA journal_mode = DELETE;")
    project.run()
    assert project.sql("PRAGMA journal_mode") == [("delete",)]


def test_a_failure_says_what_was_done_before_it(project: Project) -> None:
    project.write("0001_a.sql", "CREATE TABLE a(b NOT NULL);")
    project.write("0002_b.sql", "INSERT INTO a VALUES (NULL);")
    with pytest.raises(DbtoolError) as caught:
        project.run()
    assert "applied before it: 0001_a" in caught.value.context


def test_a_damaged_database_is_not_migrated(shop: Project) -> None:
    shop.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shop.sql("PRAGMA journal_mode = delete")
    root = shop.sql("SELECT rootpage FROM sqlite_schema WHERE name = 'pn'")[0][0]
    with shop.db.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 100)
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    with pytest.raises(Damaged):
        shop.run()
    assert shop.versions() == ["0001"]


def test_a_locked_database_is_named(shop: Project) -> None:
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    writer = apsw.Connection(str(shop.db))
    writer.execute("BEGIN IMMEDIATE")
    with open_to_migrate(shop.db, busy_timeout_s=0.05) as connection:
        runner = Runner(connection, shop.migrations(), RunOptions(), progress=Silent())
        with pytest.raises(Locked) as caught:
            runner.up()
    assert caught.value.code == "database-locked"
    writer.close()


def test_stopping_rolls_the_running_migration_back(shop: Project) -> None:
    class Stop(Silent):
        def advance(self, amount: int) -> None:
            if amount == 0:
                raise KeyboardInterrupt

    shop.write(
        "0002_x.sql",
        "CREATE TABLE z(a); INSERT INTO z WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;",
    )
    options = RunOptions(quick_check=False, allow=frozenset({"not-judged"}))
    with open_to_migrate(shop.db) as connection, pytest.raises(KeyboardInterrupt):
        Runner(connection, shop.migrations(), options, progress=Stop()).up()
    assert shop.versions() == ["0001"]
    assert shop.sql("SELECT name FROM sqlite_schema WHERE name = 'z'") == []


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_eight_processes_at_once_apply_each_migration_once(
    tmp_path: Path, journal_mode: str
) -> None:
    project = Project(tmp_path, journal_mode)
    project.write("0001_shop.sql", SHOP)
    for number in range(2, 8):
        project.write(f"{number:04}_x.sql", f"INSERT INTO p(n) VALUES ('{number}');")
    words = [sys.executable, "-c", UPGRADE, str(project.db), str(project.folder)]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    answers = [child.communicate(timeout=120)[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * 8
    assert {tuple(answer[1:]) for answer in answers} == {("0007", "0")}
    assert sum(int(answer[0]) for answer in answers) == 7
    assert project.sql("SELECT count(*) FROM p WHERE n > '1' AND n < '9'") == [(6,)]
    assert list(tmp_path.glob("*.lock")) == []


def test_only_what_was_confirmed_is_undone(project: Project) -> None:
    numbered(project, 3)
    project.run()
    with pytest.raises(DbtoolError) as caught:
        project.run("down", expected=("0002",))
    assert caught.value.code == "migration-plan-changed"
    assert project.run("down", expected=("0003",)).version == "0002"


def test_what_one_migration_may_break_is_not_held_against_the_next(shop: Project) -> None:
    shop.write("0002_x.sql", "-- dbtool:ignore foreign-keys meant\nDELETE FROM p WHERE id = 2;")
    shop.write("0003_x.sql", "UPDATE c SET p = p WHERE id > 0;")
    assert shop.run().version == "0003"
