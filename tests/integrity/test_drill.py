"""The newest snapshot is restored, checked and compared."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.errors import StorageFailed
from dbtool.integrity import privatecopy
from tests.integrity.damaged import Damaged, largest_pack, zero


def test_it_restores_checks_compares_and_marks(damaged: Damaged, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    report = damaged.verify(drill=True, temp=temp)
    drill = report.drill
    assert drill is not None
    assert drill.sound
    assert drill.restore_s > 0
    assert {t.table for t in drill.tables} >= {"a", "w", "child"}
    assert all(t.equal and t.rows_live == t.rows_restored for t in drill.tables)
    assert damaged.repository.find("latest", database=damaged.path).verified is not None
    assert list(temp.iterdir()) == []


def test_a_changed_table_differs_and_is_no_damage(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    connection.execute("DELETE FROM w WHERE a < 10")
    connection.close()
    report = damaged.verify(drill=True)
    differing = [t for t in report.drill.tables if not t.equal]
    assert [(t.table, t.rows_restored - t.rows_live) for t in differing] == [("w", 10)]
    assert not report.damaged


def test_a_damaged_pack_fails_the_drill(damaged: Damaged) -> None:
    repository = damaged.repository
    newest = repository.find("latest", database=damaged.path)
    repository.catalog.mark_verified([newest.id], repository.clock.now())
    pack = largest_pack(damaged)
    content = bytearray(pack.read_bytes())
    content[len(content) // 3] ^= 255
    pack.write_bytes(content)
    report = damaged.verify(drill=True)
    assert not report.drill.sound
    assert any(f.code == "backup-damaged" for f in report.findings)
    assert damaged.repository.find("latest", database=damaged.path).verified is None


def test_a_snapshot_of_a_damaged_database_is_not_sound(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")), quietly=False)
    damaged.repository.backup(damaged.path)
    report = damaged.verify(drill=True)
    assert not report.drill.sound


def test_without_room_nothing_is_restored(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 4096

    monkeypatch.setattr(privatecopy.shutil, "disk_usage", lambda _folder: Usage)
    with pytest.raises(StorageFailed) as caught:
        damaged.verify(drill=True)
    assert caught.value.code == "no-space"


def test_without_a_snapshot_there_is_no_drill(damaged: Damaged) -> None:
    report = damaged.verify(repository=False, drill=True)
    assert report.drill is None
    assert any("no drill" in note for note in report.notes)
