"""Any database, any question: a snapshot answers as the file restored from it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from tests.properties.test_snapshots import KEY, Application, shapes, steps

columns = st.sampled_from(["id", "a", "b", "c", "length(b)", "typeof(a)", "hex(b)", "rowid"])
conditions = st.one_of(
    st.just("1"),
    st.integers(0, 300).map(lambda n: f"id = {n}"),
    st.integers(0, 300).map(lambda n: f"id > {n}"),
    st.floats(0, 1).map(lambda x: f"c < {x!r}"),
    st.integers(0, 9).map(lambda n: f"a LIKE 'text 0.{n}%'"),
    st.integers(0, 300).map(lambda n: f"length(b) = {n}"),
)


@st.composite
def questions(draw: st.DrawFn) -> str:
    """Return a query with one possible answer."""
    fixed = [
        "SELECT count(*), sum(n), group_concat(hex(v)) FROM keyed",
        "SELECT * FROM keyed ORDER BY k DESC, n",
        "SELECT rowid, text FROM words ORDER BY rowid",
        "SELECT count(*) FROM words WHERE words MATCH 'text OR w*'",
        "SELECT type, name, sql FROM sqlite_schema ORDER BY name",
        "PRAGMA integrity_check",
        "PRAGMA page_count",
        "SELECT p.a, k.n FROM plain p LEFT JOIN keyed k ON k.k = p.id % 100 ORDER BY 1, 2",
    ]
    if draw(st.booleans()):
        return draw(st.sampled_from(fixed))
    chosen = ", ".join(draw(st.lists(columns, min_size=1, max_size=4)))
    direction = draw(st.sampled_from(["ASC", "DESC"]))
    limit = draw(st.integers(-1, 50))
    where = draw(conditions)
    return f"SELECT {chosen} FROM plain WHERE {where} ORDER BY id {direction} LIMIT {limit}"


def answer(connection: apsw.Connection, question: str) -> object:
    """Return what a connection says, or how it fails."""
    try:
        return connection.execute(question).fetchall()
    except apsw.Error as error:
        return str(error)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes,
    history=st.lists(steps, min_size=1, max_size=3),
    asked=st.lists(questions(), min_size=1, max_size=8),
    encrypted=st.booleans(),
)
def test_snapshots_answer_as_the_files_restored_from_them(
    shape: dict[str, object],
    history: list[list[tuple[str, int]]],
    asked: list[str],
    encrypted: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "app.db"
        repository = Repository.create(Path(folder) / "r", secret=KEY if encrypted else None)
        application = Application(database, shape)
        for work in history:
            for kind, seed in work:
                application.step(kind, seed)
            repository.backup(database, BackupOptions(always=True))
        application.connection.close()
        for snapshot in repository.snapshots():
            restored = Path(folder) / f"{snapshot.id}.db"
            repository.restore(snapshot, restored)
            file, mounted = apsw.Connection(str(restored)), snapshot.connect()
            for question in asked:
                assert answer(mounted, question) == answer(file, question), question
            mounted.close()
            file.close()
