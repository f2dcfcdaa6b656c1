"""A copy that is this check's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import StorageFailed
from dbtool.integrity.privatecopy import PrivateCopy, require_room
from dbtool.pages.reader import PageReader
from tests.integrity.damaged import Damaged, zero


def test_it_has_every_page_damaged_or_not_and_is_gone_afterwards(
    damaged: Damaged, tmp_path: Path
) -> None:
    damaged.damage(zero(damaged.page("a")))
    temp = tmp_path / "temp"
    temp.mkdir()
    with PageReader.open(damaged.path) as reader, PrivateCopy(reader, temp, Silent()) as copy:
        assert copy.pages.page(damaged.page("a")) == bytes(4096)
        assert copy.connection.execute("SELECT count(*) FROM w").get == 1500
        assert copy.connection.pragma("journal_mode") == "delete"
        (folder,) = temp.iterdir()
        assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600
    assert list(temp.iterdir()) == []


def test_without_room_nothing_is_written(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(StorageFailed) as caught:
        require_room(tmp_path, 1 << 60)
    assert caught.value.code == "no-space"
    assert "--temp" in caught.value.hint
