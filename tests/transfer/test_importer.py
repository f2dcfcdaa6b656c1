"""Imports as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError, StorageFailed
from dbtool.transfer.formats import lines
from dbtool.transfer.importer import import_rows
from dbtool.transfer.journal import JOURNAL_TABLE
from dbtool.transfer.load import QUARANTINE_TABLE
from dbtool.transfer.options import ImportOptions
from dbtool.transfer.sources import find_inputs
from tests.transfer.kit import load, prepare, rows


class Stopped(Exception):  # noqa: N818  named for the situation
    """The work was asked to stop."""


class StopAfter(Silent):
    """Stops an import in its loading pass, after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps
        self.loading = False

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.loading = phase.startswith("importing")

    def advance(self, amount: int) -> None:
        if self.loading and amount:
            self.left -= 1
            if self.left < 0:
                raise Stopped


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 100)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.fixed_dictionaries({"a": SCALARS, "b": SCALARS}), min_size=1, max_size=20))
def test_every_value_of_json_comes_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("json")
    source, database = folder / "t.ndjson", folder / "a.db"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    load(source, database)
    for name in ("a", "b"):
        given_values = [record[name] for record in records]
        stored = [value for (value,) in rows(database, f"SELECT {name} FROM t ORDER BY rowid")]
        present = [value for value in given_values if value is not None]
        mixed_truth = any(type(v) is bool for v in present) and not all(
            type(v) is bool for v in present
        )
        for value, found in zip(given_values, stored, strict=True):
            as_text = isinstance(value, (int, float)) and isinstance(found, str)
            if as_text or (value is not None and mixed_truth):
                assert json.loads(found) == value
            else:
                assert found == value


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.text(st.sampled_from('01+-.e9 ,"\n\0é'), min_size=1, max_size=8), min_size=1, max_size=9
    )
)
def test_every_text_of_csv_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    source, database = folder / "t.csv", folder / "a.db"
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    source.write_text("a\n" + "".join(f"{q}\n" for q in quoted), newline="")
    load(source, database)
    assert [str(v) for (v,) in rows(database, "SELECT a FROM t ORDER BY rowid")] == texts


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("steps", [0, 1, 3, 8])
def test_an_interrupted_import_goes_on_where_it_stopped(tmp_path: Path, steps: int) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text("".join(f'{{"id":{n}}}\n' for n in range(200)))
    stopping = StopAfter(steps)
    with pytest.raises(Stopped):
        load(source, database, progress=stopping)
    assert "--resume goes on after them" in stopping.warnings[0]
    with pytest.raises(DbtoolError) as caught:
        load(source, database)
    assert caught.value.code == "import-unfinished"
    result = load(source, database, resume=True)
    assert result.resumed
    assert rows(database, "SELECT id FROM t ORDER BY rowid") == [(n,) for n in range(200)]
    assert result.tables[0].rows == 200
    assert not rows(database, f"SELECT 1 FROM sqlite_schema WHERE name = '{JOURNAL_TABLE}'")


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("suffix", "good", "bad", "corrected"),
    [
        ("csv", "{n}", "1,2", "007"),
        ("ndjson", '{{"id":{n}}}', "{", '{"id":"007"}'),
        ("ndjson", '{{"id":{n}}}', "{", '{"id":7,"new":1}'),
        ("ndjson", '{{"id":"t{n}"}}', "{", '{"id":7}'),
        ("ndjson", '{{"id":{n}.5}}', "{", '{"id":9007199254740993}'),
    ],
)
def test_what_was_corrected_into_what_its_column_would_change_is_refused(
    tmp_path: Path, suffix: str, good: str, bad: str, corrected: str
) -> None:
    source, database = tmp_path / f"t.{suffix}", tmp_path / "a.db"
    lines = ["id"] * (suffix == "csv") + [good.format(n=n) for n in range(100)]
    source.write_text("\n".join([*lines, bad]))
    with pytest.raises(DbtoolError):
        load(source, database)
    source.write_text("\n".join([*lines, corrected]))
    with pytest.raises(DbtoolError) as caught:
        load(source, database, resume=True)
    assert caught.value.code == "record-invalid"
    source.write_text("\n".join([*lines, good.format(n=100)]))
    load(source, database, resume=True)
    assert rows(database, "SELECT count(DISTINCT id), count(*) FROM t") == [(101, 101)]


