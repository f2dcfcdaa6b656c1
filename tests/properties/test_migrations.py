"""Any schema, any rebuild: up then down is the identity, and nothing else ever changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.core.names import identifier
from tests.migrate.kit import Project

TYPES = ("INTEGER", "TEXT", "REAL", "BLOB")
VALUES = {
    "INTEGER": st.integers(-(2**63), 2**63 - 1),
    "TEXT": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    "REAL": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "BLOB": st.binary(max_size=6),
}
NAMES = st.sampled_from(["a", "B b", 'q"x', "select", "é", "rowid", "t;--", "[y]"])
ACTIONS = st.sampled_from(["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])
INDEXES = (
    "CREATE INDEX {name} ON {table}({column})",
    "CREATE UNIQUE INDEX {name} ON {table}({key}, {column})",
    "CREATE INDEX {name} ON {table}({column} COLLATE NOCASE DESC) WHERE {column} IS NOT NULL",
    "CREATE INDEX {name} ON {table}(length({column}), {key})",
)


class Shape(NamedTuple):
    """How the table is kept."""

    key: str
    strict: bool
    without_rowid: bool
    extras: tuple[str, ...]
    """Generated columns, constraints."""


class Case(NamedTuple):
    """A database, and the rebuild of one of its tables."""

    setup: list[str]
    rows: list[tuple[Any, ...]]
    columns: list[str]
    before: str
    after: str
    keeps_rowids: bool


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    without_rowid = draw(st.booleans())
    keys = ["INTEGER PRIMARY KEY", "INTEGER NOT NULL PRIMARY KEY DESC", "INTEGER NOT NULL UNIQUE"]
    if not without_rowid:
        keys.append("INTEGER PRIMARY KEY AUTOINCREMENT")
    key = draw(st.sampled_from(keys))
    extras = draw(
        st.lists(
            st.sampled_from(
                [
                    '"gv" INTEGER AS ("k" + 1)',
                    '"gs" INTEGER AS ("k" * 2) STORED',
                    'CHECK ("k" IS NOT NULL)',
                    'CHECK ("p"."k" IS NOT NULL)',
                    '"self" INTEGER REFERENCES "p"("k") ON DELETE CASCADE',
                ]
            ),
            unique=True,
            max_size=3,
        )
    )
    without_rowid = without_rowid and "PRIMARY KEY" in key
    return Shape(key, draw(st.booleans()), without_rowid, tuple(sorted(extras)))


def definition(shape: Shape, columns: list[tuple[str, str]]) -> str:
    parts = [f'"k" {shape.key}', *(f"{identifier(name)} {kind}" for name, kind in columns)]
    # Constraints of the table stand behind its columns.
    parts += sorted(shape.extras, key=lambda part: part.startswith("CHECK"))
    options = ["STRICT"] * shape.strict + ["WITHOUT ROWID"] * shape.without_rowid
    return f'CREATE TABLE "p"({", ".join(parts)}) {", ".join(options)}'.rstrip()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    columns = [(name, draw(st.sampled_from(TYPES))) for name in names]
    old = draw(shapes())
    new = draw(shapes())
    # What one of them generates or refers with, the other must hold as well, or it would be lost.
    kept = {part for part in old.extras if not part.startswith("CHECK")}
    new = new._replace(extras=tuple(sorted({*kept, *(p for p in new.extras if p[:5] == "CHECK")})))
    moved = draw(st.permutations(columns))
    if draw(st.booleans()):
        moved = [*moved, ("added", draw(st.sampled_from(TYPES)))]
    keys = draw(st.lists(st.integers(-50, 50), unique=True, max_size=8))
    rows = [(key, *(draw(st.none() | VALUES[kind]) for _, kind in columns)) for key in keys]
    setup = [definition(old, columns), *draw(_surroundings(names))]
    # An INTEGER PRIMARY KEY is the rowid: there, it cannot be another one as well.
    own_rowids = [
        not s.without_rowid and not s.key.startswith("INTEGER PRIMARY") for s in (old, new)
    ]
    return Case(
        setup,
        rows,
        ["k", *names],
        definition(old, columns),
        definition(new, moved),
        all(own_rowids),
    )


@st.composite
def _surroundings(draw: st.DrawFn, names: list[str]) -> list[str]:
    """Draw children, views, triggers and indexes around the table p."""
    setup = [
        f'CREATE TABLE c{i}(id INTEGER PRIMARY KEY, r REFERENCES "p"("k") ON DELETE {action})'
        for i, action in enumerate(draw(st.lists(ACTIONS, min_size=1, max_size=2)))
    ]
    column = identifier(draw(st.sampled_from(names)))
    setup.append("CREATE TABLE log(x)")
    for i, text in enumerate(draw(st.lists(st.sampled_from(INDEXES), unique=True))):
        setup.append(text.format(name=f"i{i}", table='"p"', column=column, key='"k"'))
    setup.append(f'CREATE VIEW v AS SELECT "k", {column} FROM "p" WHERE {column} IS NOT NULL')
    setup += draw(
        st.lists(
            st.sampled_from(
                [
                    'CREATE TRIGGER t1 AFTER DELETE ON "p" BEGIN'
                    ' DELETE FROM c0 WHERE r = old."k"; END',
                    'CREATE TRIGGER t2 BEFORE UPDATE ON "p" BEGIN INSERT INTO log VALUES (1); END',
                    'CREATE TRIGGER t3 AFTER INSERT ON "p" BEGIN'
                    ' INSERT INTO log SELECT "k" FROM "p"; END',
                    'CREATE TRIGGER t4 AFTER DELETE ON c0 BEGIN DELETE FROM "p" WHERE 0; END',
                    "CREATE TRIGGER t5 INSTEAD OF DELETE ON v BEGIN"
                    ' DELETE FROM "p" WHERE "k" = old."k"; END',
                ]
            ),
            unique=True,
        )
    )
    return setup


def state(project: Project, case: Case, *, rowids: bool) -> dict[str, Any]:
    """Return everything that the database holds, but for the history."""
    found = project.content()
    found["types"] = sorted(
        map(
            repr,
            project.sql(
                "SELECT "
                + ", ".join(f"typeof({identifier(name)})" for name in case.columns)
                + ' FROM "p"'
            ),
        )
    )
    if rowids and "rowid" not in case.columns:
        found["rowids"] = project.sql('SELECT rowid, "k" FROM "p" ORDER BY 2')
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_up_then_down_is_the_identity_and_nothing_else_changes(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        for sql in case.setup:
            project.sql(sql)
        columns = ", ".join(map(identifier, case.columns))
        marks = ", ".join("?" * len(case.columns))
        for row in case.rows:
            project.sql(f'INSERT INTO "p"({columns}) VALUES ({marks})', *row)
            project.sql("INSERT INTO c0(r) VALUES (?)", row[0])
        rowids = case.keeps_rowids
        before = state(project, case, rowids=rowids)
        project.write(
            "0001_rebuild.sql",
            f"-- dbtool:up\n-- dbtool:rebuild p\n{case.after};\n"
            f"-- dbtool:down\n-- dbtool:rebuild p\n{case.before};\n",
        )
        project.run(allow=["rebuild-loses-check", "drop-column"])
        after = state(project, case, rowids=False)
        own = {"schema", "types", "rowids", "p", "sqlite_sequence"}
        for key in {*before, *after} - own:
            assert after[key] == before[key], key
        assert after["types"] == before["types"]
        others = [row for row in before["schema"] if row[1] not in ("p", "sqlite_sequence")]
        assert [
            row
            for row in after["schema"]
            if row[1] not in ("p", "sqlite_sequence") and row[3] is not None
        ] == [row for row in others if row[3] is not None]
        project.run("down", allow=["rebuild-loses-check", "drop-column"])
        assert same(state(project, case, rowids=rowids), before)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare states; a table of marks that SQLite keeps for ever does not count while empty."""

    def plain(found: dict[str, Any]) -> dict[str, Any]:
        schema = [row for row in found["schema"] if row[1] != "sqlite_sequence"]
        return {k: v for k, v in found.items() if k != "sqlite_sequence"} | {"schema": schema}

    return plain(one) == plain(other) and (
        not other.get("sqlite_sequence") or one["sqlite_sequence"] == other["sqlite_sequence"]
    )
