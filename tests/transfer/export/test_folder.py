"""A database as a folder: whole, checked, and taken back equal."""

from __future__ import annotations

import errno
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Refused, StorageFailed
from dbtool.transfer.export.folder import FolderOptions, export_folder
from dbtool.transfer.export.plan import plan_chosen, plan_database
from tests.crash.faultyfiles import FaultyFiles, Killed
from tests.transfer.export.conftest import content, take


def names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("format_name", "compression"),
    [("ndjson", None), ("ndjson", "zstd"), ("json", None), ("json", "gzip")],
)
def test_a_database_with_everything_is_taken_back_equal(
    nasty: apsw.Connection, tmp_path: Path, format_name: str, compression: str | None
) -> None:
    options = FolderOptions(format=format_name, compression=compression)
    written = export_folder(nasty, plan_database(nasty), tmp_path / "out", options, Silent())
    assert not written.losses
    back = apsw.Connection(str(tmp_path / "back.db"))
    manifest = take(tmp_path / "out", back)
    assert manifest.complete
    assert content(back) == content(nasty)
    assert back.execute("SELECT rowid FROM words WHERE words MATCH 'three'").fetchall() == [(7,)]
    back.execute("INSERT INTO outside(outside) VALUES('rebuild')")
    back.execute("INSERT INTO outside(outside, rank) VALUES('integrity-check', 1)")
    back.close()


def test_csv_says_what_it_does_not_hold(nasty: apsw.Connection, tmp_path: Path) -> None:
    plan = plan_database(nasty)
    written = export_folder(nasty, plan, tmp_path / "out", FolderOptions(format="csv"), Silent())
    assert {loss.table for loss in written.losses} >= {"plain", "exact", "hidden", "bare"}
    back = apsw.Connection(":memory:")
    back.close()
    assert b'"complete": false' in (tmp_path / "out/manifest.json").read_bytes()


def test_chosen_tables_come_with_their_indexes_and_without_triggers(
    nasty: apsw.Connection, tmp_path: Path
) -> None:
    plan = plan_chosen(nasty, {"PLAIN": None, "empty": None})
    export_folder(nasty, plan, tmp_path / "out", FolderOptions(), Silent())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "plain.ndjson", "empty.ndjson", "schema.sql", "manifest.json",
    }  # fmt: skip
    schema = (tmp_path / "out/schema.sql").read_text()
    assert "plain_v" in schema
    assert "TRIGGER" not in schema
    back = apsw.Connection(":memory:")
    assert not take(tmp_path / "out", back).complete


def test_a_folder_that_holds_anything_is_left_alone(
    values: apsw.Connection, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(Refused) as caught:
            export_folder(
                values,
                plan_database(values),
                tmp_path / "out",
                FolderOptions(overwrite=overwrite),
                Silent(),
            )
        assert caught.value.code == "file-exists"
    assert names(tmp_path / "out") == ["precious.txt"]
    assert names(tmp_path) == ["out"]


def test_an_older_export_is_replaced_as_a_whole_when_asked(
    values: apsw.Connection, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export_folder(values, plan_database(values), out, FolderOptions(format="csv"), Silent())
    export_folder(values, plan_database(values), out, FolderOptions(overwrite=True), Silent())
    assert {path.name for path in out.iterdir()} == {"t.ndjson", "schema.sql", "manifest.json"}
    assert names(tmp_path) == ["out"]


def test_an_empty_folder_is_filled(values: apsw.Connection, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export_folder(values, plan_database(values), tmp_path / "out", FolderOptions(), Silent())
    assert (tmp_path / "out/manifest.json").is_file()


def test_a_full_disk_or_a_kill_at_any_step_leaves_no_folder_or_a_whole_one(
    values: apsw.Connection, tmp_path: Path
) -> None:
    plan = plan_database(values)
    for killed in (False, True):
        for n in range(1, 60):
            home = tmp_path / f"{killed}-{n}"
            home.mkdir()
            faulty = FaultyFiles(n, errno.ENOSPC, killed=killed, forever=True)
            try:
                export_folder(values, plan, home / "out", FolderOptions(), Silent(), files=faulty)
            except (StorageFailed, Killed) as error:
                if isinstance(error, StorageFailed):
                    assert error.code == "no-space"
                    assert names(home) in ([], ["out"])
            else:
                assert not faulty.failed
                break
            if (home / "out").exists():
                take(home / "out", apsw.Connection(":memory:"))
        else:
            pytest.fail("it never came through")