@pytest.mark.usefixtures("small_blocks")
def test_a_source_may_be_corrected_behind_the_place_and_not_before(tmp_path: Path) -> None:
    source, database = tmp_path / "t.csv", tmp_path / "a.db"
    good = "id\n" + "".join(f"{n}\n" for n in range(100))
    source.write_text(good + "1,2\n200\n")
    with pytest.raises(DbtoolError) as caught:
        load(source, database)
    assert caught.value.code == "record-invalid"
    assert "line 102" in caught.value.message
    source.write_text("id\n9" + good[4:] + "150\n200\n")
    with pytest.raises(DbtoolError) as caught:
        load(source, database, resume=True)
    assert caught.value.code == "source-changed"
    source.write_text(good + "150\n200\n300\n")
    load(source, database, resume=True)
    assert rows(database, "SELECT count(*), max(id) FROM t") == [(103, 300)]


def test_an_import_that_fails_at_once_leaves_nothing(tmp_path: Path) -> None:
    source, database = tmp_path / "t.csv", tmp_path / "a.db"
    source.write_text("id\n1,2\n")
    with pytest.raises(DbtoolError) as caught:
        load(source, database)
    assert caught.value.context == "nothing was imported"
    assert not list(tmp_path.glob("a.db*"))
    prepare(database, "CREATE TABLE other(x)")
    with pytest.raises(DbtoolError):
        load(source, database)
    assert rows(database, "SELECT name FROM sqlite_schema") == [("other",)]


def test_other_options_do_not_go_on(tmp_path: Path) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text('{"id":1}\n')
    with pytest.raises(Stopped):
        load(source, database, progress=StopAfter(0))
    with pytest.raises(DbtoolError) as caught:
        load(source, database, resume=True, mode="ignore")
    assert caught.value.code == "import-options-differ"
    assert load(source, database, restart=True).tables[0].rows == 1
    with pytest.raises(DbtoolError) as caught:
        load(source, database, resume=True)
    assert caught.value.code == "import-not-found"


def test_bad_records_go_into_the_quarantine_or_nowhere(tmp_path: Path) -> None:
    source, database = tmp_path / "t.csv", tmp_path / "a.db"
    source.write_bytes(b"id,x\n1,a\n2\n3,\xff\n4,d\n")
    result = load(source, database, on_error="quarantine")
    assert (result.bad, result.quarantined, result.tables[0].rows) == (2, True, 2)
    assert rows(database, f"SELECT line, reason, raw FROM {QUARANTINE_TABLE}") == [
        (3, "it has 1 fields, the header 2", "2"),
        (4, "it is not UTF-8", b"3,\xff"),
    ]
    result = load(source, database, on_error="skip")
    assert (result.bad, result.quarantined) == (2, False)
    with pytest.raises(DbtoolError) as caught:
        load(source, database, on_error="skip", max_errors=1)
    assert caught.value.code == "too-many-errors"


def test_a_table_that_is_there_keeps_its_indexes_and_its_words(tmp_path: Path) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text('{"id":1,"x":"hello"}\n{"id":2,"x":"world"}\n')
    prepare(
        database,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT, p REFERENCES t DEFAULT 9);"
        "CREATE INDEX i ON t(x); CREATE VIRTUAL TABLE f USING fts5(x, content=t, content_rowid=id)",
    )
    result = load(source, database)
    assert rows(database, "SELECT name FROM sqlite_schema WHERE name = 'i'") == [("i",)]
    assert rows(database, "SELECT rowid FROM f('world')") == [(2,)]
    assert result.new_violations == 2


def test_words_follow_rows_that_are_replaced(tmp_path: Path) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text('{"id":1,"x":"new"}\n')
    prepare(
        database,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);"
        "CREATE VIRTUAL TABLE f USING fts5(x, content=t, content_rowid=id);"
        "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO f(rowid, x) VALUES (new.id, new.x);"
        " END; CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO f(f, rowid, x)"
        " VALUES ('delete', old.id, old.x); END; INSERT INTO t VALUES (1, 'old')",
    )
    load(source, database, mode="replace")
    prepare(database, "INSERT INTO f(f, rank) VALUES ('integrity-check', 1)")
    assert rows(database, "SELECT rowid FROM f('old')") == []


