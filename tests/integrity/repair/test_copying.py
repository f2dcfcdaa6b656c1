"""Private folders and copies."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dbtool.backup.leftovers import find_leftovers
from dbtool.core.atomicfile import SYSTEM_FILES
from dbtool.core.progress import Silent
from dbtool.errors import StorageFailed
from dbtool.integrity.repair.copying import (
    copy_file,
    digest_of,
    remove_folder,
    require_free,
    sync_file,
    work_folder,
)


def test_a_work_folder_is_private_and_prune_knows_it(tmp_path: Path) -> None:
    folder = work_folder(tmp_path, SYSTEM_FILES)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "copy.db").write_bytes(b"x" * 100)
    for path in (folder / "copy.db", folder):
        os.utime(path, (0, 0))
    assert [left.path for left in find_leftovers([tmp_path / "app.db"])] == [folder]
    remove_folder(folder, SYSTEM_FILES)
    assert not folder.exists()
    remove_folder(folder, SYSTEM_FILES)


def test_a_copy_is_private_and_never_over_another_file(tmp_path: Path) -> None:
    content = os.urandom((4 << 20) + 7)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(content)
    copy_file(source, target, SYSTEM_FILES, Silent())
    sync_file(target, SYSTEM_FILES)
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o777 == 0o600
    assert digest_of(target, SYSTEM_FILES, Silent()) == hashlib.sha256(content).hexdigest()
    with pytest.raises(StorageFailed):
        copy_file(source, target, SYSTEM_FILES, Silent())


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    require_free(tmp_path, 0)
    with pytest.raises(StorageFailed) as caught:
        require_free(tmp_path, 1 << 60)
    assert caught.value.code == "no-space"
    assert "--to" in caught.value.hint
