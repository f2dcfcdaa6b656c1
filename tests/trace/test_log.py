"""The trace log: what was written comes back added up, whatever happened to the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.errors import NotFound
from dbtool.trace.log import Entry, StatementUse, added, encode, log_files, read_log

USE = StatementUse(
    sql="SELECT a FROM t WHERE b = ?",
    calls=3,
    seconds=0.5,
    longest_s=0.25,
    histogram={100: 2, 104: 1},
    rows=7,
    full_scan_steps=90,
    full_scans=3,
    sorts=1,
    automatic_indexes=0,
    vm_steps=400,
    busy_errors=1,
    errors=2,
)
ENTRY = Entry(USE, 1000.0, 1060.0, 42, "apsw", "/srv/app.db")

uses = st.builds(
    StatementUse,
    sql=st.text(min_size=1),
    calls=st.integers(0, 10**9),
    seconds=st.floats(0, 1e6).map(lambda s: round(s, 9)),
    longest_s=st.floats(0, 1e6).map(lambda s: round(s, 9)),
    histogram=st.dictionaries(st.integers(12, 259), st.integers(0, 10**6), max_size=5),
    rows=st.none() | st.integers(0, 10**9),
    vm_steps=st.none() | st.integers(0, 10**9),
    busy_errors=st.integers(0, 99),
    example=st.none() | st.text(),
    example_s=st.just(0.0),
)


def write(path: Path, *entries: Entry) -> Path:
    path.write_bytes(b"".join(encode(entry) for entry in entries))
    return path


@settings(deadline=None)
@given(uses)
def test_a_line_comes_back_as_it_was_written(tmp_path_factory, use: StatementUse) -> None:
    path = write(tmp_path_factory.mktemp("log") / "log", replace(ENTRY, use=use))
    assert read_log(path).statements == (use,)


def test_periods_of_one_statement_are_added_up(tmp_path: Path) -> None:
    later = replace(ENTRY, began_at=1060.0, ended_at=1120.0, pid=43)
    log = read_log(write(tmp_path / "log", ENTRY, later))
    (use,) = log.statements
    assert (use.calls, use.seconds, use.rows, use.busy_errors) == (6, 1.0, 14, 2)
    assert use.histogram == {100: 4, 104: 2}
    assert (log.began_at, log.ended_at, log.covered_s, log.processes) == (1000.0, 1120.0, 120.0, 2)


def test_hours_without_a_traced_process_are_not_covered(tmp_path: Path) -> None:
    later = replace(ENTRY, began_at=9000.0, ended_at=9060.0)
    beside = replace(ENTRY, began_at=1030.0, ended_at=1070.0)
    assert read_log(write(tmp_path / "log", later, beside, ENTRY)).covered_s == 130.0


def test_what_a_library_cannot_tell_stays_unknown(tmp_path: Path) -> None:
    unknown = replace(USE, vm_steps=None, full_scan_steps=None)
    (use,) = read_log(write(tmp_path / "log", replace(ENTRY, use=unknown))).statements
    assert use.vm_steps is None
    assert use.full_scan_steps is None
    assert added(use, USE).vm_steps == USE.vm_steps


def test_the_slowest_example_is_kept() -> None:
    slow = replace(USE, example="slow", example_s=2.0)
    quick = replace(USE, example="quick", example_s=1.0)
    assert added(slow, quick).example == added(quick, slow).example == "slow"
    assert added(USE, quick).example == added(quick, USE).example == "quick"


def test_lines_are_chosen_by_database_and_time(tmp_path: Path) -> None:
    other = replace(ENTRY, database="/srv/other.db", use=replace(USE, calls=1))
    path = write(tmp_path / "log", ENTRY, other)
    assert read_log(path, database="/srv/other.db").statements[0].calls == 1
    assert read_log(path).databases == ("/srv/app.db", "/srv/other.db")
    assert not read_log(path, since=2000.0).statements
    assert not read_log(path, until=1000.0).statements


@pytest.mark.parametrize(
    "bad",
    [
        b"no json\n",
        b"[]\n",
        b'{"v":2}\n',
        b"\xff\xfe\n",
        b"\n",
        encode(ENTRY).replace(b'"n":3', b'"n":-3'),
        encode(ENTRY).replace(b'"n":3', b'"n":true'),
        encode(ENTRY).replace(b'"s":0.5', b'"s":NaN'),
        encode(ENTRY).replace(b'"h":{', b'"h":[') + b"\n",
        b"[" * 100_000 + b"\n",
        b"x" * (3 << 20) + b"\n",
        encode(ENTRY)[:-20],
        encode(ENTRY).replace(b'"from":1000.0', b'"from":NaN'),
        encode(ENTRY).replace(b'"to":1060.0', b'"to":1e300'),
        encode(ENTRY).replace(b'"100":2', b'"99999999":2'),
    ],
    ids=range(15),
)
def test_a_bad_line_is_counted_and_the_others_are_read(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(encode(ENTRY) + bad)
    log = read_log(path)
    assert log.statements[0].calls == 3
    assert log.unreadable_lines >= 1


def test_statements_that_were_too_many_are_counted(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log", ENTRY, replace(ENTRY, use=replace(USE, sql=""))))
    assert log.lost_calls == 3
    assert len(log.statements) == 1


def test_rotated_parts_are_read_the_oldest_first(tmp_path: Path) -> None:
    path = write(tmp_path / "log", ENTRY)
    write(tmp_path / "log.1", ENTRY)
    write(tmp_path / "log.2", ENTRY)
    write(tmp_path / "log.4", ENTRY)
    assert [part.name for part in log_files(path)] == ["log.2", "log.1", "log"]
    assert read_log(path).statements[0].calls == 9


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        read_log(tmp_path / "log")
    assert raised.value.code == "trace-not-found"


def test_an_empty_log_covers_nothing(tmp_path: Path) -> None:
    log = read_log(write(tmp_path / "log"))
    assert (log.statements, log.began_at, log.covered_s) == ((), None, 0.0)
