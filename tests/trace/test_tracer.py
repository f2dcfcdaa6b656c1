"""Turning tracing on: mistakes are told at once, and nothing later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import dbtool.trace
from dbtool.trace.log import read_log


@pytest.mark.parametrize("name", ["app.db", "app.sqlite3", "app.db-wal", "x-journal"])
def test_a_log_with_the_name_of_a_database_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name of a database"):
        dbtool.trace.start(tmp_path / name)


@pytest.mark.parametrize("options", [{"interval_s": 0}, {"max_bytes": 0}, {"files": 0}])
def test_numbers_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        dbtool.trace.start(tmp_path / "log", **options)


@pytest.mark.parametrize("thing", [None, "app.db", apsw.Connection])
def test_what_is_no_connection_is_refused(tmp_path: Path, thing: Any) -> None:
    tracer = dbtool.trace.start(tmp_path / "log")
    with pytest.raises(TypeError, match="factory"):
        tracer.attach(thing)
    with pytest.raises(TypeError, match="no class of connections"):
        tracer.factory(thing)


def test_a_closed_tracer_counts_no_more_and_the_connection_goes_on(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    with dbtool.trace.start(tmp_path / "log") as tracer:
        tracer.attach(connection)
        connection.execute("SELECT 1").fetchall()
    assert connection.execute("SELECT 2").get == 2
    tracer.flush()
    assert read_log(tmp_path / "log").statements[0].calls == 1


def test_a_missing_folder_does_not_keep_the_application_from_starting(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    tracer = dbtool.trace.start(tmp_path / "missing" / "log")
    tracer.attach(connection)
    assert connection.execute("SELECT 1").get == 1
    tracer.close()
