"""Many migrations as one: proven to make the same, taken as applied where all were."""

from __future__ import annotations

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.squash import squash
from tests.migrate.kit import SHOP, Project


def squashed(project: Project, count: int = 9) -> str:
    made = squash(project.migrations()[:count], "base", progress=Silent())
    for migration in made.replaces:
        migration.path.unlink()
    made.path.write_text(made.text, encoding="utf-8")
    return made.path.name


@pytest.fixture
def three(project: Project) -> Project:
    project.write("0001_shop.sql", SHOP)
    project.write(
        "0002_x.sql",
        "CREATE TABLE odd(t, b, r, g AS (t || 'x'));"
        "INSERT INTO odd VALUES ('it''s', x'00ff', 1.5), (NULL, zeroblob(2), -7);",
    )
    project.write("0003_x.sql", "ALTER TABLE c ADD COLUMN more;")
    return project


FREE = ["foreign-keys", "delete-without-where"]


def test_a_new_database_gets_the_same(three: Project) -> None:
    three.run(allow=FREE)
    before = three.content()
    three.sql("PRAGMA writable_schema = 1; DELETE FROM sqlite_schema; PRAGMA writable_schema = 0")
    three.sql("VACUUM")
    assert squashed(three) == "0003_base.sql"
    three.run(allow=FREE)
    after = three.content()
    assert {k: v for k, v in after.items() if k != "schema"} == {
        k: v for k, v in before.items() if k != "schema"
    }
    assert three.sql("SELECT seq FROM sqlite_sequence WHERE name = 'p'") == [(3,)]


def test_a_database_that_had_all_takes_it_as_applied(three: Project) -> None:
    three.run(allow=FREE)
    three.write("0004_x.sql", "CREATE TABLE later(a);")
    three.run()
    squashed(three, 3)
    assert [entry.state for entry in three.standing().entries] == ["squashed", "applied"]
    three.write("0005_x.sql", "CREATE TABLE latest(a);")
    three.run()
    state = three.standing()
    assert [entry.state for entry in state.entries] == ["applied"] * 3
    assert [(each.version, each.kind) for each in state.applied] == [
        ("0003", "squashed"),
        ("0004", "run"),
        ("0005", "run"),
    ]
    assert not state.drifted


def test_a_database_that_had_only_some_is_told_to_go_on_first(three: Project) -> None:
    three.run(count=2, allow=FREE)
    squashed(three)
    with pytest.raises(DbtoolError) as caught:
        three.run()
    assert caught.value.code == "migration-missing"
    assert "bring the database to 0003" in caught.value.hint


def test_one_alone_is_nothing_to_squash(three: Project) -> None:
    with pytest.raises(UsageError):
        squash(three.migrations()[:1], "base", progress=Silent())


def test_what_would_not_make_the_same_is_refused(three: Project) -> None:
    three.write("0004_x.sql", "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('x');")
    with pytest.raises(DbtoolError) as caught:
        squash(three.migrations(), "base", progress=Silent())
    assert caught.value.code == "squash-differs"
    assert "f would differ" in caught.value.message


def test_squashing_again_replaces_what_was_squashed_before(three: Project) -> None:
    squashed(three)
    three.write("0004_x.sql", "CREATE TABLE later(a);")
    made = squash(three.migrations(), "all", progress=Silent())
    assert made.text.startswith("-- dbtool:replaces 0001 0002 0003 0004\n")


def test_rowids_and_the_numbers_of_the_header_stay(project: Project) -> None:
    project.write("0001_a.sql", "CREATE TABLE a(b); INSERT INTO a(rowid, b) VALUES (7, 'x');")
    project.write("0002_b.sql", "PRAGMA user_version = 5; PRAGMA application_id = 9;")
    squashed(project)
    project.run()
    assert project.sql("SELECT rowid, b FROM a") == [(7, "x")]
    assert (project.sql("PRAGMA user_version"), project.sql("PRAGMA application_id")) == (
        [(5,)],
        [(9,)],
    )


def test_the_name_makes_the_name_of_a_file(three: Project) -> None:
    made = squash(three.migrations(), "../../A b", progress=Silent())
    assert made.path == three.folder / "0003_a_b.sql"
    with pytest.raises(UsageError):
        squash(three.migrations(), "..", progress=Silent())