def test_the_snapshot_is_taken_before_the_first_change_only(tmp_path: Path) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text('{"id":1}\n')
    calls: list[list[Any]] = []

    def before() -> str:
        calls.append(rows(database, "SELECT name FROM sqlite_schema"))
        return "abc"

    assert load(source, database, before=before).snapshot is None
    assert load(source, database, table="u", before=before).snapshot == "abc"
    assert calls == [[("t",)]]


def test_a_full_disk_stops_it_and_it_goes_on(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "a.db"
    source.write_text("".join(f'{{"id":{n},"x":"{"y" * 80}"}}\n' for n in range(2000)))
    prepare(database, "CREATE TABLE other(x)")
    limit = _limiting(monkeypatch, pages=20)
    with pytest.raises(StorageFailed) as caught:
        load(source, database)
    assert caught.value.code == "no-space"
    assert 0 < rows(database, "SELECT count(*) FROM t")[0][0] < 2000
    limit(1_000_000)
    load(source, database, resume=True)
    assert rows(database, "SELECT count(*), count(DISTINCT id) FROM t") == [(2000, 2000)]


def _limiting(monkeypatch: pytest.MonkeyPatch, pages: int) -> Callable[[int], None]:
    """Let databases that are imported into have so many pages at most, as on a full disk."""
    from dbtool.transfer import target

    original = target.open_live
    allowed = [pages]

    def limited(path: Path, *, busy_timeout_s: float) -> apsw.Connection:
        connection = original(path, busy_timeout_s=busy_timeout_s)
        connection.pragma("max_page_count", allowed[0])
        return connection

    monkeypatch.setattr(target, "open_live", limited)
    return lambda count: allowed.__setitem__(0, count)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    source, database = tmp_path / "t.csv", tmp_path / "a.db"
    source.write_text("id,zip\n1,007\n")
    inputs = find_inputs(str(source), None)
    result = import_rows(
        str(source), inputs, database, ImportOptions(), progress=Silent(), dry_run=True
    )
    assert not database.exists()
    assert [(c["name"], c["type"]) for c in result.tables[0].columns] == [
        ("id", "INTEGER"),
        ("zip", "TEXT"),
    ]
    assert result.tables[0].first_rows == (("1", "007"),)


def test_several_files_go_into_one_table_or_into_their_own(tmp_path: Path) -> None:
    folder, database = tmp_path / "in", tmp_path / "a.db"
    folder.mkdir()
    (folder / "a.ndjson").write_text('{"x":1}\n')
    (folder / "b.json").write_text('[{"x":"2"}]')
    load(folder, database)
    load(folder, database, table="both")
    assert rows(database, "SELECT x FROM both ORDER BY rowid") == [(1,), ("2",)]
    assert rows(database, "SELECT (SELECT x FROM a), (SELECT x FROM b)") == [(1, "2")]


def test_a_source_of_which_no_record_can_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    source = tmp_path / "t.ndjson"
    source.write_text('{"a":1,"a":2}\n')
    with pytest.raises(DbtoolError) as caught:
        load(source, tmp_path / "a.db")
    assert caught.value.code == "source-empty"
    assert "line 1: the key 'a' occurs twice" in caught.value.context


def test_other_files_are_not_gone_on_with(tmp_path: Path) -> None:
    folder, database = tmp_path / "in", tmp_path / "a.db"
    folder.mkdir()
    (folder / "b.csv").write_text("a\n1\n2\n")
    (folder / "c.csv").write_text("a\n3,4\n")
    with pytest.raises(DbtoolError):
        load(folder, database, table="t")
    (folder / "a.csv").write_text("a\n0\n")
    (folder / "c.csv").write_text("a\n3\n")
    with pytest.raises(DbtoolError) as caught:
        load(folder, database, table="t", resume=True)
    assert caught.value.code == "source-changed"
    (folder / "a.csv").unlink()
    load(folder, database, table="t", resume=True)
    assert rows(database, "SELECT a FROM t ORDER BY rowid") == [(1,), (2,), (3,)]


def test_child_tables_are_loaded_with_their_rows(tmp_path: Path) -> None:
    source, database = tmp_path / "o.json", tmp_path / "a.db"
    source.write_text('[{"id":1,"lines":[{"n":1},{"n":2}]},{"id":2,"lines":[]}]')
    load(source, database, nesting="child-tables", pk=("id",))
    assert rows(database, "SELECT * FROM o_lines") == [(1, 0, 1), (1, 1, 2)]
