"""What would run is shown as it would run."""

from __future__ import annotations

from dbtool.migrate.opening import open_to_look
from dbtool.migrate.planning import Plan, plan
from tests.migrate.kit import Project


def planned(project: Project) -> Plan:
    with open_to_look(project.db) as connection:
        return plan(connection, project.standing().pending)


def test_a_rebuild_is_written_out_and_what_it_shows_is_what_runs(shop: Project) -> None:
    shop.write(
        "0002_x.sql",
        "-- dbtool:up\n-- dbtool:rebuild p\n-- dbtool:map m = upper(n)\n"
        "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n, m);\nINSERT INTO log VALUES (1);",
    )
    (one,) = planned(shop).planned
    texts = [statement.sql for statement in one.statements]
    assert texts[1] == 'ALTER TABLE "p" RENAME TO "_dbtool_old_p";'
    assert any(text.startswith("INSERT OR ABORT INTO") and "(upper(n))" in text for text in texts)
    assert any(text.startswith("CREATE TRIGGER tr") for text in texts)
    assert texts[-1] == "INSERT INTO log VALUES (1);"
    twin = shop.sql("SELECT * FROM p")
    shop.sql(
        "PRAGMA foreign_keys = OFF; BEGIN; "
        + "".join(text for text in texts if "sqlite_sequence" not in text)
        + "ROLLBACK"
    )
    assert shop.sql("SELECT * FROM p") == twin


def test_a_check_that_names_its_table_is_planned_with_the_detour(project: Project) -> None:
    project.sql("CREATE TABLE t(a, CHECK (t.a)); INSERT INTO t VALUES (1)")
    project.write("0001_x.sql", "-- dbtool:rebuild t\nCREATE TABLE t(a, b);")
    (one,) = planned(project).planned
    assert 'CREATE TABLE "_dbtool_old_t"("a");' in [each.sql for each in one.statements]


def test_each_migration_is_planned_on_what_those_before_leave(project: Project) -> None:
    project.write("0001_x.sql", "CREATE TABLE t(a);")
    project.write("0002_x.sql", "-- dbtool:rebuild t\nCREATE TABLE t(a, b);")
    made = planned(project)
    assert len(made.planned[1].statements) > 4
    assert made.free_bytes
    assert project.sql("SELECT * FROM sqlite_schema") == []


def test_findings_stand_with_their_migration(shop: Project) -> None:
    shop.write("0002_x.sql", "DELETE FROM c;")
    (one,) = planned(shop).planned
    assert "delete-without-where" in [finding.rule for finding in one.findings]


def test_a_rebuild_that_does_not_work_is_shown_as_it_stands(project: Project) -> None:
    project.write("0001_x.sql", "-- dbtool:rebuild t\nCREATE TABLE t(a, b);")
    (one,) = planned(project).planned
    assert [each.sql for each in one.statements] == ["CREATE TABLE t(a, b);"]
